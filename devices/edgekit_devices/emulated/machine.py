"""An emulated board that is ready to run: its files, the emulator, and the commands that start its programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit_devices.emulated.boards import Board
from edgekit_devices.emulated.tools import Qemu, find_tool
from edgekit_devices.emulated.userland import PYTHON, SITE
from edgekit_runtime.emulation import VARIABLE, Emulation, emulation_variable

OF_THIS_MACHINE = ("PATH", "TMPDIR", "HOME")  # variables that the programs need; others would change the counts


@dataclass(frozen=True)
class Machine:
    """An emulated board.

    Attributes:
        board: Which.
        qemu: The emulator.
        root: What its programs see as `/`, where it has the path that they ask for.
        counter: The plugin that counts.
    """

    board: Board
    qemu: Qemu
    root: Path
    counter: Path

    @property
    def python(self) -> str:
        """Its Python."""
        return str(self.root / "usr/bin" / f"python{PYTHON}")

    @property
    def emulation(self) -> Emulation:
        """What its programs are told of it, so that they can start others."""
        launcher = (self.qemu.path, "-L", str(self.root), "-cpu", self.board.cpu)
        counter = f"{self.counter},cpu={self.board.core}"
        return Emulation(str(self.qemu), self.board.cpu, self.board.cores, launcher, counter)

    def argv(self, command: Sequence[str], surroundings: Mapping[str, str]) -> tuple[str, ...]:
        """The command here that runs a command there, with none of this machine's variables that could change it.

        Args:
            command: The command there.
            surroundings: This machine's variables.
        """
        variables = {name: surroundings[name] for name in OF_THIS_MACHINE if name in surroundings}
        variables.update(
            {
                "LANG": "C.UTF-8",
                "OPENBLAS_NUM_THREADS": "1",
                "OMP_NUM_THREADS": "1",
                "PYTHONHASHSEED": "0",
                "PYTHONHOME": str(self.root / "usr"),
                "PYTHONPATH": str(self.root / SITE),
                VARIABLE: emulation_variable(self.emulation),
            }
        )
        settings = (f"{name}={value}" for name, value in variables.items())
        return (find_tool("env"), "-i", *settings, *self.emulation.launcher, *command)
