"""What the predictions have to keep, and whether they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from validation import (
    Held,
    Method,
    Row,
    Works,
    hold,
    leave_one_out,
    middle,
    ratios,
    read_rows,
    with_engines,
)

from edgekit_targets.estimate.latency import DEFAULTS
from edgekit_targets.estimate.ranges import CHECKED, SHORT_MS

LEAVE_OUT: dict[Method, tuple[float, float]] = {"estimated": (1.25, 1.6), "counted": (1.15, 1.3)}
RATIOS_WORST = 1.35
INSIDE = 0.9
NARROW = f"published {CHECKED.low:g} to {CHECKED.high:g} times the predicted"


@dataclass(frozen=True)
class Threshold:
    """A figure that is to lie on one side of a limit.

    Attributes:
        what: What is held.
        limit: The limit.
        found: The figure.
        least: Whether the figure is to be at least the limit; else at most.
        of: How many published latencies, or pairs of them, it is taken over.
    """

    what: str
    limit: float
    found: float
    least: bool
    of: int

    @property
    def met(self) -> bool:
        """Whether it is kept."""
        return self.found >= self.limit if self.least else self.found <= self.limit


class Validation:
    """Everything that is held, worked out once."""

    def __init__(self) -> None:
        self.works = Works()
        self.rows = read_rows()

    @property
    def fitted(self) -> tuple[Row, ...]:
        """The rows that the constants were fitted to."""
        return tuple(row for row in self.rows if row.role == "fitted")

    @cached_property
    def held(self) -> dict[Method, tuple[Held, ...]]:
        """Every row, by the constants that edgekit has."""
        return {method: with_engines(hold(self.rows, self.works, method, DEFAULTS)) for method in LEAVE_OUT}

    @cached_property
    def left_out(self) -> dict[Method, tuple[Held, ...]]:
        """The fitted rows, each table by constants that were fitted to the other."""
        return {method: leave_one_out(self.fitted, self.works, method, lambda row: row.table) for method in LEAVE_OUT}

    @cached_property
    def left_out_models(self) -> dict[Method, tuple[Held, ...]]:
        """The fitted rows, each model by constants that were fitted to the others."""
        return {method: leave_one_out(self.fitted, self.works, method, lambda row: row.model) for method in LEAVE_OUT}

    def tested(self, method: Method, *roles: str) -> tuple[Held, ...]:
        """Rows of 5 ms and more, without those under which a constant was fitted.

        Args:
            method: How they are predicted.
            roles: Of their tables; those that only test by default.
        """
        return tuple(
            held
            for held in self.held[method]
            if held.row.role in (roles or ("tested",)) and held.row.published_ms >= SHORT_MS
        )

    def thresholds(self) -> tuple[Threshold, ...]:
        """All of them."""
        found = []
        for method, (median, worst) in LEAVE_OUT.items():
            held = self.left_out[method]
            errors = [one.error for one in held]
            pairs = ratios(held)
            tested = self.tested(method)
            words = f"{method}, one XNNPACK table predicted from the other"
            found += [
                Threshold(f"{words}: median error", median, middle(errors), False, len(errors)),
                Threshold(f"{words}: worst error", worst, max(errors), False, len(errors)),
                Threshold(f"{words}: worst ratio of two models", RATIOS_WORST, max(pairs), False, len(pairs)),
                Threshold(f"{method}, never fitted: {NARROW}", INSIDE, share_inside(tested), True, len(tested)),
            ]
        return tuple(found)


def share_inside(held: Sequence[Held]) -> float:
    """The share of published latencies inside the narrowest range that is printed."""
    return sum(1 for one in held if one.narrowly) / len(held)
