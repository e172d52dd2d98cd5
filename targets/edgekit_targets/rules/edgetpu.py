"""What the Edge TPU's compiler takes."""

from __future__ import annotations

from edgekit_targets.fixes import Fix
from edgekit_targets.rules.common import (
    CONSTANT_WEIGHTS,
    CONTROL_FLOW,
    CUSTOM,
    FIXED_SHAPES,
    FLOAT_VALUES,
    OTHER_TYPES,
    fused_activation,
)
from edgekit_targets.rules.rule import Family, Rule, Site, names, without_limits

SOFTMAX_LIMIT = 16_000
LARGE_AXES = 3


def _axes(site: Site) -> bool:
    """Beyond the last three axes all are 1."""
    return any(size != 1 for tensor in site.values for size in tensor.shape[:-LARGE_AXES])


def _softmax(site: Site) -> bool:
    return any(sum(size > 1 for size in t.shape) > 1 or (t.elements or 0) > SOFTMAX_LIMIT for t in site.inputs[:1])


def _dense_output(site: Site) -> bool:
    return any(sum(size > 1 for size in tensor.shape) > 1 for tensor in site.outputs)


def _dilation(site: Site) -> bool:
    return site.attribute("dilation_h", 1) != site.attribute("dilation_w", 1)


def _concat_constant(site: Site) -> bool:
    constants = [tensor for tensor in site.inputs if tensor.data is not None]
    return bool(constants) and len(site.inputs) != 2


def _numbers(site: Site, place: int) -> tuple[int, ...]:
    import numpy as np

    tensor = site.input(place)
    return () if tensor is None or tensor.data is None else tuple(np.frombuffer(tensor.data, np.int32).tolist())


def _batch_axis(site: Site) -> bool:
    """A reduction over the first of four axes."""
    rank = len(site.inputs[0].shape) if site.inputs else 0
    return rank == 4 and any(axis in (0, -4) for axis in _numbers(site, 1))


def _batch_padding(site: Site) -> bool:
    return len(site.inputs[0].shape) == 4 and any(_numbers(site, 1)[:2])


def _strides(site: Site) -> bool:
    return any(step != 1 for step in _numbers(site, 3))


def _prelu(site: Site) -> bool:
    alpha = site.input(1)
    return alpha is not None and sum(size > 1 for size in alpha.shape) > 1


FAMILY = Family(
    name="edgetpu",
    title="Coral Edge TPU",
    operators={
        **without_limits(
            "ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D EXPAND_DIMS FULLY_CONNECTED L2_NORMALIZATION "
            "LOGISTIC MAXIMUM MAX_POOL_2D MEAN MINIMUM MUL PACK PAD PRELU QUANTIZE REDUCE_MAX REDUCE_MIN RELU RELU6 "
            "RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SLICE SOFTMAX SPACE_TO_DEPTH SPLIT "
            "SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM TANH TRANSPOSE TRANSPOSE_CONV"
        ),
        "UNIDIRECTIONAL_SEQUENCE_LSTM": "",
        "RESHAPE": "large tensors may be left to the processor",
        "RESIZE_BILINEAR": "large factors may be left to the processor, for precision",
        "RESIZE_NEAREST_NEIGHBOR": "large factors may be left to the processor, for precision",
    },
    rules=(
        CUSTOM,
        CONTROL_FLOW,
        FIXED_SHAPES,
        FLOAT_VALUES,
        OTHER_TYPES,
        CONSTANT_WEIGHTS,
        Rule(
            "axes",
            frozenset(),
            "at most the last three axes may be longer than 1",
            Fix("Take a batch of 1, and fold other axes by a RESHAPE.", "rewrite"),
            _axes,
        ),
        Rule(
            "softmax",
            names("SOFTMAX"),
            f"SOFTMAX takes one axis, of at most {SOFTMAX_LIMIT:,} values",
            Fix(
                "Leave the softmax out of the model, and take the largest of its inputs in the application.", "rewrite"
            ),
            _softmax,
        ),
        Rule(
            "dense-output",
            names("FULLY_CONNECTED"),
            "the output of FULLY_CONNECTED has one axis longer than 1",
            Fix("Write it as a convolution of 1x1.", "rewrite"),
            _dense_output,
        ),
        Rule(
            "dilation",
            names("CONV_2D DEPTHWISE_CONV_2D"),
            "the dilation is the same in height and width",
            Fix("Take the same dilation in both.", "rewrite"),
            _dilation,
        ),
        Rule(
            "fused-activation",
            names("AVERAGE_POOL_2D CONCATENATION MAX_POOL_2D L2_NORMALIZATION"),
            "this operator takes no fused activation",
            Fix("Write the activation as an operator of its own.", "rewrite"),
            fused_activation,
        ),
        Rule(
            "concatenation-constant",
            names("CONCATENATION"),
            "beside a constant, CONCATENATION takes one other input, and the constant is zero (a padding)",
            Fix("Write it as PAD, or give the constant as an input.", "rewrite"),
            _concat_constant,
        ),
        Rule(
            "batch-reduction",
            names("MEAN REDUCE_MAX REDUCE_MIN SUM"),
            "no reduction over the batch",
            Fix("Reduce over height, width or channels.", "rewrite"),
            _batch_axis,
        ),
        Rule(
            "batch-padding",
            names("PAD"),
            "no padding of the batch",
            Fix("Pad height, width or channels.", "rewrite"),
            _batch_padding,
        ),
        Rule(
            "slice-strides",
            names("STRIDED_SLICE"),
            "STRIDED_SLICE has strides of 1",
            Fix("Take each value, and thin them out by a pooling of 1x1 with strides.", "rewrite"),
            _strides,
        ),
        Rule(
            "prelu",
            names("PRELU"),
            "PRELU has one slope for each channel at most",
            Fix("In Keras: PReLU(shared_axes=[1, 2]).", "rewrite"),
            _prelu,
        ),
    ),
    one_partition=True,
    source="Coral documentation, supported operations, as copied by developer.axis.com (ARTPEC-7)",
)
