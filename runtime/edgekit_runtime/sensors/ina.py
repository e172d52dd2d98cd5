"""Sensors of the INA family: the INA2xx of a supply line, and the INA3221 with the rails of a Jetson."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgekit_runtime.sensors.sensor import (
    Reading,
    mean_power,
    read_number,
    read_text,
    reading_of,
)

MONITORS = "sys/class/hwmon/hwmon*"  # their numbers change at boot, so they are told by name
RAIL_LABELS = "sys/bus/i2c/drivers/ina3221/*/hwmon/hwmon*/in[123]_label"
WHOLE_BOARD = "VDD_IN"  # the Jetson's input, which holds its other rails


class Ina2xx:
    """An INA219, INA226 or the like on the supply line; Linux, Documentation/hwmon/ina2xx.rst.

    Args:
        root: Where sysfs begins.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        monitors = [path for path in sorted(root.glob(MONITORS)) if read_text(path / "name").startswith("ina2")]
        self._power = next((path / "power1_input" for path in monitors if (path / "power1_input").exists()), None)

    @property
    def name(self) -> str:
        """What it is, and which part of the device it covers."""
        assert self._power is not None
        chip = read_text(self._power.parent / "name").upper()
        return f"{chip} at {self._power.parent.name}, whatever line it is wired into"

    @property
    def present(self) -> bool:
        """Whether the device has one."""
        return self._power is not None

    def read(self) -> Reading:
        """The power, in microwatts.

        Raises:
            SensorError: It cannot be read, or not any more.
        """
        assert self._power is not None
        return reading_of(read_number(self._power))

    def mean_mw(self, readings: Sequence[Reading]) -> float:
        """The mean power over some readings, two or more.

        Raises:
            SensorError: The readings give no power.
        """
        return mean_power(readings) / 1e3


class Ina3221:
    """The rails of a Jetson: its input where that is measured, else all of them.

    Linux, Documentation/hwmon/ina3221.rst: millivolts and milliamperes of three rails.

    Args:
        root: Where sysfs begins.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        found = {read_text(path): path for path in sorted(root.glob(RAIL_LABELS))}
        rails = {name: path for name, path in found.items() if name and name != "NC"}
        self._rails = {WHOLE_BOARD: rails[WHOLE_BOARD]} if WHOLE_BOARD in rails else rails

    @property
    def name(self) -> str:
        """What it is, and which part of the device it covers."""
        return f"INA3221, {'rail' if len(self._rails) == 1 else 'the sum of rails'} {', '.join(self._rails)}"

    @property
    def present(self) -> bool:
        """Whether the device has one."""
        return bool(self._rails)

    def read(self) -> Reading:
        """The power of the rails together, in microwatts.

        Raises:
            SensorError: A rail cannot be read, or not any more.
        """
        return reading_of(sum(_rail_uw(label) for label in self._rails.values()))

    def mean_mw(self, readings: Sequence[Reading]) -> float:
        """The mean power over some readings, two or more.

        Raises:
            SensorError: The readings give no power.
        """
        return mean_power(readings) / 1e3


def _rail_uw(label: Path) -> int:
    place = label.name[len("in") : -len("_label")]
    return read_number(label.with_name(f"in{place}_input")) * read_number(label.with_name(f"curr{place}_input"))
