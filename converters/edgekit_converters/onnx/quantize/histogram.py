"""The distribution of a tensor's values, gathered sample by sample in constant memory."""

from __future__ import annotations

import math

import numpy as np

from edgekit_converters.quantize.statistics import Range

BINS = 4096  # over twice the limit: at worst 1024 for the half of the values that is used
SMALLEST_LIMIT = 2.0**-100  # bins per unit of value stay within float32
CHUNK = 1 << 16  # values at a time, so that what they become on the way stays in the processor's cache


class Histogram:
    """Counts in bins of equal width, on both sides of 0.

    The limit is a power of 2. Where a value passes it, it is doubled, and pairs of bins become one: what was
    counted stays counted exactly, and neither the order of the samples nor their batches matter, but for the
    limit that the first value of all begins with.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(BINS, np.int64)
        self._limit = 0.0
        self.range = Range(math.inf, -math.inf)

    def update(self, values: np.ndarray) -> None:
        """Take a tensor's values, of any shape; NaN and infinity show in `range`, and are not counted."""
        if values.size == 0:
            return
        flat = values.ravel()
        found = Range(float(flat.min()), float(flat.max()))
        self.range = self.range.widened(found)
        peak = max(abs(found.low), abs(found.high))
        if not math.isfinite(peak):
            return
        self._reach(peak)
        scale = np.float32(BINS / 2 / self._limit) if self._limit else np.float32(0)
        for start in range(0, flat.size, CHUNK):
            places = flat[start : start + CHUNK] * scale
            places += np.float32(BINS // 2)
            indexes = places.astype(np.int32)  # never negative, so that this rounds down
            np.minimum(indexes, BINS - 1, out=indexes)
            self._counts += np.bincount(indexes, minlength=BINS)

    def percentile(self, share: float) -> Range:
        """The range that leaves out `1 - share` of the values, half of them at each end.

        Args:
            share: Such as 0.9999.

        Returns:
            Borders of bins, within the smallest and the largest value.
        """
        total = int(self._counts.sum())
        if total == 0 or not self._limit:
            return self.range
        width = 2 * self._limit / BINS
        outside = (1 - share) / 2 * total
        sums = np.cumsum(self._counts)
        low = int(np.searchsorted(sums, outside, side="right"))
        high = int(np.searchsorted(sums, total - outside, side="left")) + 1
        ends = np.array([low, high]) * width - self._limit
        # Clipped at both ends: float32 may have rounded a value into the bin above it.
        return Range(*(float(end) for end in ends.clip(self.range.low, self.range.high)))

    def _reach(self, peak: float) -> None:
        if not self._limit:
            if peak > 0:
                self._limit = max(SMALLEST_LIMIT, 2.0 ** math.ceil(math.log2(peak)))
            return
        while peak > self._limit:
            pairs = self._counts.reshape(-1, 2).sum(axis=1)
            self._counts = np.zeros(BINS, np.int64)
            self._counts[BINS // 4 : BINS // 4 + BINS // 2] = pairs
            self._limit *= 2
