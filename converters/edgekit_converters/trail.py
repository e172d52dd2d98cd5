"""What each step of a conversion left behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

TRAIL_FILE = "trail/steps.json"


@dataclass(frozen=True)
class StepResult:
    """One step.

    Attributes:
        step: What was done, such as `export` or `quantize`.
        detail: How, in words.
        size_bytes: Length of the model's file after it.
    """

    step: str
    detail: str
    size_bytes: int


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
