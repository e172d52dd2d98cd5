"""What convolutions, matrix products and attention do to channels, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from edgekit_converters.torch.prune.trace import Axis, Call, Rule, Trace, tensors

KERNEL = "it is an axis of a kernel"
KEY_WIDTH = (
    "its channels meet those of other values in a product, as keys do queries, "
    "and no num_heads of its module tells of heads"
)
COMPUTED = "its weights are computed from others"
GROUPS = "some of the groups that it convolves would be left in part"


def layer_of(tensor: str) -> str:
    """The layer that owns a parameter."""
    return tensor.rpartition(".")[0] or tensor


def convolution(trace: Trace, call: Call) -> None:
    """Inputs `(N, I, ...)` and weights `(O, I / groups, ...)`, or `(I, O / groups, ...)` where transposed."""
    given, weight, bias, *_, transposed, _, groups = call.args
    owner = trace.owner(weight)
    axes, kernel = trace.axes(given), trace.axes(weight)
    for axis in (*axes[2:], *kernel[2:]):
        trace.pin(axis, KERNEL)
    first, second = (kernel[1], kernel[0]) if transposed else kernel[:2]
    if groups == 1:
        outer, inner = first, second
        trace.join(axes[1], inner)
    else:
        inner = None
        outer = _grouped(trace, owner, axes[1], kernel, bool(transposed), groups, call.result.shape[1])
        trace.pin(kernel[1], KERNEL)
    if bias is not None:
        trace.runs_along(bias, outer)
    layer = trace.layer if owner is None else layer_of(owner)
    places = math.prod((given if transposed else call.result).shape[2:])
    trace.makes(layer, outer)
    if owner is None:
        trace.left_alone.setdefault(layer, COMPUTED)
    trace.costs_macs(layer, places * weight.numel(), outer, inner)
    trace.give(call.result, (None, outer, *(None for _ in call.result.shape[2:])))


def _grouped(
    trace: Trace, owner: str | None, given: Axis, kernel: Any, transposed: bool, groups: int, outputs: int
) -> Axis:
    """Groups leave whole: their inputs with their outputs; a depthwise convolution has one channel in each."""
    own = kernel[0]
    if given is None or own is None:
        trace.pin(given, GROUPS)
        trace.pin(own, GROUPS)
        return None
    inner = given.reshape(groups, -1)
    heads = inner[:, 0].copy()
    for rows in (inner[:, 1:], own.reshape(groups, -1)):
        trace.atoms.join(np.repeat(heads, rows.shape[1]), rows.ravel(), GROUPS)
    if owner is not None:
        trace.counted(layer_of(owner), "groups", heads)
    return np.repeat(heads, outputs // groups) if transposed else own


def matrix_product(trace: Trace, call: Call) -> None:
    """`(..., M, K)` by `(..., K, N)`, with something added where the operator's name begins so."""
    adds = call.name.rstrip("_") in ("addmm", "baddbmm")
    one, other = call.args[1:3] if adds else call.args[:2]
    (*batch, rows, inner), (*others, again, columns) = trace.axes(one), trace.axes(other)
    owner = trace.owner(one) or trace.owner(other)
    if owner is None:
        trace.pin(inner, KEY_WIDTH)
        trace.pin(again, KEY_WIDTH)
    trace.join(inner, again)
    found = [*(trace.join(a, b) for a, b in zip(batch, others, strict=True)), rows, columns]
    if adds:
        added = call.args[0]
        for axis, place, size in zip(trace.axes(added)[::-1], found[::-1], tuple(added.shape)[::-1], strict=False):
            if size > 1:
                trace.join(axis, place)
    layer = trace.layer if owner is None else layer_of(owner)
    if owner is not None:
        trace.makes(layer, columns if trace.owner(other) else rows)
    trace.costs_macs(layer, call.result.numel() * one.shape[-1], *found, inner)
    trace.give(call.result, found)


def attention(trace: Trace, call: Call) -> None:
    """Queries, keys and values `(N, heads, T, D)`: heads leave together, the width of keys stays."""
    query, key, value = (trace.axes(tensor) for tensor in call.args[:3])
    result, *sums = tensors(call.result)
    for axis in (query[-1], key[-1]):
        trace.pin(axis, KEY_WIDTH)
    for axis in (query[-2], key[-2], value[-2]):
        trace.pin(axis, KEY_WIDTH)
    heads = trace.join(trace.join(query[-3], key[-3]), value[-3])
    sizes = call.args[0].shape
    scores = math.prod(sizes[:-1]) * call.args[1].shape[-2]
    trace.costs_macs(trace.layer, scores * sizes[-1], heads)
    trace.costs_macs(trace.layer, scores * result.shape[-1], heads, value[-1])
    trace.give(result, (*(None for _ in sizes[:-3]), heads, None, value[-1]))
    for logarithms in sums:  # of the sums of each row of scores
        trace.give(logarithms, (*(None for _ in sizes[:-3]), heads, None))


def embedding(trace: Trace, call: Call) -> None:
    """Rows of weights `(words, channels)`."""
    words, channels = trace.axes(call.args[0])
    trace.pin(words, KERNEL)
    owner = trace.owner(call.args[0])
    if owner is not None:
        trace.makes(layer_of(owner), channels)
    trace.give(call.result, (*(None for _ in call.result.shape[:-1]), channels))


PRODUCTS: Mapping[str, Rule] = {
    "convolution": convolution,
    **dict.fromkeys(("mm", "bmm", "addmm", "addmm_", "baddbmm", "baddbmm_"), matrix_product),
    **dict.fromkeys(
        ("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_attention_math_for_cpu"), attention
    ),
    "embedding": embedding,
}
