"""Figures as text: one readable unit for a row, no more digits than the interval bears out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from edgekit_runtime.figure import Figure, Interval

DIGITS = 4  # significant digits of a figure without an interval
LOPSIDED = 1.5  # from here on one ± would hide how far an interval's sides differ


@dataclass(frozen=True)
class Unit:
    """A unit to show figures in.

    Attributes:
        name: Its name.
        size: How many of the figure's own unit make one of it.
    """

    name: str
    size: float


# kB and MB are decimal, as everywhere on storage and in interpreters' own logs.
_UNITS = {
    "ns": (Unit("ns", 1), Unit("µs", 1e3), Unit("ms", 1e6), Unit("s", 1e9)),
    "byte": (Unit("byte", 1), Unit("kB", 1e3), Unit("MB", 1e6), Unit("GB", 1e9)),
    "share": (Unit("%", 0.01),),
    "µJ": (Unit("µJ", 1), Unit("mJ", 1e3), Unit("J", 1e6)),
}


def unit_for(figures: Iterable[Figure]) -> Unit:
    """The unit that shows the largest of some figures of one kind with few digits."""
    available = [figure for figure in figures if figure.value is not None]
    if not available:
        return Unit("", 1)
    units = _UNITS.get(available[0].unit, (Unit(available[0].unit, 1),))
    largest = max(abs(figure.value) for figure in available if figure.value is not None)
    return next((unit for unit in reversed(units) if largest >= unit.size), units[0])


def figure_text(figure: Figure, unit: Unit) -> str:
    """A figure's value with its interval: `12.35 ± 0.04`, or `88 +49 -31` where its sides are far from equal."""
    assert figure.value is not None
    value = figure.value / unit.size
    if figure.interval is None:
        return plain(value)
    up = figure.interval.high / unit.size - value
    down = value - figure.interval.low / unit.size
    wide, narrow = max(up, down), min(up, down)
    digits = decimals(value, wide)
    if wide > LOPSIDED * narrow:
        return f"{value:.{digits}f} {up:+.{digits}f} {-down:+.{digits}f}"
    return f"{value:.{digits}f} ± {wide:.{digits}f}"


def ratio_text(value: float, interval: Interval | None) -> tuple[str, str]:
    """A ratio, and the ends of its interval: two decimals, or three where two would hide the difference."""
    ends = (interval.low, interval.high) if interval else (value, value)
    rounded = {f"{end:.2f}" for end in (*ends, 1.0)}
    digits = 2 if len(rounded) == 3 or not interval or ends[0] == ends[1] else 3
    return f"{value:.{digits}f}", _ends(*ends, digits) if interval else ""


def difference_text(value: float, interval: Interval | None, unit: Unit) -> tuple[str, str]:
    """A difference in a unit, and the ends of its interval, all with their signs."""
    ends = (interval.low / unit.size, interval.high / unit.size) if interval else ()
    digits = decimals(max(map(abs, ends)), (ends[1] - ends[0]) / 2) if ends else 2
    return f"{value / unit.size:+.{digits}f}", _ends(*ends, digits, "+") if ends else ""


def _ends(low: float, high: float, digits: int, sign: str = "") -> str:
    return f"{low:{sign}.{digits}f} to {high:{sign}.{digits}f}"


def plain(value: float) -> str:
    """A number without an interval, in at most four significant digits; whole numbers in full."""
    if value == round(value) or abs(value) >= 10**DIGITS:
        return f"{value:.0f}"
    return f"{value:.{max(0, DIGITS - 1 - math.floor(math.log10(abs(value))))}f}"


def decimals(value: float, half: float) -> int:
    """Decimal places that show an uncertainty with two significant digits, but never more than four of the value."""
    most = max(0, DIGITS - 1 - _magnitude(value))
    return min(most, max(0, 1 - _magnitude(half))) if half > 0 else most


def _magnitude(value: float) -> int:
    return math.floor(math.log10(abs(value))) if value else 0
