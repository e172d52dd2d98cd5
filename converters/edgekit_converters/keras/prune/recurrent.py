"""How channels pass recurrent layers: those that they take may leave, their own units stay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from edgekit_converters.keras.prune.trace import Trace, Value, fixed

WHY = "it is recurrent: what its units give comes back to them at the next step"


def recurrent(trace: Trace, layer: Any, value: Value, shapes: Sequence[tuple[int, ...]]) -> list[Value]:
    """`LSTM`, `GRU`, `SimpleRNN`, and `Bidirectional` around them.

    Args:
        trace: The notes on the network.
        layer: The layer.
        value: `(T, C)`.
        shapes: What it gives, each without the batch.
    """
    trace.stays(value, f"{layer.name} takes them as steps", but=[1])
    taken = trace.takes(layer, "in", value.axes[-1])
    trace.leave(layer, WHY)
    steps = value.shape[0]
    for cell in _cells(layer):
        trace.weighs(layer, (cell.kernel, {0: "in"}))
        trace.costs_macs(layer.name, steps * cell.kernel.shape[1], taken)
        trace.costs_macs(layer.name, (steps - 1) * math.prod(cell.recurrent_kernel.shape))  # the first state is 0
    return [fixed(shape) for shape in shapes]


def _cells(layer: Any) -> list[Any]:
    if hasattr(layer, "forward_layer"):
        return [layer.forward_layer.cell, layer.backward_layer.cell]
    return [layer.cell]
