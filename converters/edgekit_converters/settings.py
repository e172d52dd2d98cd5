"""What each step of a conversion is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

SCHEMES = ("float32", "int8")
BORDER_TYPES = ("float32", "int8")


@dataclass(frozen=True)
class DataSettings:
    """Which samples to use.

    Attributes:
        path: The data.
        samples: How many to draw over the whole set; `None` takes all.
        seed: Seed of the draw.
    """

    path: str
    samples: Optional[int]
    seed: int


@dataclass(frozen=True)
class QuantizeSettings:
    """How to quantize.

    Attributes:
        scheme: `float32` (not at all) or `int8` (static: weights and activations).
        input_dtype: Type of the inputs: `int8`, or `float32` with a conversion inside the file.
        output_dtype: Type of the outputs, likewise.
    """

    scheme: str
    input_dtype: str
    output_dtype: str


@dataclass(frozen=True)
class EvaluateSettings:
    """How to evaluate.

    Attributes:
        metric: `accuracy`, `mean_squared_error`, or `auto` (by the labels).
    """

    metric: str
