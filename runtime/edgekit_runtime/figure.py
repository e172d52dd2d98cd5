"""A figure: the only way a number leaves edgekit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional

MODES = ("measured", "simulated", "predicted", "unavailable")


@dataclass(frozen=True)
class Interval:
    """A confidence interval, in the unit of its figure.

    Attributes:
        low: Lower end.
        high: Upper end.
        confidence: Share of such intervals that hold the true value, between 0 and 1.

    Raises:
        ValueError: An end is not finite, the ends are exchanged, or the confidence is no share.
    """

    low: float
    high: float
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise ValueError(f"interval is {self.low!r} to {self.high!r}; allowed: finite ends, the lower first")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence is {self.confidence!r}; allowed: between 0 and 1")


@dataclass(frozen=True)
class Figure:
    """A value that says where it comes from, or why it is missing.

    Attributes:
        mode: `measured`, `simulated`, `predicted` or `unavailable`.
        unit: Unit of `value`, such as `ns`, `byte`, `share`, `dB`.
        value: The number; `None` when unavailable.
        method: How it was found; empty when unavailable.
        interval: Its uncertainty, where the method gives one.
        reason: Why it is unavailable; empty otherwise.

    Raises:
        ValueError: The fields contradict each other.
    """

    mode: str
    unit: str
    value: Optional[float] = None
    method: str = ""
    interval: Optional[Interval] = None
    reason: str = ""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"mode is {self.mode!r}; allowed: {', '.join(MODES)}")
        if self.mode == "unavailable":
            if self.value is not None or self.method or self.interval or not self.reason:
                raise ValueError("an unavailable figure has a reason, and no value, method or interval")
        elif self.value is None or not math.isfinite(self.value) or not self.method or self.reason:
            raise ValueError(f"a {self.mode} figure has a finite value and a method, and no reason")

    @property
    def available(self) -> bool:
        """Whether there is a value."""
        return self.value is not None


def measured(value: float, unit: str, method: str, interval: Optional[Interval] = None) -> Figure:
    """A figure that was measured, with the method that measured it."""
    return Figure("measured", unit, float(value), method, interval)


def unavailable(unit: str, reason: str) -> Figure:
    """A figure that could not be had, with the reason."""
    return Figure("unavailable", unit, reason=reason)
