"""One client of a server, over a connection that stays open."""

from __future__ import annotations

import socket
from pathlib import Path

HEAD = "POST /v1/predict HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-npy\r\nContent-Length: "


def request_of(sample: Path) -> bytes:
    """A request to the model with the bytes of an `.npy` file."""
    body = sample.read_bytes()
    return (HEAD + f"{len(body)}\r\nAccept: application/x-npy\r\n\r\n").encode() + body


def connect(port: int) -> socket.socket:
    """A connection to a server of this machine."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=120)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def ask(connection: socket.socket, request: bytes) -> str:
    """Ask once; the status of the answer."""
    connection.sendall(request)
    answer = connection.recv(65536)
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    top, _, rest = answer.partition(b"\r\n\r\n")
    length = int(top.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(rest) < length:
        rest += connection.recv(65536)
    return top[9:12].decode()
