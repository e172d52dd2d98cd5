"""How channels pass layers that move, join or drop axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edgekit_converters.compress.atoms import FIXED
from edgekit_converters.keras.prune.convolutions import channel_axis
from edgekit_converters.keras.prune.trace import Trace, Value, fixed

Rearrange = Callable[[np.ndarray], np.ndarray]  # of values without the batch


def windows(trace: Trace, layer: Any, value: Value, shape: tuple[int, ...]) -> Value:
    """Pooling, padding, cropping and upsampling: other sizes, the same channels."""
    place = channel_axis(layer, value)
    trace.stays(value, f"{layer.name} moves a window along its channels", but=[place])
    return fixed(shape).with_axis(place, value.axes[place])


def over_all(trace: Trace, layer: Any, value: Value, shape: tuple[int, ...]) -> Value:
    """Global pooling: the channels remain."""
    place = channel_axis(layer, value)
    trace.stays(value, f"{layer.name} pools along its channels", but=[place])
    left = place if len(shape) == len(value.axes) else 0
    return fixed(shape).with_axis(left, value.axes[place])


def reshape(trace: Trace, layer: Any, value: Value, shape: tuple[int, ...]) -> Value:
    """`Reshape`, `Flatten`: followed where the channels stay along one axis."""
    moved = rearranged(trace, layer, value, shape, lambda values: values.reshape(shape))
    growing = [place for place, axis in enumerate(moved.axes) if (axis != FIXED).any()]
    if growing:
        slot = trace.takes(layer, "moved", moved.axes[growing[0]])
        moved = moved.with_axis(growing[0], slot)
        trace.plan(layer).settings = lambda sizes: {
            "target_shape": tuple(sizes["moved"] if place == growing[0] else size for place, size in enumerate(shape))
        }
    return moved


def flatten(trace: Trace, layer: Any, value: Value, shape: tuple[int, ...]) -> Value:
    """`Flatten`: each channel becomes a number for every position."""
    order = range(1, len(value.axes))
    if getattr(layer, "data_format", None) == "channels_first" and len(value.axes) > 1:
        return rearranged(trace, layer, value, shape, lambda x: x.transpose(*order, 0).reshape(shape))
    return rearranged(trace, layer, value, shape, lambda values: values.reshape(shape))


def resized(trace: Trace, operation: Any, value: Value, shape: tuple[int, ...]) -> Value:
    """`ExpandDims`, `Squeeze`: axes of size 1 that come or go."""
    return rearranged(trace, operation, value, shape, lambda values: values.reshape(shape))


def permute(trace: Trace, layer: Any, value: Value) -> Value:  # noqa: ARG001  # one face
    """`Permute`: other places for the same axes."""
    return Value(tuple(value.axes[axis - 1] for axis in layer.dims))


def repeat(trace: Trace, layer: Any, value: Value) -> Value:  # noqa: ARG001  # one face
    """`RepeatVector`: a vector for each step."""
    return Value((np.full(layer.n, FIXED), *value.axes))


def concatenate(trace: Trace, layer: Any, values: Sequence[Value]) -> Value:
    """`Concatenate`: one after the other along an axis; along the others they leave together."""
    place = layer.axis - 1 if layer.axis > 0 else layer.axis % len(values[0].axes)
    axes = list(values[0].axes)
    for value in values[1:]:
        for other in set(range(len(axes))) - {place}:
            reason = f"it stands beside channels that stay in {layer.name}"
            trace.atoms.join(axes[other], value.axes[other], reason)
            axes[other] = np.maximum(axes[other], value.axes[other])
    axes[place] = np.concatenate([value.axes[place] for value in values])
    return Value(tuple(axes))


def rearranged(trace: Trace, layer: Any, value: Value, shape: tuple[int, ...], rearrange: Rearrange) -> Value:
    """Follow channels through anything that puts values elsewhere, where they come to lie along one axis.

    Args:
        trace: The notes on the network.
        layer: The layer, for the reason.
        value: What it takes.
        shape: What it gives, without the batch.
        rearrange: What it does.
    """
    growing = [place for place, axis in enumerate(value.axes) if (axis != FIXED).any()]
    if not growing:
        return fixed(shape)
    if len(growing) == 1:
        along = [1] * len(value.axes)
        along[growing[0]] = -1
        spread = rearrange(np.broadcast_to(value.axes[growing[0]].reshape(along), value.shape))
        for place in range(len(shape)):
            line = spread[tuple(slice(None) if axis == place else 0 for axis in range(len(shape)))]
            sides = [1] * len(shape)
            sides[place] = -1
            if (spread == line.reshape(sides)).all():
                return fixed(shape).with_axis(place, line)
    trace.stays(value, f"{layer.name} spreads its channels over several axes")
    return fixed(shape)
