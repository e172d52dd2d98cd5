"""Ways to this machine that go wrong as true ones do."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from edgekit_devices.local_transport import LocalTransport
from edgekit_devices.remote import RemoteDevice

CUTTER = Path(__file__).with_name("cutter.py")
FULL_DISK = Path(__file__).with_name("full_disk.py")


class ShellTransport(LocalTransport):
    """Runs commands by a shell, after a line that stands for what a login shell does first.

    Args:
        first: Such as `echo Welcome`.
        search_path: Where the shell looks for programs; the usual by default.
    """

    def __init__(self, first: str = "true", search_path: str = "") -> None:
        self._first = first
        self._path = f"PATH={search_path}; " if search_path else ""

    def argv(self, command: Sequence[str]) -> tuple[str, ...]:
        return ("/bin/sh", "-c", f"{self._first}; {self._path}exec {shlex.join(command)}")


class CutTransport(LocalTransport):
    """Breaks after a number of bytes, both ways counted together, or a while after a call went over.

    Args:
        how: `drop`: the device sees the end; `kill`: its program is killed, as by a loss of power.
        after_bytes: The number; `None` for never.
        after_call: Name of the call, instead.
        delay_s: The while.
        count: File that the number of bytes is written to at the end.
    """

    def __init__(
        self,
        how: str = "drop",
        after_bytes: int | None = None,
        after_call: str = "",
        delay_s: float = 0.0,
        count: Path | None = None,
    ) -> None:
        options = {"how": how, "bytes": after_bytes, "call": after_call, "delay": delay_s, "count": count}
        self._options = [f"{name}={value}" for name, value in options.items() if value not in {None, ""}]

    def argv(self, command: Sequence[str]) -> tuple[str, ...]:
        return (sys.executable, "-S", str(CUTTER), *self._options, "--", *command)


def python_that_is(folder: Path, version: tuple[int, int, int]) -> Path:
    """A program that is this Python, but says that it is another version."""
    program = folder / "python3"
    text = ".".join(map(str, version))
    lie = f"import sys; sys.version_info=({version[0]},{version[1]},{version[2]}); sys.version='{text} (fake)'"
    code = f"{lie}; code=sys.argv[2]; sys.argv=['-c',*sys.argv[3:]]; exec(code)"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(code)} "$@"\n')
    program.chmod(0o755)
    return program


def full_disk_device(folder: Path, home: Path, after: int) -> RemoteDevice:
    """This machine, whose disk takes a number of new files, folders and names, and then no more.

    Args:
        folder: Where its Python may lie, and in the end `made`: how many it was to take.
        home: The home folder, to which this applies.
        after: The number.
    """
    python = folder / "python3"
    words = (sys.executable, str(FULL_DISK), str(home), str(after), str(folder / "made"))
    python.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    python.chmod(0o755)
    return RemoteDevice(LocalTransport(), str(python))
