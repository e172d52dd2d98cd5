"""The programs of this machine that emulation takes, and one clear line where one is missing or fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgekit_devices.device import last_line
from edgekit_devices.emulated.store import FREE_SPACE
from edgekit_runtime.errors import LINE_CHARACTERS, DeviceError

# From a program to the package of Debian and Ubuntu that brings it.
PACKAGES: Mapping[str, str] = {
    "qemu-aarch64": "qemu-user",
    "gcc": "gcc",
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "tar": "tar",
}
VERSION = re.compile(r"version (\d+)\.(\d+)(\.\d+)?")
FULL = re.compile(r"No space left on device|enough free space")
# From the first version of each row on, the interface of plugins that is taken. Earlier ones know no Cortex-A76; 9.0
# alone has version 2, and 11 was not tried.
INTERFACES: Sequence[tuple[tuple[int, int], int | None]] = (((7, 2), 1), ((9, 0), None), ((9, 1), 3), ((11, 0), None))
ALLOWED = "7.2 to 8.2, and 9.1 to 10"
OTHER_QEMU = "Take qemu-user of Debian 12 or Ubuntu 24.04, or name another qemu-aarch64 with EDGEKIT_QEMU."
STATIC = (
    "Debian 13 and Ubuntu from 24.10 on link qemu-user statically, which leaves plugins out: build qemu with "
    "--target-list=aarch64-linux-user --enable-plugins, and name its qemu-aarch64 with EDGEKIT_QEMU."
)


@dataclass(frozen=True)
class Qemu:
    """An emulator.

    Attributes:
        path: Its program.
        version: Its version.
        interface: Version of its interface for plugins.
    """

    path: str
    version: str
    interface: int = 1

    def __str__(self) -> str:
        return f"qemu-aarch64 {self.version}"


def find_tool(name: str) -> str:
    """The path of a program.

    Raises:
        DeviceError: It is not installed; with the package that brings it.
    """
    path = shutil.which(name)
    if path is None:
        raise DeviceError(
            f"{name} is not installed, so no board can be emulated.", hint=f"Run: sudo apt install {PACKAGES[name]}"
        )
    return path


def find_qemu() -> Qemu:
    """The emulator of arm64 programs: that of `EDGEKIT_QEMU`, or the installed one.

    Raises:
        DeviceError: There is none, or it takes no plugins of the kind that counts.
    """
    path = os.environ.get("EDGEKIT_QEMU") or find_tool("qemu-aarch64")
    told = run_tool((path, "--version"), "starting qemu").splitlines()
    found = VERSION.search(told[0] if told else "")
    if found is None:
        raise DeviceError(f"{path}: it is no qemu-aarch64.", hint="Check EDGEKIT_QEMU.")
    version = found[0].removeprefix("version ")
    interface = _interface((int(found[1]), int(found[2])))
    if interface is None:
        raise DeviceError(f"{path}: it is version {version}; allowed: {ALLOWED}.", hint=OTHER_QEMU)
    if "-plugin" not in run_tool((path, "-h"), "starting qemu", allowed=(0, 1)):
        raise DeviceError(f"{path}: it takes no plugins, so nothing can be counted.", hint=STATIC)
    return Qemu(path, version, interface)


def _interface(version: tuple[int, int]) -> int | None:
    return next((interface for first, interface in reversed(INTERFACES) if version >= first), None)


def run_tool(
    argv: Sequence[str], doing: str, *, hint: str = "", allowed: Sequence[int] = (0,), timeout_s: float = 600.0
) -> str:
    """Run a program to its end, and return what it wrote on stdout.

    Args:
        argv: The program, and its arguments.
        doing: What it does, for the user.
        hint: What to do where it fails.
        allowed: Exit statuses that are no failure.
        timeout_s: Seconds after which it is ended.

    Raises:
        DeviceError: It cannot be started, fails, or does not end.
    """
    quiet = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            list(argv),
            env=quiet,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except OSError as error:
        raise DeviceError(f"{doing}: {argv[0]} cannot be started: {error.strerror}.", hint=hint) from error
    except subprocess.TimeoutExpired as error:
        raise DeviceError(f"{doing}: {argv[0]} did not end within {timeout_s:g} s.", hint=hint) from error
    if done.returncode not in allowed:
        fault = error_line(done.stderr) or error_line(done.stdout) or f"{os.path.basename(argv[0])} failed"
        raise DeviceError(f"{doing}: {fault}", hint=FREE_SPACE if FULL.search(fault) else hint)
    return done.stdout


def error_line(log: str) -> str:
    """The line of a log that tells the fault: a full disk, else the first that begins as errors do, else the last."""
    if not log.strip():
        return ""
    lines = [line.strip() for line in log.splitlines()]
    full = (line for line in lines if FULL.search(line))
    faults = (line for line in lines if re.match(r"(E|ERROR|error|fatal error)\b:", line))
    line = next(full, "") or next(faults, "") or last_line(log)
    return line if len(line) <= LINE_CHARACTERS else line[: LINE_CHARACTERS - 3] + "..."
