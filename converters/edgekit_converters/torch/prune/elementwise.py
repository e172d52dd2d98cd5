"""What operators that leave channels where they are do to them: element by element, normalization, pooling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from edgekit_converters.torch.prune.movement import MOVEMENT
from edgekit_converters.torch.prune.products import KERNEL, PRODUCTS, layer_of
from edgekit_converters.torch.prune.trace import Axes, Axis, Call, Rule, Trace, tensors

SPATIAL = re.compile(r"([123])d(?:_|$)")
OVER_CHANNELS = "its channels are taken together"
NORM_GROUPS = "some of the groups that it normalizes would be left in part"


def pointwise(trace: Trace, call: Call) -> None:
    """Values meet that lie at the same place, those of one place at all."""
    given = list(tensors((call.args, call.kwargs)))
    result = next(tensors(call.result), None)
    if result is None or not any(_labelled(trace.axes(tensor)) for tensor in given):
        return
    found = [_met(trace, given, place, result.shape[place]) for place in range(-result.ndim, 0)]
    for one in tensors(call.result):
        trace.give(one, found)


def _met(trace: Trace, given: list[Any], place: int, size: int) -> Axis:
    axes = [trace.axes(one)[place] for one in given if one.ndim >= -place and one.shape[place] == size]
    if size == 1 or not axes:
        return None
    first = axes[0]
    for axis in axes[1:]:
        first = trace.join(first, axis)
    return first


def _labelled(axes: Axes) -> bool:
    return any(axis is not None for axis in axes)


def batch_norm(trace: Trace, call: Call) -> None:
    """Inputs `(N, C, ...)`, with weight, bias, mean and variance `(C,)`."""
    axes = trace.axes(call.args[0])
    _along(trace, axes[1], call.args[1:5])
    _told(trace, axes[1], "num_features")
    trace.give(call.result[0], axes)
    for statistic in call.result[1:3]:
        trace.give(statistic, [axes[1] if statistic.numel() else None])


def _along(trace: Trace, axis: Axis, vectors: Any) -> None:
    for vector in vectors:
        if vector is not None:
            trace.runs_along(vector, axis)


def _told(trace: Trace, axis: Axis, attribute: str) -> None:
    """Note a number that the running part has for its channels."""
    path, part = trace.part
    if axis is not None and vars(part).get(attribute) == len(axis):
        trace.counted(path, attribute, axis)


def layer_norm(trace: Trace, call: Call) -> None:
    """Inputs `(..., *normalized_shape)`, with weight and bias of that shape; what is left is normalized by itself."""
    axes = trace.axes(call.args[0])
    for vector in call.args[2:4]:
        if vector is not None:
            own = trace.axes(vector)
            for axis, other in zip(axes[-len(own) :], own, strict=True):
                if axis is not None or other is not None:
                    trace.join(axis, other)
    path, part = trace.part
    if axes[-1] is not None and vars(part).get("normalized_shape") == (len(axes[-1]),):
        trace.counted(path, "normalized_shape", axes[-1])
    trace.give(call.result[0], axes)


def group_norm(trace: Trace, call: Call) -> None:
    """Inputs `(N, C, ...)`; groups leave whole, so that what is left is normalized as before."""
    given, *vectors = call.args[:3]
    groups = call.args[6]
    axes = trace.axes(given)
    _along(trace, axes[1], vectors)
    _told(trace, axes[1], "num_channels")
    whole: Axis = None
    if axes[1] is not None and groups > 1:
        rows = axes[1].reshape(groups, -1)
        trace.atoms.join(np.repeat(rows[:, 0], rows.shape[1]), rows.ravel(), NORM_GROUPS)
        whole = rows[:, 0].copy()
        owner = next((trace.owner(vector) for vector in vectors if vector is not None), None)
        trace.counted(trace.part[0] if owner is None else layer_of(owner), "num_groups", whole)
    trace.give(call.result[0], axes)
    for statistic in call.result[1:3]:
        trace.give(statistic, (None, whole))


def pool(trace: Trace, call: Call) -> None:
    """Windows over the last axes, as many as the operator's name says."""
    given = call.args[0]
    axes = list(trace.axes(given))
    found = SPATIAL.search(call.name)
    windows = int(found[1]) if found else given.ndim
    for axis in axes[given.ndim - windows :]:
        trace.pin(axis, KERNEL)
    axes[given.ndim - windows :] = [None] * windows
    for result in tensors(call.result):
        trace.give(result, axes)


def reduce(trace: Trace, call: Call) -> None:
    """Some axes become one place, or none."""
    given = call.args[0]
    dims = call.arg(1, "dim")
    taken = {*range(given.ndim)} if dims in (None, []) else {dim % given.ndim for dim in np.atleast_1d(dims).tolist()}
    axes = trace.axes(given)
    for result in tensors(call.result):
        kept = result.ndim == given.ndim
        left = [None if dim in taken else axis for dim, axis in enumerate(axes) if kept or dim not in taken]
        trace.give(result, left)
        for dim in taken:
            if not _normalizes(trace, axes[dim]):
                trace.pin_if_used(axes[dim], OVER_CHANNELS, result)


def _normalizes(trace: Trace, axis: Axis) -> bool:
    """Whether a mean is that of a root-mean-square norm, by the name of the part; what is left then has its own."""
    path, part = trace.part
    if axis is None or "rmsnorm" not in type(part).__name__.lower():
        return False
    if vars(part).get("normalized_shape") == (len(axis),):
        trace.counted(path, "normalized_shape", axis)
    return True


def norm_over(trace: Trace, call: Call) -> None:
    """`linalg_vector_norm`, whose axes come behind its order."""
    reduce(trace, Call(call.name, (call.args[0], call.arg(2, "dim")), {}, call.result))


def along(trace: Trace, call: Call) -> None:
    """One axis is taken together, and stays, as in a softmax."""
    axes = list(trace.axes(call.args[0]))
    dim = call.arg(1, "dim") % len(axes)
    trace.pin(axes[dim], OVER_CHANNELS)
    axes[dim] = None
    for result in tensors(call.result):
        trace.give(result, axes)


def unknown(trace: Trace, call: Call) -> None:
    """Nothing is known of it, so what it takes stays."""
    trace.stop(call, f"it feeds {call.name}, which pruning does not know")


POOLS = (
    *("max_pool2d_with_indices", "max_pool3d_with_indices", "avg_pool2d", "avg_pool3d"),
    *("_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "adaptive_max_pool2d", "adaptive_max_pool3d"),
    *("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "upsample_linear1d", "upsample_bilinear2d"),
    *("upsample_bicubic2d", "upsample_trilinear3d", "_upsample_nearest_exact2d", "_upsample_bilinear2d_aa"),
    *("reflection_pad1d", "reflection_pad2d", "replication_pad1d", "replication_pad2d"),
)
REDUCTIONS = ("mean", "sum", "amax", "amin", "max", "min", "var", "std", "prod", "logsumexp", "argmax", "any", "all")
RULES: Mapping[str, Rule] = {
    **MOVEMENT,
    **PRODUCTS,
    **dict.fromkeys(("pointwise", "_prelu_kernel", "hardswish", "hardswish_", "copy_", "fill_", "zero_"), pointwise),
    **dict.fromkeys(("native_batch_norm", "_native_batch_norm_legit_no_training", "_batch_norm_no_update"), batch_norm),
    **dict.fromkeys(POOLS, pool),
    **dict.fromkeys(REDUCTIONS, reduce),
    **dict.fromkeys(("_softmax", "_log_softmax", "_safe_softmax", "cumsum"), along),
    "native_layer_norm": layer_norm,
    "native_group_norm": group_norm,
    "linalg_vector_norm": norm_over,
}
