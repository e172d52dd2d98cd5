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
class BiasTrail:
    """What moving the biases gave, so that each operator's mean output is the float file's again.

    Attributes:
        samples: How many calibration samples gave the means.
        operators: How many operators have a bias that can be moved.
        sqnr_before_db: Of the output that is worst on these samples, before; `None` where nothing differed.
        sqnr_after_db: The same after.
        kept: Whether the outputs gained by it; otherwise the file is as it was before.
    """

    samples: int
    operators: int
    sqnr_before_db: Optional[float]
    sqnr_after_db: Optional[float]
    kept: bool


@dataclass(frozen=True)
class FloatOperator:
    """An operator of a quantized file that computes in float32.

    Attributes:
        name: Its name in the file.
        operator: Its kind, such as `Softmax`.
        reason: Why.
    """

    name: str
    operator: str
    reason: str


@dataclass(frozen=True)
class FusionTrail:
    """What the interpreter made of a quantized file when it loaded it.

    Attributes:
        library: The interpreter.
        integer_operators: Operators that compute on integers, or move them about.
        float_operators: The others, in the order they run.
        conversions: Quantizations and dequantizations between operators that are left and cost time.
        border_conversions: Those at the inputs and outputs, which are always there.
    """

    library: str
    integer_operators: int
    float_operators: tuple[FloatOperator, ...]
    conversions: int
    border_conversions: int


@dataclass(frozen=True)
class QuantizationTrail:
    """What quantization did, tensor by tensor.

    Attributes:
        engine: The library that wrote the file.
        method: What is stored how, and how the ranges were found.
        calibration_samples: How many samples gave the ranges; 0 without samples.
        compared_samples: How many samples gave `sqnr_db` and `peak_over_rms`.
        bias: What moving the biases gave; `None` where they were not.
        tensors: In the float file's order; empty without samples.
        fusion: What the interpreter makes of the file; `None` where that was not looked at.
        notes: What else was done to the file, or could not be.
    """

    SCHEMA: ClassVar[str] = "edgekit/quantization"
    VERSION: ClassVar[int] = 1

    engine: str
    method: str
    calibration_samples: int
    compared_samples: int
    bias: Optional[BiasTrail]
    tensors: tuple[TensorTrail, ...]
    fusion: Optional[FusionTrail] = None
    notes: tuple[str, ...] = ()
