"""What a benchmark gives: rows of figures side by side, with a target and whether it was met."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgekit_runtime.figure import Figure, measured, unavailable

TIMES = "times"


@dataclass(frozen=True)
class Target:
    """Where a compared figure is to lie.

    Attributes:
        high: At most this.
        low: At least this; without a lower end, minus infinity.
    """

    high: float
    low: float = -math.inf

    def holds(self, value: float) -> bool:
        """Whether a value meets it."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Row:
    """Two figures side by side.

    Attributes:
        what: What was measured.
        edgekit: edgekit's figure.
        beside: The figure it is held against; `None` where it stands alone.
        compared: Their ratio or difference, which the target is about; `None` where nothing is compared.
        target: Where that is to lie; `None` without.
        pairs: How many interleaved pairs of processes, or how many runs where there is one figure.
    """

    what: str
    edgekit: Figure
    beside: Figure | None
    compared: Figure | None
    target: Target | None
    pairs: int

    @property
    def verdict(self) -> str:
        """`met`, `MISSED`, `not measured`, or nothing without a target."""
        if self.compared is not None and self.compared.value is None:
            return "not measured"
        if self.compared is None or self.compared.value is None or self.target is None:
            return ""
        return "met" if self.target.holds(self.compared.value) else "MISSED"


@dataclass(frozen=True)
class Section:
    """One benchmark's result.

    Attributes:
        title: What it is about.
        method: How it was measured.
        commands: What was run, one line each.
        rows: The figures.
    """

    title: str
    method: str
    commands: tuple[str, ...]
    rows: tuple[Row, ...]


def skipped(what: str, unit: str, target: Target, reason: str) -> Row:
    """A row that could not be measured, with the reason."""
    return Row(what, unavailable(unit, reason), None, unavailable(unit, reason), target, 0)


def alone(what: str, value: float, unit: str, method: str, runs: int) -> Row:
    """A row of one figure, held against nothing."""
    return Row(what, measured(value, unit, method), None, None, None, runs)
