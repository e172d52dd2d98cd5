"""How far a predicted latency is trusted: always a range, and no single value where only its order is known."""

from __future__ import annotations

from typing import NamedTuple

from edgekit_runtime.figure import Figure, Interval, unavailable

NS_PER_MS = 1e6
SHORT_MS = 5.0
CONFIDENCE = 0.9  # share of the published figures, none of them fitted, that lie inside (docs/validation.md)
ASSUMED = 0.5  # where nothing published tells that share: more than an even chance is not claimed


class Trust(NamedTuple):
    """How far the truth may lie from a prediction, as factors of it.

    Attributes:
        low: At the lower end.
        high: At the upper end.
        confidence: Share of such ranges that hold the truth.
    """

    low: float
    high: float
    confidence: float = CONFIDENCE


CHECKED = Trust(0.7, 1.75)  # held against published figures of such a core, by other people and other engines
UNCHECKED = Trust(
    0.45, 2.0, ASSUMED
)  # others stand in for what was counted; as far as a phone with cores of its own was off
SHORT = Trust(0.25, 4.0)  # under SHORT_MS
ON_ETHOS_U = Trust(0.65, 1.75, ASSUMED)  # Vela's own estimate beside edgekit's, of networks (docs/validation.md)
ON_EDGETPU = Trust(0.65, 1.75, ASSUMED)  # held against what its maker published, 8 of 10 (docs/validation.md)
ANCHORED = Trust(0.7, 1.3)  # scaled by a measurement of another model, with the same runtime on the same board


class Latency(NamedTuple):
    """A predicted latency.

    Attributes:
        figure: The value with its interval; unavailable where only the order of magnitude is known.
        range_ms: From the least to the most, in every case.
    """

    figure: Figure
    range_ms: Interval


def latency_figure(
    total_ms: float, trust: Trust, method: str, advice: str = ": measure it with `edgekit bench`"
) -> Latency:
    """A predicted latency as it may be shown.

    Args:
        total_ms: What the formula gives, above 0.
        trust: How far it is trusted.
        method: How it was found.
        advice: What to do where only the order of magnitude is known, behind the reason.
    """
    if total_ms < SHORT_MS:
        low, high = total_ms * SHORT.low, total_ms * SHORT.high
        span = Interval(low, high, trust.confidence)
        reason = (
            f"under {SHORT_MS:g} ms only the order of magnitude is known, {low:.2g} to {high:.2g} ms "
            f"({method.partition(' ')[0].rstrip(':')}){advice}"
        )
        return Latency(unavailable("ns", reason), span)
    span = Interval(total_ms * trust.low, total_ms * trust.high, trust.confidence)
    ends = Interval(span.low * NS_PER_MS, span.high * NS_PER_MS, trust.confidence)
    return Latency(Figure("predicted", "ns", total_ms * NS_PER_MS, method, ends), span)
