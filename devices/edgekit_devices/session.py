"""A session with a device: one connection, over which one program there answers calls.

The program (`edgekit_devices.onboard`) goes over the connection first, as text. When the connection ends, it ends
what it started, and removes what was for this session only.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from edgekit_devices.device import last_line
from edgekit_devices.program import STUB, python_fault, session_program
from edgekit_devices.transport import Transport
from edgekit_runtime.child import UnexpectedError
from edgekit_runtime.errors import DeviceError

Payload = dict[str, Any]  # a JSON object; the callers give each call a typed face

START_S = 60.0
CALL_S = 60.0
STALL_S = 60.0  # for a piece of a file to go over
SPARE_S = 20.0  # beyond a command's own time limit, for its end there
BEAT_S, SILENCE_S = 15.0, 90.0  # signs of life, and how long the device waits for one
CHUNK_BYTES = 1 << 18
LOG_LINES = 200


class Session:
    """A session; use it as a context manager: leaving the block ends the connection.

    Args:
        transport: The way to the device.
        python: The Python there.

    Raises:
        DeviceError: The device cannot be reached, or has no Python that will do.
    """

    def __init__(self, transport: Transport, python: str = "python3") -> None:
        self._transport = transport
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._python = python
        program, self._token = session_program(), f"edgekit:{secrets.token_hex(8)}"
        command = (python, "-c", STUB, str(len(program)), str(SILENCE_S), self._token)
        self._sending, self._over = threading.Lock(), threading.Event()
        self._process = _start(transport, command)
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        try:
            with self._deadline(START_S, "it did not answer"):
                self._write(program)
                self._find_token()
        except BaseException:
            self.close()
            raise
        threading.Thread(target=self._beat, daemon=True).start()

    @property
    def address(self) -> str:
        """How the user names the device."""
        return self._transport.address

    def call(
        self,
        name: str,
        payload: Payload | None = None,
        *,
        timeout_s: float = CALL_S,
        data: Iterable[bytes] = (),
        on_line: Callable[[str], None] | None = None,
        on_data: Callable[[bytes], object] | None = None,
    ) -> Payload:
        """Have the device do something, and wait for its answer.

        Args:
            name: What.
            payload: With what.
            timeout_s: Seconds after which the device is given up; with data, that no piece went over.
            data: What follows the call.
            on_line: Takes each line of a command's log.
            on_data: Takes each piece that is sent back.

        Raises:
            DeviceError: It refuses, the connection breaks, or it does not answer in time.
            UnexpectedError: The program there failed in a way edgekit did not expect.
        """
        with self._deadline(timeout_s, "it stopped answering") as deadline:
            with self._sending:
                self._write(json.dumps({"call": name, **(payload or {})}).encode() + b"\n")
                for piece in data:
                    self._write(piece)
                    deadline.put_off()
            while True:
                message = self._message()
                if "line" in message and on_line is not None:
                    on_line(message["line"])
                elif "data" in message and on_data is not None:
                    on_data(self._read(message["data"]))
                    deadline.put_off()
                elif not message.keys() & {"line", "data"}:
                    break
        return self._result(message)

    def close(self) -> None:
        """End the connection, and with it all that runs there."""
        self._over.set()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with contextlib.suppress(OSError):
                stream.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2.0)
        _kill(self._process)
        self._process.wait()
        self._reader.join(timeout=1.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _result(self, message: Payload) -> Payload:
        if "bug" in message:
            raise UnexpectedError(f"{self.address}: {message['bug']}")
        if "refused" in message:
            raise DeviceError(f"{self.address}: {message['refused']}.", hint=message["hint"])
        return dict(message["result"])

    @contextlib.contextmanager
    def _deadline(self, seconds: float, fault: str) -> Iterator[_Deadline]:
        deadline = _Deadline(self._process, seconds)
        try:
            yield deadline
        except (OSError, EOFError) as error:
            raise self._fault(deadline, fault) from error
        finally:
            deadline.stop()

    def _fault(self, deadline: _Deadline, fault: str) -> DeviceError:
        if deadline.passed:
            return DeviceError(
                f"{self.address}: {fault} within {deadline.seconds:g} s, so it was given up.",
                hint="Check that the board is on and not overloaded.",
            )
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2.0)
        self._reader.join(timeout=1.0)
        log = "".join(self._log)
        return (
            python_fault(self.address, self._python, log)
            or self._transport.explain(log)
            or DeviceError(
                f"{self.address}: the connection ended: {last_line(log)}", hint="Check the board, and run it again."
            )
        )

    def _message(self) -> Payload:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        try:
            return dict(json.loads(line))
        except ValueError as error:  # half of a line: the connection broke
            raise EOFError from error

    def _read(self, count: int) -> bytes:
        assert self._process.stdout is not None
        content = self._process.stdout.read(count)
        if len(content) < count:
            raise EOFError
        return content

    def _write(self, content: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(content)
        self._process.stdin.flush()

    def _find_token(self) -> None:
        """Pass over whatever a login shell printed."""
        assert self._process.stdout is not None
        end = f"{self._token}\n".encode()
        while True:
            line = self._process.stdout.readline()
            if line.endswith(end):
                return
            if not line.endswith(b"\n"):
                raise EOFError

    def _beat(self) -> None:
        """Show the device that this side is there, for as long as it is."""
        while not self._over.wait(BEAT_S):
            with self._sending, contextlib.suppress(OSError, ValueError):
                self._write(b"\n")

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        with contextlib.suppress(ValueError, OSError):
            for line in self._process.stderr:
                self._log.append(line.decode("utf-8", "replace"))


class _Deadline:
    """Ends a process when its time is over, which ends every read and write that waits for it."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self.seconds = seconds
        self.passed = False
        self._process = process
        self._timer = self._start()

    def put_off(self) -> None:
        """Begin its time anew."""
        self._timer.cancel()
        self._timer = self._start()

    def stop(self) -> None:
        """Let it never pass."""
        self._timer.cancel()

    def _start(self) -> threading.Timer:
        timer = threading.Timer(self.seconds, self._pass)
        timer.daemon = True
        timer.start()
        return timer

    def _pass(self) -> None:
        self.passed = True
        _kill(self._process)


def pieces(paths: Sequence[tuple[Path, int]], told: Callable[[int], None]) -> Iterable[bytes]:
    """The content of files one after the other, each from an offset on; tells how many bytes went."""
    for path, offset in paths:
        with open(path, "rb") as file:
            file.seek(offset)
            while piece := file.read(CHUNK_BYTES):
                yield piece
                told(len(piece))


def _start(transport: Transport, command: Sequence[str]) -> subprocess.Popen[bytes]:
    argv = transport.argv(command)
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise DeviceError(
            f"{transport.address}: {argv[0]} cannot be started: {os.strerror(error.errno or 0).lower()}.",
            hint=f"Install {argv[0]}.",
        ) from error


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
