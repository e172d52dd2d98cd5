"""A device that ADB's own client meets, and that lets nobody in: `fake_adbd.py PORT unauthorized|offline|old`.

A message, after AOSP's packages/modules/adb/protocol.txt: six words (command, two arguments, length and sum of the
data, and the command's complement), then the data.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading

CONNECT, AUTHENTICATE = b"CNXN", b"AUTH"
HEAD = struct.Struct("<4s5I")
VERSION, MOST_BYTES, TOKEN = 0x01000001, 1 << 20, 1


def message(command: bytes, first: int, second: int, data: bytes) -> bytes:
    """A message with its data."""
    magic = int.from_bytes(command, "little") ^ 0xFFFFFFFF
    return HEAD.pack(command, first, second, len(data), sum(data), magic) + data


def answers(client: socket.socket, kind: str) -> None:
    """Answer one client until it is gone: never trust it, tell it nothing, or know no streams of a shell."""
    with client, contextlib.suppress(OSError, struct.error):
        while True:
            command, _, _, length, _, _ = HEAD.unpack(client.recv(HEAD.size, socket.MSG_WAITALL))
            if length:
                client.recv(length, socket.MSG_WAITALL)
            if kind == "unauthorized" and command in (CONNECT, AUTHENTICATE):
                client.sendall(message(AUTHENTICATE, TOKEN, 0, bytes(20)))
            if kind == "old" and command == CONNECT:
                client.sendall(message(CONNECT, VERSION, MOST_BYTES, b"device::ro.product.name=old;"))


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        while True:
            threading.Thread(target=answers, args=(listener.accept()[0], sys.argv[2]), daemon=True).start()
