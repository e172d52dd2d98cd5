"""The face of every power sensor, and what they share."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol


class SensorError(Exception):
    """A sensor cannot be read, or its readings make no sense; the text says which and why."""


class Reading(NamedTuple):
    """What a sensor showed at one time.

    Attributes:
        time_ns: When, by `time.perf_counter_ns`.
        values: Its counters, or its power; the sensor knows what they are.
    """

    time_ns: int
    values: tuple[float, ...]


class Sensor(Protocol):
    """A power sensor."""

    @property
    def name(self) -> str:
        """What it is, and which part of the device it covers."""
        ...

    @property
    def present(self) -> bool:
        """Whether the device has one."""
        ...

    def read(self) -> Reading:
        """Read it once.

        Raises:
            SensorError: It cannot be read, or not any more; with the command that allows it, where one does.
        """
        ...

    def mean_mw(self, readings: Sequence[Reading]) -> float:
        """The mean power over some readings, two or more.

        Raises:
            SensorError: The readings make no sense.
        """
        ...


def read_number(path: Path) -> int:
    """The whole number in a file of sysfs.

    Raises:
        SensorError: It cannot be read, or is no number.
    """
    try:
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except PermissionError as error:
        raise SensorError(f"only root may read {path}; run: sudo chmod a+r {path}") from error
    except OSError as error:
        raise SensorError(f"{path}: {os.strerror(error.errno or 0).lower()}") from error
    try:
        return int(text)
    except ValueError as error:
        raise SensorError(f"{path} reads {text[:40]!r}; allowed: a whole number") from error


def read_text(path: Path) -> str:
    """The text in a file of sysfs; empty where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def reading_of(*values: float) -> Reading:
    """Values just read, with the time."""
    return Reading(time.perf_counter_ns(), values)


def mean_power(readings: Sequence[Reading]) -> float:
    """The mean of a power that was sampled, by the trapezoidal rule over time.

    Args:
        readings: Two or more, at times that grow, each with one value.
    """
    pairs = list(zip(readings, readings[1:]))
    area = sum((a.values[0] + b.values[0]) / 2 * (b.time_ns - a.time_ns) for a, b in pairs)
    return area / _span_ns(readings)


def mean_rate(readings: Sequence[Reading], ranges: Sequence[float]) -> float:
    """How fast counters grew together, in their units per nanosecond, also where they began anew at their range.

    Args:
        readings: Two or more, at times that grow, each with one value for each counter.
        ranges: What each counter counts up to before it begins anew; readings must be closer than that.
    """
    grown = sum(
        after - before if after >= before else after - before + limit
        for a, b in zip(readings, readings[1:])
        for before, after, limit in zip(a.values, b.values, ranges)
    )
    return grown / _span_ns(readings)


def _span_ns(readings: Sequence[Reading]) -> int:
    span = readings[-1].time_ns - readings[0].time_ns if readings else 0
    if span <= 0:
        raise SensorError(f"{len(readings)} readings give no power; allowed: two or more at different times")
    return span
