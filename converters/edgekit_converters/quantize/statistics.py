"""Ranges of activations, gathered sample by sample in constant memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Range:
    """The smallest and the largest value that a tensor took."""

    low: float
    high: float

    def widened(self, other: Range) -> Range:
        """The range that holds both; NaN in either stays, which `min` and `max` would drop by their order."""
        return Range(float(np.minimum(self.low, other.low)), float(np.maximum(self.high, other.high)))


class RangeStatistics:
    """Absolute minimum and maximum of each tensor over all samples.

    The order of the samples, and how they are split into batches, do not matter.
    """

    def __init__(self) -> None:
        self._ranges: dict[str, Range] = {}

    def update(self, name: str, values: np.ndarray) -> None:
        """Take a tensor's values of one sample, or of several; an empty array changes nothing."""
        if values.size == 0:
            return
        found = Range(float(values.min()), float(values.max()))
        known = self._ranges.get(name)
        self._ranges[name] = found if known is None else known.widened(found)

    @property
    def ranges(self) -> Mapping[str, Range]:
        """The ranges so far, by the tensor's name."""
        return dict(self._ranges)
