"""How channels pass normalizations."""

from __future__ import annotations

from typing import Any

from edgekit_converters.keras.prune.trace import Trace, Value


def batch(trace: Trace, layer: Any, value: Value) -> Value:
    """`BatchNormalization`: four numbers for each channel."""
    trace.takes(layer, "channels", value.axes[_place(layer.axis)])
    weights = (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
    trace.weighs(layer, *((weight, {0: "channels"}) for weight in weights))
    return value


def layer_wise(trace: Trace, layer: Any, value: Value) -> Value:
    """`LayerNormalization` and `RMSNormalization`: over the channels that are left."""
    axes = layer.axis if isinstance(layer.axis, list | tuple) else [layer.axis]
    slots = {number: f"axis {number + 1}" for number in range(len(axes))}
    for number, axis in enumerate(axes):
        trace.takes(layer, slots[number], value.axes[_place(axis)])
    weights = (getattr(layer, name, None) for name in ("gamma", "beta", "scale"))
    trace.weighs(layer, *((weight, slots) for weight in weights))
    return value


def group(trace: Trace, layer: Any, value: Value) -> Value:
    """`GroupNormalization`: each of its groups leaves as a whole."""
    taken = trace.takes(layer, "channels", value.axes[_place(layer.axis)])
    trace.weighs(layer, (layer.gamma, {0: "channels"}), (layer.beta, {0: "channels"}))
    width = len(taken) // layer.groups
    if layer.groups > 1:
        rows = taken.reshape(layer.groups, width)
        reason = f"it is in one group of {layer.name} with channels that stay"
        for column in range(1, width):
            trace.atoms.join(rows[:, 0], rows[:, column], reason)
        trace.plan(layer).settings = lambda sizes: {"groups": sizes["channels"] // width}
    return value


def by_statistics(trace: Trace, layer: Any, value: Value) -> Value:
    """`Normalization` and `UnitNormalization`: what they go by was found for these channels."""
    trace.stays(value, f"{layer.name} goes by all of them")
    return value


def _place(axis: int) -> int:
    """An axis without the batch."""
    return axis - 1 if axis > 0 else axis
