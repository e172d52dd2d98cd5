"""Which layer of Keras lets its channels pass in which way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from edgekit_converters.keras.prune import (
    activation,
    attention,
    convolutions,
    dense,
    merging,
    normalization,
    operations,
    recurrent,
    shapes,
)
from edgekit_converters.keras.prune.trace import Trace, Value, fixed

LAYERS = keras.layers
OPERATIONS = "keras.src.ops."  # the module that operations without a layer come from


@dataclass(frozen=True)
class Call:
    """A layer, or an operation without weights, at one place of a model.

    Attributes:
        layer: It.
        taken: What it is called with: values, lists of them, and constants.
        named: The same by name.
        shapes: Of what it gives, each without the batch.
    """

    layer: Any
    taken: Sequence[Any]
    named: Mapping[str, Any]
    shapes: Sequence[tuple[int, ...]]


Follow = Callable[[Trace, Call], list[Value]]


def follow(trace: Trace, call: Call) -> list[Value]:
    """Note what a layer does with channels, and give those of its outputs.

    Args:
        trace: The notes on the network.
        call: The layer, and what it is called with.
    """
    kind = type(call.layer)
    known = OPERATION_TABLE.get(kind.__name__) if kind.__module__.startswith(OPERATIONS) else TABLE.get(kind)
    return (known or _unknown)(trace, call)


def _unknown(trace: Trace, call: Call) -> list[Value]:
    layer, kind = call.layer, type(call.layer).__name__
    for value in _values([*call.taken, *call.named.values()]):
        trace.stays(value, f"its channels enter {layer.name}, a {kind}, through which edgekit does not follow them")
    if getattr(layer, "weights", ()):
        trace.leave(layer, f"edgekit does not follow channels through a {kind}")
    return [fixed(shape) for shape in call.shapes]


def _values(taken: Any) -> list[Value]:
    if isinstance(taken, Value):
        return [taken]
    if isinstance(taken, dict):
        taken = list(taken.values())
    return [value for item in taken for value in _values(item)] if isinstance(taken, list | tuple) else []


def _plain(function: Callable[[Trace, Any, Value], Value]) -> Follow:
    """A layer of one input and one output."""
    return lambda trace, call: [function(trace, call.layer, call.taken[0])]


def _shaped(function: Callable[[Trace, Any, Value, tuple[int, ...]], Value]) -> Follow:
    """One whose output has a shape of its own."""
    return lambda trace, call: [function(trace, call.layer, call.taken[0], call.shapes[0])]


def _joining(function: Callable[[Trace, Any, Sequence[Value]], Value]) -> Follow:
    """One that takes a list."""
    return lambda trace, call: [function(trace, call.layer, call.taken[0])]


def _pass(_: Trace, call: Call) -> list[Value]:
    return [call.taken[0]]


def _rescaling(trace: Trace, call: Call) -> list[Value]:
    one_for_all = all(isinstance(number, int | float) for number in (call.layer.scale, call.layer.offset))
    return (_pass if one_for_all else _unknown)(trace, call)


def _recurrent(trace: Trace, call: Call) -> list[Value]:
    if isinstance(call.taken[0], Value) and not any(map(_values, [call.taken[1:], list(call.named.values())])):
        return recurrent.recurrent(trace, call.layer, call.taken[0], call.shapes)
    return _unknown(trace, call)  # it gets its first state, too


def _around(trace: Trace, call: Call) -> list[Value]:
    """`Bidirectional`, around a layer that is known."""
    return (_recurrent if type(call.layer.forward_layer) in RECURRENT else _unknown)(trace, call)


def _at_each_step(trace: Trace, call: Call) -> list[Value]:
    """`TimeDistributed`, around a dense layer."""
    if type(call.layer.layer) is not LAYERS.Dense:
        return _unknown(trace, call)
    return [dense.at_each_step(trace, call.layer, call.taken[0])]


def _heads(trace: Trace, call: Call) -> list[Value]:
    config = call.layer.get_config()
    width = config["output_shape"]
    one_axis = width is None or isinstance(width, int) or len(width) == 1
    if not one_axis or config.get("use_gate") or call.named.get("return_attention_scores"):
        return _unknown(trace, call)
    return [attention.heads(trace, call.layer, *call.taken, **call.named)]


def _scores(trace: Trace, call: Call) -> list[Value]:
    if len(call.shapes) > 1:
        return _unknown(trace, call)
    return [attention.scores(trace, call.layer, call.taken[0], call.shapes[0])]


def _dot(trace: Trace, call: Call) -> list[Value]:
    return [attention.dot(trace, call.layer, call.taken[0], call.shapes[0])]


def _pair(trace: Trace, call: Call) -> list[Value]:
    return [operations.pair(trace, call.layer, *call.taken[:2])]


def _transpose(trace: Trace, call: Call) -> list[Value]:
    axes = call.layer.axes or (-1,)
    return [operations.transpose(axes, call.taken[0])] if axes[0] == 0 else _unknown(trace, call)


def _item(trace: Trace, call: Call) -> list[Value]:
    return [operations.item(trace, call.layer, call.taken[0], call.taken[1], call.shapes[0])]


def _kinds(names: str, *places: str) -> tuple[type, ...]:
    return tuple(getattr(LAYERS, name + place) for name in names.split() for place in places or ("",))


DIMENSIONS = ("1D", "2D", "3D")
RECURRENT = _kinds("LSTM GRU SimpleRNN")
TABLE: Mapping[type, Follow] = {
    **dict.fromkeys(_kinds("Conv", *DIMENSIONS), _shaped(convolutions.convolution)),
    **dict.fromkeys(_kinds("DepthwiseConv", "1D", "2D"), _shaped(convolutions.depthwise)),
    **dict.fromkeys(_kinds("SeparableConv", "1D", "2D"), _shaped(convolutions.separable)),
    **dict.fromkeys(_kinds("Conv1DTranspose Conv2DTranspose Conv3DTranspose"), _shaped(convolutions.transposed)),
    **dict.fromkeys(
        (
            *_kinds("MaxPooling AveragePooling ZeroPadding Cropping UpSampling", *DIMENSIONS),
            *_kinds("AdaptiveAveragePooling AdaptiveMaxPooling", *DIMENSIONS),
            *_kinds("Resizing CenterCrop"),
        ),
        _shaped(shapes.windows),
    ),
    **dict.fromkeys(_kinds("GlobalAveragePooling GlobalMaxPooling", *DIMENSIONS), _shaped(shapes.over_all)),
    LAYERS.Reshape: _shaped(shapes.reshape),
    LAYERS.Flatten: _shaped(shapes.flatten),
    LAYERS.Permute: _plain(shapes.permute),
    LAYERS.RepeatVector: _plain(shapes.repeat),
    LAYERS.Concatenate: _joining(shapes.concatenate),
    LAYERS.Dense: _plain(dense.dense),
    LAYERS.TimeDistributed: _at_each_step,
    LAYERS.EinsumDense: _shaped(dense.einsum),
    LAYERS.Embedding: _plain(dense.embedding),
    LAYERS.BatchNormalization: _plain(normalization.batch),
    LAYERS.LayerNormalization: _plain(normalization.layer_wise),
    LAYERS.RMSNormalization: _plain(normalization.layer_wise),
    LAYERS.GroupNormalization: _plain(normalization.group),
    LAYERS.Normalization: _plain(normalization.by_statistics),
    LAYERS.UnitNormalization: _plain(normalization.by_statistics),
    LAYERS.Activation: _plain(activation.elementwise),
    LAYERS.Softmax: _plain(activation.softmax),
    LAYERS.PReLU: _plain(activation.prelu),
    LAYERS.Rescaling: _rescaling,
    **dict.fromkeys(
        _kinds(
            "ReLU LeakyReLU ELU Dropout GaussianDropout GaussianNoise AlphaDropout SpatialDropout1D SpatialDropout2D "
            "SpatialDropout3D ActivityRegularization Identity Masking"
        ),
        _pass,
    ),
    **dict.fromkeys(_kinds("Add Subtract Multiply Average Maximum Minimum"), _joining(merging.merge)),
    **dict.fromkeys(RECURRENT, _recurrent),
    LAYERS.Bidirectional: _around,
    LAYERS.MultiHeadAttention: _heads,
    **dict.fromkeys(_kinds("Attention AdditiveAttention"), _scores),
    LAYERS.Dot: _dot,
}
OPERATION_TABLE: Mapping[str, Follow] = {
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum"), _pair),
    **dict.fromkeys(operations.SINGLES, _pass),
    **dict.fromkeys(("Mean", "Max", "Amax", "Min", "Amin", "Sum"), _shaped(operations.reduction)),
    **dict.fromkeys(("ExpandDims", "Squeeze"), _shaped(shapes.resized)),
    "Softmax": _plain(activation.softmax),
    "Concatenate": _joining(shapes.concatenate),
    "Transpose": _transpose,
    "GetItem": _item,
}
