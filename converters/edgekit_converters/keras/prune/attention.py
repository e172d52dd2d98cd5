"""How channels pass attention."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Optional

from edgekit_converters.keras.prune.trace import Settings, Trace, Value, fixed


def heads(trace: Trace, layer: Any, query: Value, value: Value, key: Optional[Value] = None, **_: Any) -> Value:
    """`MultiHeadAttention`: whole heads leave, and the channels of its inputs and outputs; `key_dim` stays.

    Args:
        trace: The notes on the network.
        layer: The layer.
        query: `(..., T, C)`.
        value: `(..., S, C)`.
        key: Likewise; `value` where it is `None`.
    """
    key = value if key is None else key
    for taken in (query, key, value):
        trace.stays(taken, f"{layer.name} compares positions with each other", but=[len(taken.axes) - 1])
    inside = trace.makes(layer, "heads", layer.num_heads, layer.key_dim)
    for name, taken in (("query", query), ("key", key), ("value", value)):
        slot = trace.takes(layer, name, taken.axes[-1])
        projection = getattr(layer, f"{name}_dense")
        trace.weighs(layer, (projection.kernel, {0: name, 1: "heads"}), (projection.bias, {0: "heads"}))
        trace.costs_macs(layer.name, math.prod(taken.shape[:-1]) * projection.kernel.shape[-1], slot, inside)
    width = layer.output_dense.kernel.shape[-1]
    made = trace.makes(layer, "out", width)
    trace.weighs(layer, (layer.output_dense.kernel, {0: "heads", 2: "out"}), (layer.output_dense.bias, {0: "out"}))
    per_head = layer.output_dense.kernel.shape[1]
    trace.costs_macs(layer.name, math.prod(query.shape[:-1]) * per_head, inside, made)
    trace.costs_macs(layer.name, _pairs(layer, query, value) * (layer.key_dim + per_head), inside)
    trace.plan(layer).settings = _sizes
    return fixed((*query.shape[:-1], width)).with_axis(len(query.axes) - 1, made)


def _pairs(layer: Any, query: Value, value: Value) -> int:
    """How many positions are compared with how many: all but the batch, or along some axes only."""
    axes = getattr(layer, "attention_axes", None) or getattr(layer, "_attention_axes", None)
    places = [axis - 1 for axis in axes] if axes else list(range(len(query.axes) - 1))
    return math.prod(query.shape[:-1]) * math.prod(value.shape[place] for place in places)


def _sizes(sizes: Mapping[str, int]) -> Settings:
    width = None if sizes["out"] == sizes["query"] else (sizes["out"],)
    return {"num_heads": sizes["heads"], "output_shape": width}


def scores(trace: Trace, layer: Any, values: list[Value], shape: tuple[int, ...]) -> Value:
    """`Attention` and `AdditiveAttention`: products of whole tensors; the channels stay."""
    for taken in values:
        trace.stays(taken, f"{layer.name} multiplies them with each other")
    query, value = values[0].shape, values[1].shape
    products = math.prod(query[:-1]) * value[-2]
    compared = query[-1] if type(layer).__name__ == "Attention" else 0
    trace.costs_macs(layer.name, products * (compared + value[-1]))
    return fixed(shape)


def dot(trace: Trace, layer: Any, values: list[Value], shape: tuple[int, ...]) -> Value:
    """`Dot`: a product of two tensors along an axis of each."""
    for taken in values:
        trace.stays(taken, f"{layer.name} multiplies them with each other")
    axis = layer.axes[0] if isinstance(layer.axes, list | tuple) else layer.axes
    along = values[0].shape[axis - 1 if axis > 0 else axis]
    trace.costs_macs(layer.name, math.prod(shape) * along)
    return fixed(shape)
