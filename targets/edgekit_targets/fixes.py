"""What mends a broken demand, and what that takes: data, hours, another's tool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Need = Literal[
    "convert", "format", "shapes", "samples", "training", "rewrite", "vendor", "original", "figure", "device"
]
"""What a fix takes."""


@dataclass(frozen=True)
class Cost:
    """What a need is called, and what it means for who has to meet it.

    Attributes:
        word: In a table.
        text: In a sentence.
    """

    word: str
    text: str


COSTS: Mapping[Need, Cost] = {
    "convert": Cost("convert", "the source, converted once more"),
    "format": Cost("convert", "the source, converted once more to the other format"),
    "shapes": Cost("convert", "the source, converted once more with its shapes given"),
    "samples": Cost("samples", "samples of real inputs, without labels"),
    "training": Cost("training", "labelled training data, and hours of training"),
    "rewrite": Cost("rewrite", "operators of the source changed, then trained again or at least checked"),
    "vendor": Cost("vendor", "the maker's own tool"),
    "original": Cost("original", "the file that it was compiled from"),
    "figure": Cost("figure", "a figure of its data sheet, told in a profile of your own"),
    "device": Cost("device", "such a device, to measure it there"),
}


@dataclass(frozen=True)
class Fix:
    """What to do about a demand that is not met.

    Attributes:
        text: It, as the user reads it; `TARGET` stands for the target's name.
        needs: What it takes.
    """

    text: str
    needs: Need
