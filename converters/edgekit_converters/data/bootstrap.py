"""Intervals for metrics that have no formula of their own: samples are drawn again, in pairs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgekit_converters.data.metrics import PairedMetric
from edgekit_runtime.figure import Figure, Interval, measured, unavailable

RESAMPLES = 400
SEED = 0  # the same outputs give the same interval
ENOUGH = 0.9  # of the resamples must have a value

Score = Callable[[np.ndarray], float]


def paired_scores(source: Score, exported: Score, count: int, what: str) -> PairedMetric:
    """A metric of the source, of the exported file, and the change, with 95 % intervals.

    Percentile bootstrap over samples (B. Efron, Annals of Statistics 7, 1979); both models are
    scored on the same draw, so that the change is paired.

    Args:
        source: The source's score over some samples, given by index; NaN where it has no value.
        exported: The exported file's, likewise.
        count: How many samples there are.
        what: What is measured.
    """
    everything = np.arange(count)
    values = source(everything), exported(everything)
    if not np.isfinite(values).all():
        nothing = unavailable("share", f"{what} has no value on these labels and outputs")
        return PairedMetric(nothing, nothing, nothing)
    random = np.random.default_rng(SEED)
    draws = [random.integers(0, count, count) for _ in range(RESAMPLES)]
    drawn = np.array([(source(draw), exported(draw)) for draw in draws])
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    return PairedMetric(
        _figure(values[0], drawn[:, 0], what),
        _figure(values[1], drawn[:, 1], what),
        _figure(values[1] - values[0], drawn[:, 1] - drawn[:, 0], f"paired difference of {what}"),
    )


def _figure(value: float, drawn: np.ndarray, what: str) -> Figure:
    if len(drawn) < ENOUGH * RESAMPLES:
        return measured(value, "share", f"{what}; no interval, too many draws of the samples lack a class")
    low, high = (float(end) for end in np.quantile(drawn, (0.025, 0.975)))
    interval = Interval(min(low, value), max(high, value))
    return measured(value, "share", f"{what}, bootstrap interval over {RESAMPLES} draws", interval)
