"""How channels pass convolutions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from edgekit_converters.keras.prune.activation import activated
from edgekit_converters.keras.prune.trace import Settings, Trace, Value, fixed


def channel_axis(layer: Any, value: Value) -> int:
    """The axis of the channels, without the batch."""
    return 0 if getattr(layer, "data_format", None) == "channels_first" else len(value.axes) - 1


def convolution(trace: Trace, layer: Any, value: Value, shape: tuple[int, ...]) -> Value:
    """`Conv1D`, `Conv2D` and `Conv3D`, of one or several groups."""
    place = _enter(trace, layer, value)
    taken = trace.takes(layer, "in", value.axes[place])
    made = trace.makes(layer, "out", layer.filters)
    kernel = layer.kernel
    rank = len(kernel.shape)
    positions = math.prod(shape) // layer.filters * math.prod(kernel.shape[:-2])
    if layer.groups == 1:
        trace.weighs(layer, (kernel, {rank - 2: "in", rank - 1: "out"}), (layer.bias, {0: "out"}))
        trace.plan(layer).settings = _filters
        trace.costs_macs(layer.name, positions, taken, made)
    else:
        _group(trace, layer, taken, made)
        trace.weighs(layer, (kernel, {rank - 1: "out"}), (layer.bias, {0: "out"}))
        trace.costs_macs(layer.name, positions * kernel.shape[-2], made)
    return activated(trace, layer, fixed(shape).with_axis(place, made), place)


def _group(trace: Trace, layer: Any, taken: np.ndarray, made: np.ndarray) -> None:
    """Let each group of a convolution leave as a whole."""
    groups, width = layer.groups, len(taken) // layer.groups
    reason = f"it is in one group of {layer.name} with channels that stay"
    rows = np.concatenate([taken.reshape(groups, -1), made.reshape(groups, -1)], axis=1)
    for column in range(1, rows.shape[1]):
        trace.atoms.join(rows[:, 0], rows[:, column], reason)

    def settings(sizes: Mapping[str, int]) -> Settings:
        return {"filters": sizes["out"], "groups": sizes["in"] // width}

    trace.plan(layer).settings = settings


def depthwise(trace: Trace, layer: Any, value: Value, shape: tuple[int, ...]) -> Value:
    """`DepthwiseConv1D` and `DepthwiseConv2D`: each channel makes `depth_multiplier` others."""
    place = _enter(trace, layer, value)
    taken = trace.takes(layer, "in", value.axes[place])
    made = np.repeat(taken, layer.depth_multiplier)
    trace.takes(layer, "out", made)
    rank = len(layer.kernel.shape)
    trace.weighs(layer, (layer.kernel, {rank - 2: "in"}), (layer.bias, {0: "out"}))
    trace.costs_macs(layer.name, math.prod(shape) // shape[place] * math.prod(layer.kernel.shape[:-2]), made)
    return activated(trace, layer, fixed(shape).with_axis(place, made), place)


def separable(trace: Trace, layer: Any, value: Value, shape: tuple[int, ...]) -> Value:
    """`SeparableConv1D` and `SeparableConv2D`: a depthwise convolution, then one of 1x1."""
    place = _enter(trace, layer, value)
    taken = trace.takes(layer, "in", value.axes[place])
    between = trace.takes(layer, "between", np.repeat(taken, layer.depth_multiplier))
    made = trace.makes(layer, "out", layer.filters)
    rank = len(layer.depthwise_kernel.shape)
    trace.weighs(
        layer,
        (layer.depthwise_kernel, {rank - 2: "in"}),
        (layer.pointwise_kernel, {rank - 2: "between", rank - 1: "out"}),
        (layer.bias, {0: "out"}),
    )
    trace.plan(layer).settings = _filters
    positions = math.prod(shape) // layer.filters
    trace.costs_macs(layer.name, positions * math.prod(layer.depthwise_kernel.shape[:-2]), between)
    trace.costs_macs(layer.name, positions, between, made)
    return activated(trace, layer, fixed(shape).with_axis(place, made), place)


def transposed(trace: Trace, layer: Any, value: Value, shape: tuple[int, ...]) -> Value:
    """`Conv1DTranspose`, `Conv2DTranspose` and `Conv3DTranspose`: each place of the input is spread."""
    place = _enter(trace, layer, value)
    taken = trace.takes(layer, "in", value.axes[place])
    made = trace.makes(layer, "out", layer.filters)
    rank = len(layer.kernel.shape)
    trace.weighs(layer, (layer.kernel, {rank - 1: "in", rank - 2: "out"}), (layer.bias, {0: "out"}))
    trace.plan(layer).settings = _filters
    positions = math.prod(value.shape) // len(taken) * math.prod(layer.kernel.shape[:-2])
    trace.costs_macs(layer.name, positions, taken, made)
    return activated(trace, layer, fixed(shape).with_axis(place, made), place)


def _enter(trace: Trace, layer: Any, value: Value) -> int:
    place = channel_axis(layer, value)
    trace.stays(value, f"{layer.name} moves a window along its channels", but=[place])
    return place


def _filters(sizes: Mapping[str, int]) -> Settings:
    return {"filters": sizes["out"]}
