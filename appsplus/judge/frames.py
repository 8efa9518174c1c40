"""Frames between parent, worker and compiler: kind (1 byte), lengths of head and body (4 bytes each), head (JSON), body.

What a program wrote travels in bodies only; the sandbox side never interprets it. Standard library only.
"""

import json
import socket
import struct
import time
from typing import Any

_FRAME = struct.Struct("<cII")
_read_head = json.JSONDecoder().raw_decode  # without a look for spaces around it, which costs as much again
_HELD_BYTES, _HELD_S = 1 << 18, 0.05  # what `Channel.hold` keeps back at most, and since when


class Channel:
    """One end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._file = connection.makefile("rb")
        self._held, self._held_since = b"", 0.0

    def send(self, kind: bytes, head: dict[str, Any], body: bytes = b"") -> None:
        """Write one frame, after those held back. Raises OSError."""
        held, self._held = self._held, b""
        self.connection.sendall(held + _framed(kind, head, body))

    def hold(self, kind: bytes, head: dict[str, Any], body: bytes = b"") -> None:
        """Write one frame with a later one, soon: to wake the other side for each costs more than what it is told.
        Raises OSError.
        """
        now = time.monotonic()
        if not self._held:
            self._held_since = now
        self._held += _framed(kind, head, body)
        if len(self._held) >= _HELD_BYTES or now - self._held_since >= _HELD_S:
            held, self._held = self._held, b""
            self.connection.sendall(held)

    def receive(self) -> tuple[bytes, dict[str, Any], bytes]:
        """Read one frame. Raises EOFError when the other side is gone, OSError, and ValueError for a head that is no JSON."""
        kind, head, body = _FRAME.unpack(self._exactly(_FRAME.size))
        return kind, _read_head(self._exactly(head).decode())[0], self._exactly(body)

    def _exactly(self, size: int) -> bytes:
        found = self._file.read(size)
        if len(found) < size:
            raise EOFError("the other side has closed the connection")
        return found

    def close(self) -> None:
        """Close this end."""
        self._file.close()
        self.connection.close()


def _framed(kind: bytes, head: dict[str, Any], body: bytes) -> bytes:
    text = json.dumps(head).encode()
    return _FRAME.pack(kind, len(text), len(body)) + text + body
