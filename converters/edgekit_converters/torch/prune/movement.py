"""What operators that move values do to channels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from edgekit_converters.compress.atoms import FIXED
from edgekit_converters.torch.prune.trace import Axes, Axis, Call, Rule, Trace

MIXED = "a reshape mixes its channels with another axis"
TURNED = "the order of its channels is changed"
PARTED = "a part of its channels is taken by fixed places"
# What modules call the number of their heads.
HEADS = (
    *("num_heads", "heads", "n_heads", "nhead", "n_head", "nheads", "num_attention_heads", "h"),
    *("num_kv_heads", "num_key_value_heads", "n_kv_heads", "kv_heads"),
)


def same(trace: Trace, call: Call) -> None:
    """The result lies as the first argument does."""
    trace.give(call.result, trace.axes(call.args[0]), trace.owner(call.args[0]))


def reshape(trace: Trace, call: Call) -> None:
    """Runs of axes whose products are equal become each other."""
    given = call.args[0]
    axes, sizes, wanted = trace.axes(given), tuple(given.shape), tuple(call.result.shape)
    if sizes == wanted or 0 in sizes or all(axis is None for axis in axes):
        trace.give(call.result, axes if sizes == wanted else (None,) * len(wanted), trace.owner(given))
        return
    found: list[Axis] = []
    for old, new in _runs(sizes, wanted):
        found.extend(_regroup(trace, axes[slice(*old)], sizes[slice(*old)], wanted[slice(*new)]))
    trace.give(call.result, found, trace.owner(given))


def _runs(sizes: Sequence[int], wanted: Sequence[int]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """The shortest runs of axes, before and after, of equal products."""
    runs, i, j = [], 0, 0
    while i < len(sizes) or j < len(wanted):
        start, at = i, j
        old, new = 1, 1
        while True:
            if old == new and (i > start or j > at):
                break
            if old <= new and i < len(sizes):
                old, i = old * sizes[i], i + 1
            else:
                new, j = new * wanted[j], j + 1
        runs.append(((start, i), (at, j)))
    return runs


def _regroup(trace: Trace, axes: Axes, sizes: Sequence[int], wanted: Sequence[int]) -> list[Axis]:
    labelled = [axis for axis in axes if axis is not None]
    if len(labelled) != 1:
        for axis in labelled:
            trace.pin(axis, MIXED)
        return [None] * len(wanted)
    place = next(place for place, axis in enumerate(axes) if axis is not None)
    before, after = math.prod(sizes[:place]), math.prod(sizes[place + 1 :])
    flat = np.tile(np.repeat(labelled[0], after), before)
    real = [place for place, size in enumerate(wanted) if size > 1]
    found: list[Axis] = [None] * len(wanted)
    if len(real) == 1:
        found[real[0]] = flat
        if len(flat) > len(labelled[0]):  # such as heads x width, that become one axis again
            _count(trace, trace.part, vars(trace.part[1]), flat)
        return found
    shaped = flat.reshape([wanted[place] for place in real])
    chosen = _carrier(trace, shaped)
    rows = np.moveaxis(shaped, chosen, 0).reshape(shaped.shape[chosen], -1)
    if not (rows == rows[:, :1]).all():
        trace.atoms.join(rows[:, 1:].ravel(), np.repeat(rows[:, 0], rows.shape[1] - 1), MIXED)
        for part in trace.parts:
            _count(trace, part, HEADS, rows[:, 0])
    found[real[chosen]] = rows[:, 0].copy()
    return found


def _carrier(trace: Trace, shaped: np.ndarray) -> int:
    """The axis that the channels go along: where they already do, or the heads, or else the last."""
    for place in range(shaped.ndim):
        rows = np.moveaxis(shaped, place, 0).reshape(shaped.shape[place], -1)
        if (rows == rows[:, :1]).all():
            return place
    numbers = {vars(part).get(name) for _, part in trace.parts for name in HEADS}
    heads = [place for place in range(shaped.ndim - 1) if shaped.shape[place] in numbers]
    return heads[-1] if heads else shaped.ndim - 1


def _count(trace: Trace, part: tuple[str, Any], names: Iterable[str], atoms: np.ndarray) -> None:
    """Note those numbers of a part that tell how many there are."""
    path, module = part
    for name in names:
        value = vars(module).get(name)
        if type(value) is int and value == len(atoms):
            trace.counted(path, name, atoms)


def permute(trace: Trace, call: Call) -> None:
    """Axes change places."""
    axes, name = trace.axes(call.args[0]), call.name.rstrip("_")
    order = list(range(len(axes)))
    if name == "permute":
        order = [dim % len(axes) for dim in call.arg(1, "dims")]
    elif name == "t":
        order = order[::-1]
    else:
        one, other = (dim % len(axes) for dim in (call.arg(1, "dim0"), call.arg(2, "dim1")))
        order[one], order[other] = other, one
    trace.give(call.result, [axes[place] for place in order], trace.owner(call.args[0]))


def squeeze(trace: Trace, call: Call) -> None:
    """Axes of one place go or come, which carry nothing."""
    given = call.args[0]
    kept = iter([axis for axis, size in zip(trace.axes(given), given.shape, strict=True) if size > 1])
    trace.give(call.result, [next(kept) if size > 1 else None for size in call.result.shape], trace.owner(given))


def expand(trace: Trace, call: Call) -> None:
    """Axes of one place are repeated, which makes no channels."""
    given = call.args[0]
    axes = (None,) * (call.result.ndim - given.ndim) + trace.axes(given)
    trace.give(call.result, axes, trace.owner(given))


def repeat(trace: Trace, call: Call) -> None:
    """Axes are laid end to end with themselves."""
    given = call.args[0]
    axes = (None,) * (call.result.ndim - given.ndim) + trace.axes(given)
    times = call.arg(1, "repeats")
    trace.give(call.result, [axis if axis is None else np.tile(axis, k) for axis, k in zip(axes, times, strict=True)])


def select(trace: Trace, call: Call) -> None:
    """One place of an axis is taken."""
    axes = list(trace.axes(call.args[0]))
    trace.pin(axes.pop(call.arg(1, "dim") % len(axes)), PARTED)
    trace.give(call.result, axes, trace.owner(call.args[0]))


def unbind(trace: Trace, call: Call) -> None:
    """Every place of an axis becomes a tensor."""
    axes = list(trace.axes(call.args[0]))
    trace.pin(axes.pop(call.arg(1, "dim", 0) % len(axes)), PARTED)
    for part in call.result:
        trace.give(part, axes)


def cut(trace: Trace, call: Call) -> None:
    """A stretch of an axis is taken; where that is not all of it, its channels stay."""
    given = call.args[0]
    dim = call.arg(1, "dim", 0) % given.ndim
    axes = list(trace.axes(given))
    if call.result.shape != given.shape:
        trace.pin(axes[dim], PARTED)
        axes[dim] = None
    trace.give(call.result, axes, trace.owner(given))


def split(trace: Trace, call: Call) -> None:
    """An axis becomes parts; equal ones, as queries, keys and values are, lose the same places."""
    given = call.args[0]
    dim = call.arg(2, "dim", 0) % given.ndim
    axes = list(trace.axes(given))
    sizes = [part.shape[dim] for part in call.result]
    if axes[dim] is not None and len(sizes) > 1:
        if len(set(sizes)) > 1:
            trace.pin(axes[dim], PARTED)
            axes[dim] = None
        else:
            axes[dim] = _folded(trace, axes[dim], len(sizes))
    for part in call.result:
        trace.give(part, axes, trace.owner(given))


def glu(trace: Trace, call: Call) -> None:
    """One half gates the other."""
    axes = list(trace.axes(call.args[0]))
    dim = call.arg(1, "dim", -1) % len(axes)
    if axes[dim] is not None:
        axes[dim] = _folded(trace, axes[dim], 2)
    trace.give(call.result, axes)


def _folded(trace: Trace, axis: np.ndarray, parts: int) -> np.ndarray:
    first, *others = np.split(axis, parts)
    for other in others:
        trace.atoms.join(first, other, MIXED)
    return first


def concatenate(trace: Trace, call: Call) -> None:
    """Tensors end to end along one axis; along all others they meet."""
    parts = [part for part in call.args[0] if part.ndim == call.result.ndim]
    dim = call.arg(1, "dim", 0) % call.result.ndim
    found: list[Axis] = []
    for place in range(call.result.ndim):
        axes = [trace.axes(part)[place] for part in parts]
        if place == dim:
            found.append(_end_to_end(axes, [part.shape[place] for part in parts]))
        else:
            found.append(meet(trace, axes))
    trace.give(call.result, found)


def _end_to_end(axes: Sequence[Axis], sizes: Sequence[int]) -> Axis:
    if all(axis is None for axis in axes):
        return None
    whole = zip(axes, sizes, strict=True)
    return np.concatenate([np.full(size, FIXED) if axis is None else axis for axis, size in whole])


def meet(trace: Trace, axes: Sequence[Axis]) -> Axis:
    """Let axes of one size leave together."""
    first = axes[0]
    for axis in axes[1:]:
        first = trace.join(first, axis)
    return first


def stack(trace: Trace, call: Call) -> None:
    """Tensors beside each other, along a new axis."""
    parts = call.args[0]
    found = [meet(trace, [trace.axes(part)[place] for part in parts]) for place in range(parts[0].ndim)]
    found.insert(call.arg(1, "dim", 0) % call.result.ndim, None)
    trace.give(call.result, found)


def pad(trace: Trace, call: Call) -> None:
    """Constants before and behind, the last axis first."""
    given, widths = call.args[0], call.arg(1, "pad")
    axes = list(trace.axes(given))
    for place in range(len(widths) // 2):
        dim, (before, behind) = given.ndim - 1 - place, widths[2 * place : 2 * place + 2]
        axis = axes[dim]
        if axis is None or (before, behind) == (0, 0):
            continue
        if before < 0 or behind < 0:
            trace.pin(axis, PARTED)
            axes[dim] = None
        else:
            added = trace.atoms.new(before + behind)
            trace.pin(added, f"its channels meet the zeros that {trace.layer} adds")
            axes[dim] = np.concatenate([added[:before], axis, added[before:]])
    trace.give(call.result, axes)


def turn(trace: Trace, call: Call) -> None:
    """Places along some axes change their order."""
    axes = list(trace.axes(call.args[0]))
    for dim in call.arg(len(call.args) - 1, "dims") or range(len(axes)):
        trace.pin(axes[dim], TURNED)
        axes[dim] = None
    trace.give(call.result, axes)


def pixel_shuffle(trace: Trace, call: Call) -> None:
    """`(N, C * r * r, H, W)` becomes `(N, C, H * r, W * r)`."""
    axes = list(trace.axes(call.args[0]))
    for axis in axes[-2:]:
        trace.pin(axis, MIXED)
    axes[-2:] = None, None
    axis = axes[-3]
    if axis is not None:
        rows = axis.reshape(call.result.shape[-3], -1)
        trace.atoms.join(np.repeat(rows[:, 0], rows.shape[1]), rows.ravel(), MIXED)
        axes[-3] = rows[:, 0].copy()
    trace.give(call.result, axes)


def pixel_unshuffle(trace: Trace, call: Call) -> None:
    """The other way round."""
    axes = list(trace.axes(call.args[0]))
    for axis in axes[-2:]:
        trace.pin(axis, MIXED)
    axis = axes[-3]
    factor = call.result.shape[-3] // call.args[0].shape[-3]
    axes[-3:] = (None if axis is None else np.repeat(axis, factor)), None, None
    trace.give(call.result, axes)


MOVEMENT: Mapping[str, Rule] = {
    **dict.fromkeys(("clone", "detach", "alias", "_to_copy", "lift_fresh", "contiguous", "native_dropout"), same),
    **dict.fromkeys(("zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like"), same),
    **dict.fromkeys(("view", "_unsafe_view", "reshape", "_reshape_alias", "unflatten"), reshape),
    **dict.fromkeys(("permute", "transpose", "transpose_", "t", "t_"), permute),
    **dict.fromkeys(("squeeze", "unsqueeze", "squeeze_", "unsqueeze_"), squeeze),
    **dict.fromkeys(("split", "split_with_sizes", "unsafe_split", "unsafe_split_with_sizes"), split),
    "expand": expand,
    "repeat": repeat,
    "select": select,
    "unbind": unbind,
    "slice": cut,
    "flip": turn,
    "roll": turn,
    "glu": glu,
    "cat": concatenate,
    "stack": stack,
    "constant_pad_nd": pad,
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle,
}
