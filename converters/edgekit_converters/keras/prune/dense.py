"""How channels pass matrix products and lookups."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from edgekit_converters.keras.prune.activation import activated
from edgekit_converters.keras.prune.trace import Settings, Trace, Value, fixed


def dense(trace: Trace, layer: Any, value: Value) -> Value:
    """`Dense` along the last axis; the axes before it pass."""
    trace.plan(layer).settings = _units
    return _product(trace, layer, layer, value)


def at_each_step(trace: Trace, layer: Any, value: Value) -> Value:
    """`TimeDistributed` around `Dense`, which does what `Dense` does alone."""

    def settings(sizes: Mapping[str, int]) -> Settings:
        inner = layer.get_config()["layer"]
        config = inner["config"] | _units(sizes)
        return {"layer": {key: item for key, item in inner.items() if key != "build_config"} | {"config": config}}

    trace.plan(layer).settings = settings
    return _product(trace, layer, layer.layer, value)


def _product(trace: Trace, layer: Any, inner: Any, value: Value) -> Value:
    taken = trace.takes(layer, "in", value.axes[-1])
    made = trace.makes(layer, "out", inner.units)
    trace.weighs(layer, (inner.kernel, {0: "in", 1: "out"}), (inner.bias, {0: "out"}))
    trace.costs_macs(layer.name, 1, *value.axes[:-1], taken, made)
    return activated(trace, inner, value.with_axis(len(value.axes) - 1, made), -1)


def einsum(trace: Trace, layer: Any, value: Value, shape: tuple[int, ...]) -> Value:
    """`EinsumDense`: any product of a tensor and a kernel; its channels stay, and so do those before it."""
    trace.stays(value, f"its channels enter {layer.name}, which is an einsum")
    trace.leave(layer, "an einsum may use any axis in any way")
    terms, output = layer.equation.replace(" ", "").split("->")
    weights = terms.split(",")[1]
    sizes = dict(zip(weights, layer.kernel.shape, strict=True))
    positions = math.prod(shape) // math.prod(sizes[letter] for letter in output if letter in sizes)
    trace.costs_macs(layer.name, positions * math.prod(sizes.values()))
    return fixed(shape)


def embedding(trace: Trace, layer: Any, value: Value) -> Value:
    """`Embedding`: a row for every number."""
    trace.stays(value, f"{layer.name} takes them for numbers of rows")
    made = trace.makes(layer, "out", layer.output_dim)
    trace.weighs(layer, (layer.embeddings, {1: "out"}))
    trace.plan(layer).settings = lambda sizes: {"output_dim": sizes["out"]}
    return Value((*value.axes, made))


def _units(sizes: Mapping[str, int]) -> Settings:
    return {"units": sizes["out"]}
