"""How channels pass sums and products of several tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgekit_converters.compress.atoms import FIXED
from edgekit_converters.keras.prune.trace import Trace, Value

FIXED_SIDE = "it meets channels that stay in {name}"


def merge(trace: Trace, layer: Any, values: Sequence[Value]) -> Value:
    """`Add`, `Multiply` and the like: channels that meet leave together; a single one meets all.

    Args:
        trace: The notes on the network.
        layer: The layer, for the reason.
        values: What it takes, shapes as numpy broadcasts them.
    """
    merged = values[0]
    for value in values[1:]:
        merged = _pair(trace, layer, merged, value)
    return merged


def _pair(trace: Trace, layer: Any, one: Value, other: Value) -> Value:
    rank = max(len(one.axes), len(other.axes))
    pairs = zip(_padded(one, rank), _padded(other, rank), strict=True)
    return Value(tuple(_met(trace, layer, left, right) for left, right in pairs))


def _padded(value: Value, rank: int) -> tuple[np.ndarray, ...]:
    missing = rank - len(value.axes)
    return (*(np.full(1, FIXED) for _ in range(missing)), *value.axes)


def _met(trace: Trace, layer: Any, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """One axis of two tensors, either of which may have size 1."""
    if len(left) != len(right):
        wide, narrow = (left, right) if len(left) > len(right) else (right, left)
        trace.atoms.pin(narrow, f"{layer.name} spreads its one channel over several")
        return wide
    trace.atoms.join(left, right, FIXED_SIDE.format(name=layer.name))
    return np.where(left == FIXED, FIXED, right)
