"""An emulated board as a device."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from edgekit_devices.device import Completed, DeviceInfo, probe_by_python
from edgekit_devices.emulated.boards import find_board
from edgekit_devices.emulated.create import create_board
from edgekit_devices.emulated.machine import Machine
from edgekit_devices.local import LocalDevice
from edgekit_runtime.errors import DeviceError, OutputError
from edgekit_runtime.progress import Progress, silent

SYSTEM = "Linux, emulated by qemu-aarch64, with no kernel of its own"
NOTHING_OF_ITS_OWN = "unavailable: an emulated board has none of its own"


class EmulatedDevice:
    """A board under qemu; it is built when it is first used, and it sees this machine's files.

    Args:
        name: The board's name.

    Raises:
        UserError: There is no such board.
    """

    def __init__(self, name: str) -> None:
        self.board = find_board(name)
        self._machine: Machine | None = None
        # The names of files have a fixed length, as they lie in the memory whose accesses are counted.
        self._scratch = tempfile.TemporaryDirectory(prefix="edgekit-emulated-")
        self._local = LocalDevice()

    @property
    def address(self) -> str:
        """How the user names it."""
        return f"emulated://{self.board.name}"

    @property
    def python(self) -> str:
        """The Python that runs the agent."""
        return self.build().python

    def build(self, progress: Progress = silent) -> Machine:
        """Build it where it is missing.

        Raises:
            DeviceError: It cannot be built, or counts wrongly.
            OutputError: The user's cache cannot be written.
        """
        if self._machine is None:
            self._machine = create_board(self.board.name, progress)
        return self._machine

    def probe(self) -> DeviceInfo:
        """Ask it what it is; what it would tell of this machine is left out."""
        return replace(
            probe_by_python(self), system=SYSTEM, memory_bytes=None, disk_free_bytes=None, reason=NOTHING_OF_ITS_OWN
        )

    def push(self, source: Path, name: str) -> str:
        """Copy a file or folder to where it has a name of its own.

        Raises:
            OutputError: It cannot be copied.
        """
        target = Path(self._scratch.name) / name
        try:
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            else:
                shutil.copyfile(source, target)
        except OSError as error:
            raise OutputError(f"{source}: cannot be copied to {target}: {error.strerror or error}.") from error
        return str(target)

    def run(
        self, argv: Sequence[str], *, timeout_s: float, on_stderr: Callable[[str], None] | None = None
    ) -> Completed:
        """Run a program of the board to its end.

        Raises:
            DeviceError: It cannot be started, or does not end in time.
        """
        command = self.build().argv(argv, os.environ)
        try:
            return self._local.run(command, timeout_s=timeout_s, on_stderr=on_stderr)
        except DeviceError as error:
            raise DeviceError(error.message.replace("local:", f"{self.address}:", 1), hint=error.hint) from error

    def pull(self, path: str, target: Path) -> None:
        """Copy a file.

        Raises:
            DeviceError: It cannot be copied.
        """
        self._local.pull(path, target)

    def close(self) -> None:
        """Remove what was brought there."""
        self._scratch.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
