"""RAPL: the energy counters of x86 processors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgekit_runtime.sensors.sensor import (
    Reading,
    SensorError,
    mean_rate,
    read_number,
    read_text,
    reading_of,
)

# AMD's counters are under Intel's name, too. Paths and units: Linux, Documentation/power/powercap/powercap.rst.
ZONES = "sys/class/powercap/intel-rapl:*"
UJ_PER_NS_IN_MW = 1e6


class Rapl:
    """The counters of all processor packages together.

    Args:
        root: Where sysfs begins.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        # A package's own parts are zones beside it, and would be counted twice.
        zones = [zone for zone in sorted(root.glob(ZONES)) if read_text(zone / "name").startswith("package")]
        self._counters = [zone / "energy_uj" for zone in zones]
        self._limits = [zone / "max_energy_range_uj" for zone in zones]

    @property
    def name(self) -> str:
        """What it is, and which part of the device it covers."""
        return f"RAPL, {len(self._counters)} processor package{'s' if len(self._counters) > 1 else ''}, no other parts"

    @property
    def present(self) -> bool:
        """Whether the device has one."""
        return bool(self._counters)

    def read(self) -> Reading:
        """The counters, in microjoules.

        Raises:
            SensorError: One cannot be read, or not any more.
        """
        return reading_of(*map(read_number, self._counters))

    def mean_mw(self, readings: Sequence[Reading]) -> float:
        """The mean power over some readings, two or more.

        Raises:
            SensorError: The counters stand still, as in some virtual machines, or their range is not told.
        """
        rate = mean_rate(readings, [read_number(limit) for limit in self._limits])
        if rate == 0:
            raise SensorError(f"{self._counters[0]} stands still")
        return rate * UJ_PER_NS_IN_MW
