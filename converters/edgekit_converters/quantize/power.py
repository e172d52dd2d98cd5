"""How far a tensor's quantized values are from its float ones; for every format, so no interpreter is imported here."""

from __future__ import annotations

import math

import numpy as np

from edgekit_converters.quantize.statistics import Range


class Power:
    """Sums of squares of one tensor's float values and of their error: its signal-to-noise ratio."""

    def __init__(self) -> None:
        self.signal = self.noise = 0.0
        self.count = 0

    def add(self, expected: np.ndarray, found: np.ndarray) -> None:
        """Take the values of one sample, of one shape."""
        flat = expected.astype(np.float64).ravel()  # in float32, squares of large values are infinite
        error = flat - found.ravel()
        self.signal += float(np.dot(flat, flat))
        self.noise += float(np.dot(error, error))
        self.count += flat.size

    @property
    def sqnr_db(self) -> float | None:
        """Power of the values over that of the error; `None` where nothing differs, or all is 0."""
        if self.signal <= 0 or self.noise <= 0:
            return None
        return round(10 * math.log10(self.signal / self.noise), 2)

    def peak_over_rms(self, found: Range) -> float | None:
        """Largest magnitude of a range over the root mean square of the values."""
        if self.signal <= 0 or self.count == 0:
            return None
        return round(max(abs(found.low), abs(found.high)) / math.sqrt(self.signal / self.count), 2)
