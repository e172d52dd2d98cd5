"""What each step of a conversion left behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Optional

from edgekit_runtime.figure import Figure, Interval

TRAIL_FILE = "trail/steps.json"


@dataclass(frozen=True)
class StepResult:
    """One step.

    Attributes:
        step: What was done, such as `export` or `quantize`.
        detail: How, in words.
        size_bytes: Length of the model's file after it; of the float file where that was not quantized yet.
        parameters: What the network has after it; this and what follows is told where a conversion changes the network.
        macs: Multiply-accumulates of the file for one sample.
        metric: Of the live network, or of the file under its interpreter, on the evaluation data.
        latency: Of the file on the target; unavailable where only its order is known.
        latency_range_ms: From the least to the most.
    """

    step: str
    detail: str
    size_bytes: int
    parameters: Optional[int] = None
    macs: Optional[Figure] = None
    metric: Optional[Figure] = None
    latency: Optional[Figure] = None
    latency_range_ms: Optional[Interval] = None


@dataclass(frozen=True)
class Trail:
    """The steps from the source to the model's file.

    Attributes:
        parameters: How many numbers the source learned.
        steps: In order.
    """

    SCHEMA: ClassVar[str] = "edgekit/trail"
    VERSION: ClassVar[int] = 1

    parameters: int
    steps: tuple[StepResult, ...]
