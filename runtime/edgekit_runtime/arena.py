"""The size of an interpreter's arena, told from where its tensors lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Optional

ALIGNMENT_BYTES = 64  # of tensors in an arena: kDefaultTensorAlignment in TensorFlow Lite's util.h


class TensorPlace(NamedTuple):
    """Where a tensor lies.

    Attributes:
        address: Of its first byte.
        size_bytes: How many it has.
        activation: Whether it is an input, or an operator writes it; else it is a kernel's scratch memory.
    """

    address: int
    size_bytes: int
    activation: bool


def arena_bytes(places: Sequence[TensorPlace]) -> Optional[int]:
    """The span of the one block that holds every activation; `None` where no one block does.

    The planner puts each tensor at the lowest place that is free for its lifetime, so that a block
    has no gap wider than the alignment. What lies elsewhere was allocated by itself.

    Args:
        places: Activations and scratch memory, in any order; constants left out.
    """
    blocks: list[list[TensorPlace]] = []
    end = -ALIGNMENT_BYTES - 1
    for place in sorted(place for place in places if place.size_bytes > 0):
        if place.address > end + ALIGNMENT_BYTES:
            blocks.append([])
            end = place.address
        blocks[-1].append(place)
        end = max(end, place.address + place.size_bytes)
    holding = [block for block in blocks if any(place.activation for place in block)]
    if len(holding) != 1:
        return None
    return max(place.address + place.size_bytes for place in holding[0]) - holding[0][0].address
