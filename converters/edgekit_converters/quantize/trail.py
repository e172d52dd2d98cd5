"""What quantization did to each activation: range, scale, noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Optional

QUANTIZATION_FILE = "trail/quantization.json"


@dataclass(frozen=True)
class TensorTrail:
    """One activation.

    Attributes:
        name: The tensor.
        operator: The operator that writes it; empty for an input.
        low: Smallest value over the calibration samples.
        high: Largest value over the calibration samples.
        scale: Real value of one step; `None` where it stayed float.
        zero_point: The stored value that stands for 0.
        sqnr_db: Power of the float values over that of the difference; `None` where nothing differs.
        peak_over_rms: Largest magnitude over the root mean square: above about 20, outliers rule the scale.
    """

    name: str
    operator: str
    low: float
    high: float
    scale: Optional[float]
    zero_point: Optional[int]
    sqnr_db: Optional[float]
    peak_over_rms: Optional[float]


@dataclass(frozen=True)
class QuantizationTrail:
    """What quantization did, tensor by tensor.

    Attributes:
        engine: The library that wrote the file.
        ranges: How the ranges were found.
        calibration_samples: How many samples gave the ranges.
        compared_samples: How many samples gave `sqnr_db` and `peak_over_rms`.
        tensors: In the float file's order.
    """

    SCHEMA: ClassVar[str] = "edgekit/quantization"
    VERSION: ClassVar[int] = 1

    engine: str
    ranges: str
    calibration_samples: int
    compared_samples: int
    tensors: tuple[TensorTrail, ...]
