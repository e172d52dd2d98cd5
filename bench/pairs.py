"""Interleaved pairs: what changes on a busy machine meets both sides of a pair alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple, TypeVar

from figures import TIMES, Row, Target

from edgekit_runtime.figure import measured

One = TypeVar("One")
Other = TypeVar("Other")


class Pair(NamedTuple):
    """The same quantity of both sides, measured one right after the other."""

    edgekit: float
    beside: float


def interleave(edgekit: Callable[[], One], beside: Callable[[], Other], count: int) -> tuple[tuple[One, Other], ...]:
    """Run both sides in turn; every second pair begins with the other side.

    Args:
        edgekit: One run of edgekit.
        beside: One run of what it is held against.
        count: How many pairs.
    """
    pairs = []
    for number in range(count):
        if number % 2:
            other = beside()
            pairs.append((edgekit(), other))
        else:
            pairs.append((edgekit(), beside()))
    return tuple(pairs)


def median_ratio(pairs: Sequence[Pair]) -> float:
    """The median of the pairs' ratios."""
    return median(pair.edgekit / pair.beside for pair in pairs)


def geometric_mean_ratio(pairs: Sequence[Pair]) -> float:
    """The geometric mean of the pairs' ratios."""
    return math.exp(math.fsum(math.log(pair.edgekit / pair.beside) for pair in pairs) / len(pairs))


def median_difference(pairs: Sequence[Pair]) -> float:
    """The median of the pairs' differences, edgekit's value less the other."""
    return median(pair.edgekit - pair.beside for pair in pairs)


def ratio_row(what: str, unit: str, pairs: Sequence[Pair], target: Target | None) -> Row:
    """Medians of both sides, and the median of the ratios."""
    return _row(what, unit, pairs, target, (median_ratio(pairs), TIMES, "median of the pairs' ratios"))


def mean_ratio_row(what: str, unit: str, pairs: Sequence[Pair], target: Target | None) -> Row:
    """Medians of both sides, and the geometric mean of the ratios."""
    return _row(what, unit, pairs, target, (geometric_mean_ratio(pairs), TIMES, "geometric mean of the pairs' ratios"))


def difference_row(what: str, unit: str, pairs: Sequence[Pair], target: Target | None) -> Row:
    """Medians of both sides, and the median of the differences."""
    return _row(what, unit, pairs, target, (median_difference(pairs), unit, "median of the pairs' differences"))


def _row(what: str, unit: str, pairs: Sequence[Pair], target: Target | None, compared: tuple[float, str, str]) -> Row:
    sides = [
        measured(median(values), unit, "median")
        for values in ([pair.edgekit for pair in pairs], [pair.beside for pair in pairs])
    ]
    return Row(what, sides[0], sides[1], measured(*compared), target, len(pairs))
