"""Messages between host and device: a line of JSON, and bytes after it where it says so."""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Iterator
from typing import Any, Optional

CHUNK_BYTES = 1 << 16

Payload = dict[str, Any]  # a JSON object


class RefusedError(Exception):
    """What the device cannot do; the text is for the user.

    Attributes:
        hint: What to do next.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ClosedError(Exception):
    """The host is gone."""


class Frames:
    """The device's end of a session, over stdin and stdout, which nothing else reads or writes from then on.

    Args:
        token: What the host waits for; whatever a login shell printed lies before it.
        silence_s: Seconds without a sign of the host after which it counts as gone: a network that is lost
            closes no connection.
    """

    def __init__(self, token: str, silence_s: float) -> None:
        self._silence_s, self._heard_s = silence_s, time.monotonic()
        self._in, self._out = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        self._held = b""
        self._write(f"{token}\n".encode())

    def receive(self) -> Payload:
        """The next message.

        Raises:
            ClosedError: The host is gone.
        """
        while True:
            self._held = self._held.lstrip(b"\n")  # signs of life
            if b"\n" in self._held:
                line, _, self._held = self._held.partition(b"\n")
                return dict(json.loads(line))
            self._fill()

    def take(self, count: int) -> Iterator[bytes]:
        """The next bytes, piece by piece.

        Raises:
            ClosedError: The host is gone before all of them came.
        """
        while count:
            if not self._held:
                self._fill()
            piece, self._held = self._held[:count], self._held[count:]
            count -= len(piece)
            yield piece

    def send(self, message: Payload, data: bytes = b"") -> None:
        """Send a message, and bytes after it."""
        self._write(json.dumps(message).encode() + b"\n" + data)

    def watch(self, files: list[int], timeout_s: float) -> list[int]:
        """Wait until one of these can be read, and return those that can.

        Raises:
            ClosedError: The host is gone.
        """
        ready = select.select([*files, self._in], [], [], timeout_s)[0]
        if self._in in ready or time.monotonic() > self._heard_s + self._silence_s:
            self._fill()
        return [file for file in ready if file != self._in]

    def _fill(self) -> None:
        left_s = max(0.0, self._heard_s + self._silence_s - time.monotonic())
        piece = os.read(self._in, CHUNK_BYTES) if select.select([self._in], [], [], left_s)[0] else b""
        if not piece:
            raise ClosedError
        self._heard_s = time.monotonic()
        self._held += piece

    def _write(self, content: bytes) -> None:
        view = memoryview(content)
        try:
            while view:
                view = view[os.write(self._out, view) :]
        except BrokenPipeError:
            raise ClosedError from None


def text_of(message: Optional[bytes]) -> str:
    """Bytes that a program wrote, as text."""
    return (message or b"").decode("utf-8", "replace")
