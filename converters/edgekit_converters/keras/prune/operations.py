"""How channels pass operations without a layer, such as `x + y` or `keras.ops.mean(x, axis=1)`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgekit_converters.keras.prune.merging import merge
from edgekit_converters.keras.prune.trace import Trace, Value, fixed

# Those that take every value by itself.
SINGLES = (
    *("Absolute", "Cast", "Celu", "Clip", "Elu", "Erf", "Exp", "Expm1", "Gelu", "HardSigmoid", "HardSilu", "HardTanh"),
    *("LeakyRelu", "Log", "Log1p", "LogSigmoid", "Negative", "Reciprocal", "Relu", "Relu6", "Rsqrt", "Selu"),
    *("Sigmoid", "Sign", "Silu", "Softplus", "Softsign", "Sqrt", "Square", "StopGradient", "Tanh"),
)


def pair(trace: Trace, operation: Any, one: Any, other: Any) -> Value:
    """A sum, difference, product and the like, of two tensors or of one and a constant."""
    rank = max(len(side.axes) for side in (one, other) if isinstance(side, Value))
    values = [side if isinstance(side, Value) else fixed(np.shape(side)[-rank:]) for side in (one, other)]
    return merge(trace, operation, values)


def reduction(trace: Trace, operation: Any, value: Value, shape: tuple[int, ...]) -> Value:
    """A mean, sum or extreme along some axes: channels along the others remain."""
    rank = len(value.axes) + 1
    axes = range(rank) if operation.axis is None else np.atleast_1d(operation.axis)
    gone = {int(axis) % rank - 1 for axis in axes}
    left = [place for place in range(rank - 1) if place not in gone]
    trace.stays(value, f"{operation.name} takes them together", but=left)
    kept = fixed((1,) * len(value.axes)).axes if operation.keepdims else ()
    if operation.keepdims:
        return Value(tuple(kept[place] if place in gone else axis for place, axis in enumerate(value.axes)))
    return Value(tuple(value.axes[place] for place in left)) if len(shape) == len(left) else fixed(shape)


def transpose(axes: Sequence[int], value: Value) -> Value:
    """Axes in another order; `axes` counts the batch, which stays the first."""
    return Value(tuple(value.axes[axis - 1] for axis in axes[1:]))


def item(trace: Trace, operation: Any, value: Value, key: Any, shape: tuple[int, ...]) -> Value:
    """A place or a stretch of some axes, such as `x[:, 0]`: the channels along others remain."""
    keys = tuple(key) if isinstance(key, tuple | list) else (key,)
    plain = all(isinstance(part, int | slice) for part in keys) and keys[0] == slice(None)
    whole = [place for place in range(len(value.axes)) if keys[place + 1 : place + 2] in ((), (slice(None),))]
    trace.stays(value, f"{operation.name} takes a part of them", but=whole if plain else [])
    if not plain:
        return fixed(shape)
    left = [place for place in range(len(value.axes)) if place in whole or isinstance(keys[place + 1], slice)]
    given = fixed(shape)
    for now, before in enumerate(left):
        if before in whole:
            given = given.with_axis(now, value.axes[before])
    return given
