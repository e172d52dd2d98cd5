"""How channels pass activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edgekit_converters.keras.prune.trace import Trace, Value

SOFTMAXES = ("softmax", "log_softmax", "sparsemax", "Softmax", "LogSoftmax", "Sparsemax")
HALVING = "glu"


def activated(trace: Trace, layer: Any, value: Value, place: int) -> Value:
    """What a layer's own activation makes of its channels: they stay where it does not take them one by one.

    Args:
        trace: The notes on the network.
        layer: A layer that may have an activation.
        value: What it gives.
        place: The axis of the channels that it makes.
    """
    activation = getattr(layer, "activation", None)
    reason = _joins(activation, layer.name)
    if reason:
        trace.atoms.pin(value.axes[place], reason)
    return value


def _joins(activation: Callable[..., object] | None, name: str) -> str:
    """Why the channels before an activation stay; empty where it takes them one by one."""
    if activation is None:
        return ""
    called = getattr(activation, "__name__", type(activation).__name__)
    if called in SOFTMAXES:
        return f"the softmax of {name} compares them with each other"
    if called == HALVING or not (activation.__module__ or "").startswith("keras."):
        return f"{name} has the activation {called}, which may join channels"
    return ""


def elementwise(trace: Trace, layer: Any, value: Value) -> Value:
    """`Activation`: what a function makes of every value by itself."""
    reason = _joins(getattr(layer, "activation", None), layer.name)
    if reason:
        trace.stays(value, reason)
    return value


def softmax(trace: Trace, layer: Any, value: Value) -> Value:
    """`Softmax` along one axis or several."""
    places = layer.axis if isinstance(layer.axis, list | tuple) else [layer.axis]
    for axis in places:
        place = axis - 1 if axis > 0 else axis
        trace.atoms.pin(value.axes[place], f"the softmax of {layer.name} compares them with each other")
    return value


def prelu(trace: Trace, layer: Any, value: Value) -> Value:
    """`PReLU`: a slope for every value, or one for those along the axes that share it."""
    shared = layer.shared_axes or ()
    axes = {place: f"axis {place + 1}" for place in range(len(value.axes)) if place + 1 not in shared}
    for place, slot in axes.items():
        trace.takes(layer, slot, value.axes[place])
    trace.weighs(layer, (layer.alpha, axes))
    return value
