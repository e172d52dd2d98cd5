"""The face of every device, however it is reached."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from edgekit_devices.onboard import survey
from edgekit_runtime.codec import FormatError, decode
from edgekit_runtime.errors import DeviceError

PROBE_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class DeviceInfo:
    """What a device says of itself.

    Attributes:
        machine: Instruction set, such as `aarch64`.
        system: Operating system and its kernel's release.
        python: Version of the Python that will run the agent.
        interpreters: The interpreters installed for it, each with version.
        bits: Width of the userland's addresses: a 64-bit kernel may carry a 32-bit system.
        glibc: Version of the C library; empty where it is another one.
        numpy: Version of numpy installed for that Python; empty where there is none.
        board: The board's name; empty where the system does not tell.
        cores: Processors.
        memory_bytes: Memory; `None` where the system does not tell.
        disk_free_bytes: What is free where the user's home lies.
        clock_s: The device's clock, in seconds since 1970.
        executable: That Python's path.
        reason: Why memory or disk are missing; empty where the system does not tell.
    """

    machine: str
    system: str
    python: str
    interpreters: tuple[str, ...]
    bits: int = 64
    glibc: str = ""
    numpy: str = ""
    board: str = ""
    cores: int = 1
    memory_bytes: int | None = None
    disk_free_bytes: int | None = None
    clock_s: float | None = None
    executable: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Completed:
    """A command that ended on a device.

    Attributes:
        argv: The command.
        status: Its exit status; negative for the signal that ended it.
        stdout: All it wrote there.
        stderr: All it wrote there.
    """

    argv: tuple[str, ...]
    status: int
    stdout: str
    stderr: str


class Device(Protocol):
    """A device that files can be brought to and commands run on.

    Use it as a context manager: leaving the block closes the connection.

    Attributes:
        address: How the user names it, such as `local`.
        python: The Python on the device that runs the agent.
    """

    @property
    def address(self) -> str: ...  # noqa: D102  # told above

    @property
    def python(self) -> str: ...  # noqa: D102  # told above

    def probe(self) -> DeviceInfo:
        """Ask the device what it is.

        Raises:
            DeviceError: It cannot be reached, or its Python does not answer.
        """
        ...

    def push(self, source: Path, name: str) -> str:
        """Bring a file or folder there under a name, and return its path on the device.

        Raises:
            DeviceError: It cannot be brought there.
        """
        ...

    def run(
        self, argv: Sequence[str], *, timeout_s: float, on_stderr: Callable[[str], None] | None = None
    ) -> Completed:
        """Run a command to its end; nothing of it stays behind.

        Args:
            argv: The command; no shell reads it.
            timeout_s: Seconds after which it is ended.
            on_stderr: Takes each line that it writes on stderr, as it comes.

        Raises:
            DeviceError: It cannot be started, or does not end in time.
        """
        ...

    def pull(self, path: str, target: Path) -> None:
        """Bring a file from there.

        Raises:
            DeviceError: It cannot be brought.
        """
        ...

    def close(self) -> None:
        """Close the connection."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def probe_by_python(device: Device) -> DeviceInfo:
    """Probe a device by what its Python says.

    Raises:
        DeviceError: It cannot be reached, or its Python does not answer.
    """
    program = f"{inspect.getsource(survey)}\nimport json\nprint(json.dumps(survey()))"
    completed = device.run((device.python, "-c", program), timeout_s=PROBE_TIMEOUT_S)
    if completed.status != 0:
        raise DeviceError(
            f"{device.address}: {device.python} ended with status {completed.status}: {last_line(completed.stderr)}",
            hint="edgekit needs Python 3.9 or newer on the device.",
        )
    try:
        return decode(DeviceInfo, json.loads(completed.stdout))
    except (FormatError, ValueError) as error:
        raise DeviceError(f"{device.address}: the probe's answer cannot be read: {error}.") from error


def last_line(text: str) -> str:
    """The last line of a log that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it wrote nothing"
