"""Frames between parent and worker: kind (1 byte), lengths of head and body (4 bytes each), head (JSON), body (bytes).

What a program wrote travels in bodies only; the sandbox side never interprets it. Standard library only.
"""

import json
import socket
import struct
from typing import Any

_FRAME = struct.Struct("<cII")


def send(connection: socket.socket, kind: bytes, head: dict[str, Any], body: bytes = b"") -> None:
    """Write one frame."""
    text = json.dumps(head).encode()
    connection.sendall(_FRAME.pack(kind, len(text), len(body)) + text + body)


def receive(connection: socket.socket) -> tuple[bytes, dict[str, Any], bytes]:
    """Read one frame. Raises EOFError when the other side is gone."""
    kind, head, body = _FRAME.unpack(_exactly(connection, _FRAME.size))
    return kind, json.loads(_exactly(connection, head)), _exactly(connection, body)


def _exactly(connection: socket.socket, size: int) -> bytes:
    parts = bytearray(size)
    view = memoryview(parts)
    while view:
        count = connection.recv_into(view)
        if not count:
            raise EOFError("the other side has closed the connection")
        view = view[count:]
    return bytes(parts)
