"""What the fix of a model that does not fit a target takes, and what the model costs with it."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit_runtime.figure import Figure, Interval, unavailable
from edgekit_targets.estimate.energy import UNIT as ENERGY
from edgekit_targets.estimate.fit import Outcome
from edgekit_targets.fixes import COSTS, Need

NOT_BEFORE = "it shows only once it is done"


@dataclass(frozen=True)
class Price:
    """What it takes that a model fits, and what it costs then.

    Attributes:
        needs: What its fix takes, and the fixes behind that, in order.
        words: What it takes until what is predicted here, as a sentence without its stop.
        fit: Whether it fits then, as far as that can be told before.
        fit_reason: What speaks against it then, and what that takes in turn; or why that is unknown.
        latency: Of an inference then; unavailable under 5 ms, where `latency_range_ms` tells its order.
        latency_range_ms: From the least to the most then; `None` where nothing is known.
        memory: Of the process then.
        energy: Of an inference then.
    """

    needs: tuple[Need, ...]
    words: str
    fit: Outcome
    fit_reason: str
    latency: Figure
    latency_range_ms: Interval | None
    memory: Figure
    energy: Figure


def price_of(needs: tuple[Need, ...], reason: str = NOT_BEFORE) -> Price:
    """A price of which nothing is known but what it takes.

    Args:
        needs: What it takes, in order.
        reason: Why no more is known.
    """
    latency, memory, energy = (unavailable(unit, reason) for unit in ("ns", "byte", ENERGY))
    return Price(needs, in_words(needs), "unknown", reason, latency, None, memory, energy)


def in_words(needs: tuple[Need, ...]) -> str:
    """What fixes take, as a sentence without its stop."""
    return ", and ".join(COSTS[need].text for need in needs)
