"""The power chip of the Raspberry Pi 5, which measures the rails that it makes."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from typing import Optional

from edgekit_runtime.sensors.sensor import Reading, SensorError, mean_power, reading_of

COMMAND = "pmic_read_adc"
LINE = re.compile(r"^\s*(\w+)_([AV])\s+(?:current|volt)\(\d+\)=([0-9]+(?:\.[0-9]+)?)[AV]\s*$", re.MULTILINE)
UNKNOWN = "not registered"  # how the firmware of older boards answers
TIMEOUT_S = 5.0


class Pmic:
    """The rails of the power chip together, by `vcgencmd`.

    Args:
        search_path: Where to look for `vcgencmd`; `None` for the `PATH`.
    """

    def __init__(self, search_path: Optional[str] = None) -> None:
        self._program = shutil.which("vcgencmd", path=search_path)

    @property
    def name(self) -> str:
        """What it is, and which part of the device it covers."""
        return "the Raspberry Pi 5's PMIC, the sum of its rails, without what hangs directly on the 5 V input"

    @property
    def present(self) -> bool:
        """Whether the device has one."""
        return self._program is not None and UNKNOWN not in self._ask()

    def read(self) -> Reading:
        """The power of the rails together, in milliwatts.

        Raises:
            SensorError: The firmware does not answer, or not with currents and voltages.
        """
        answer = self._ask()
        found = {(rail, kind): float(value) for rail, kind, value in LINE.findall(answer)}
        rails = [rail for rail, kind in found if kind == "A" and (rail, "V") in found]
        if not rails:
            first = next(iter(answer.strip().splitlines()), "no answer")
            raise SensorError(
                f"vcgencmd {COMMAND}: {first}; if this user may not ask the firmware, run: "
                "sudo usermod -aG video $USER, and log in again"
            )
        return reading_of(1e3 * sum(found[rail, "A"] * found[rail, "V"] for rail in rails))

    def mean_mw(self, readings: Sequence[Reading]) -> float:
        """The mean power over some readings, two or more.

        Raises:
            SensorError: The readings give no power.
        """
        return mean_power(readings)

    def _ask(self) -> str:
        assert self._program is not None
        try:
            answer = subprocess.run(
                [self._program, COMMAND], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        return answer.stdout + answer.stderr
