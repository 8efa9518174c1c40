"""Frames between parent, worker and compiler: kind (1 byte), lengths of head and body (4 bytes each), head (JSON), body.

What a program wrote travels in bodies only; the sandbox side never interprets it. Standard library only.
"""

import json
import socket
import struct
from typing import Any

_FRAME = struct.Struct("<cII")


class Channel:
    """One end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._file = connection.makefile("rb")

    def send(self, kind: bytes, head: dict[str, Any], body: bytes = b"") -> None:
        """Write one frame. Raises OSError."""
        text = json.dumps(head).encode()
        self.connection.sendall(_FRAME.pack(kind, len(text), len(body)) + text + body)

    def receive(self) -> tuple[bytes, dict[str, Any], bytes]:
        """Read one frame. Raises EOFError when the other side is gone, OSError, and ValueError for a head that is no JSON."""
        kind, head, body = _FRAME.unpack(self._exactly(_FRAME.size))
        return kind, json.loads(self._exactly(head)), self._exactly(body)

    def _exactly(self, size: int) -> bytes:
        found = self._file.read(size)
        if len(found) < size:
            raise EOFError("the other side has closed the connection")
        return found

    def close(self) -> None:
        """Close this end."""
        self._file.close()
        self.connection.close()
