"""This machine as a device."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from edgekit_devices.device import Completed, DeviceInfo, probe_by_python
from edgekit_devices.onboard.commands import end_group
from edgekit_runtime.errors import DeviceError


class LocalDevice:
    """This machine; commands run as processes of their own, files stay where they are."""

    address = "local"
    python = sys.executable

    def probe(self) -> DeviceInfo:
        """Ask this machine's Python what it is."""
        return probe_by_python(self)

    def push(self, source: Path, name: str) -> str:  # noqa: ARG002  # the face of Device
        """The file's own path: the device sees the same files."""
        return os.path.abspath(source)

    def run(
        self, argv: Sequence[str], *, timeout_s: float, on_stderr: Callable[[str], None] | None = None
    ) -> Completed:
        """Run a command in a process group of its own.

        Raises:
            DeviceError: It cannot be started, or does not end in time.
        """
        process = _start(argv)
        try:
            return _follow(process, tuple(argv), time.monotonic() + timeout_s, on_stderr)
        except (subprocess.TimeoutExpired, queue.Empty) as error:
            raise DeviceError(
                f"local: {argv[0]} did not end within {timeout_s:g} s, so it was ended.", hint="Give it more time."
            ) from error
        finally:
            end_group(process)

    def pull(self, path: str, target: Path) -> None:
        """Copy a file.

        Raises:
            DeviceError: It cannot be copied.
        """
        try:
            shutil.copyfile(path, target)
        except OSError as error:
            raise DeviceError(f"local: {path} cannot be copied to {target}: {error}.") from error

    def close(self) -> None:
        """Nothing to close."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _start(argv: Sequence[str]) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise DeviceError(f"local: {argv[0]} cannot be started: {error}.") from error


def _follow(
    process: subprocess.Popen[str], argv: tuple[str, ...], deadline: float, on_stderr: Callable[[str], None] | None
) -> Completed:
    lines: queue.Queue[str | None] = queue.Queue()
    stdout: list[str] = []
    stderr: list[str] = []
    assert process.stdout is not None
    assert process.stderr is not None
    readers = [
        threading.Thread(target=_read, args=(process.stdout, stdout.append), daemon=True),
        threading.Thread(target=_read_lines, args=(process.stderr, lines), daemon=True),
    ]
    for reader in readers:
        reader.start()
    while (line := lines.get(timeout=max(0.0, deadline - time.monotonic()))) is not None:
        stderr.append(line)
        if on_stderr is not None:
            on_stderr(line)
    status = process.wait(timeout=max(0.0, deadline - time.monotonic()))
    for reader in readers:
        reader.join()
    return Completed(argv, status, "".join(stdout), "".join(stderr))


def _read(stream: IO[str], take: Callable[[str], None]) -> None:
    take(stream.read())


def _read_lines(stream: IO[str], lines: queue.Queue[str | None]) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)
