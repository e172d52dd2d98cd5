"""A fact about a device, with its source and how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from edgekit_targets.names import Confidence

T = TypeVar("T")


@dataclass(frozen=True)
class Sourced(Generic[T]):
    """A fact about a device, and where it comes from.

    Attributes:
        value: The fact, in the unit that the field's name says.
        source: Key of a citation in the profile's `sources`.
        confidence: How far it can be trusted.
        note: What a reader must know to use it rightly.
    """

    value: T
    source: str
    confidence: Confidence
    note: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.value, (int, float)) and self.value <= 0:
            raise ValueError(f"value is {self.value:g}; allowed: more than 0")
