"""What a process knows of the emulator that it runs under."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from edgekit_runtime.codec import decode, dumps

VARIABLE = "EDGEKIT_EMULATION"
SLOWNESS = 5  # times each time limit: an emulator is slower than the board, and often shares its machine


@dataclass(frozen=True)
class Emulation:
    """An emulator that runs this process instruction by instruction.

    Attributes:
        emulator: Its name and version.
        cpu: The processor that it emulates, such as `cortex-a72`.
        cores: Processors of the board.
        launcher: The command that runs a program of the board; the program and its arguments follow.
        counter: Its plugin that counts, with the arguments that it takes beside the file to write to.
    """

    emulator: str
    cpu: str
    cores: int
    launcher: tuple[str, ...]
    counter: str

    def counting(self, marks: str) -> tuple[str, ...]:
        """The launcher of a program whose instructions are counted.

        Args:
            marks: The file that the counts at each mark are written to.
        """
        return (*self.launcher, "-plugin", f"{self.counter},out={marks}")


def read_emulation(environment: Optional[Mapping[str, str]] = None) -> Optional[Emulation]:
    """The emulator that whoever started this process named; `None` on a real processor.

    Args:
        environment: Variables to read instead of this process's own.

    Raises:
        FormatError: The variable does not hold what `emulation_variable` writes.
    """
    text = (os.environ if environment is None else environment).get(VARIABLE)
    return decode(Emulation, json.loads(text)) if text else None


def emulation_variable(emulation: Emulation) -> str:
    """The value of the variable that tells a process of its emulator."""
    return " ".join(dumps(emulation).split())
