"""What NXP's eIQ Neutron takes, as its backend in ExecuTorch says it of the same operators in PyTorch."""

from __future__ import annotations

import math
from dataclasses import replace

from edgekit_targets.fixes import Fix
from edgekit_targets.rules.common import CONSTANT_WEIGHTS, DYNAMIC_PRODUCTS, FLOAT_VALUES, GENERAL
from edgekit_targets.rules.rule import Family, Rule, Site, names, without_limits

LANES = 8
SOFTMAX_CHANNELS, SOFTMAX_POSITIONS, SOFTMAX_VALUES = 2048, 4096, 524_288
SCALES = (2, 4)


def _channels(site: Site) -> bool:
    return any(tensor.shape and tensor.shape[-1] % LANES for tensor in (*site.inputs[:1], *site.outputs))


def _all_channels(site: Site) -> bool:
    return any(tensor.shape and tensor.shape[-1] % LANES for tensor in site.values)


def _batch(site: Site) -> bool:
    return any(len(tensor.shape) == 4 and tensor.shape[0] != 1 for tensor in site.inputs[:1])


def _pool_stride(site: Site) -> bool:
    return site.attribute("stride_h", 1) not in (1, 2)


def _softmax(site: Site) -> bool:
    shape = site.inputs[0].shape if site.inputs else ()
    if len(shape) < 2 or -1 in shape:
        return True
    channels, values = shape[-1], math.prod(shape)
    limits = channels >= SOFTMAX_CHANNELS or values > SOFTMAX_VALUES or values > SOFTMAX_POSITIONS * channels
    return bool(channels % LANES) or limits


def _equal_shapes(site: Site) -> bool:
    return len({tensor.shape for tensor in site.inputs}) > 1


def _scale(site: Site) -> bool:
    before, after = site.inputs[0].shape, site.outputs[0].shape
    if len(before) != 4 or len(after) != 4:
        return True
    factors = {after[axis] / before[axis] for axis in (1, 2) if before[axis]}
    return len(factors) != 1 or factors.pop() not in SCALES


def _weights_per_channel(site: Site) -> bool:
    weights = site.input(1)
    return weights is not None and weights.quantization is not None and len(weights.quantization.scale) > 1


ONE_SCALE = Fix(
    "Quantize with NXP's eIQ Toolkit, which takes one scale for each tensor: edgekit's own --quantize int8 takes one "
    "for each channel, which is refused here.",
    "vendor",
)
WIDEN = Fix("Take a number of channels that is a multiple of 8.", "rewrite")
FAMILY = Family(
    name="neutron",
    title="eIQ Neutron",
    operators=without_limits(
        "ABS ADD AVERAGE_POOL_2D BATCH_MATMUL CONCATENATION CONV_2D DEPTHWISE_CONV_2D DIV EXP EXPAND_DIMS "
        "FULLY_CONNECTED LEAKY_RELU LOG LOGISTIC MAXIMUM MAX_POOL_2D MEAN MUL NEG PAD PRELU REDUCE_MAX REDUCE_MIN RELU "
        "RELU6 RELU_0_TO_1 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR SLICE SOFTMAX SPLIT SPLIT_V "
        "SQUEEZE SUM TANH TRANSPOSE"
    ),
    rules=(
        *(replace(rule, fix=ONE_SCALE) if rule is FLOAT_VALUES else rule for rule in GENERAL),
        CONSTANT_WEIGHTS,
        replace(DYNAMIC_PRODUCTS, fix=ONE_SCALE),
        Rule(
            "scale-of-weights",
            names("CONV_2D DEPTHWISE_CONV_2D FULLY_CONNECTED"),
            "weights have one scale for the whole tensor",
            ONE_SCALE,
            _weights_per_channel,
        ),
        Rule(
            "equal-shapes",
            names("ADD"),
            "both inputs have the same shape",
            Fix("Tile the smaller one before.", "rewrite"),
            _equal_shapes,
        ),
        Rule(
            "channels",
            names("CONCATENATION MAX_POOL_2D RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR PRELU"),
            "the number of channels is a multiple of 8",
            WIDEN,
            _channels,
        ),
        Rule("matrix-axes", names("BATCH_MATMUL"), "width and channels are multiples of 8", WIDEN, _all_channels),
        Rule(
            "pool-batch", names("MAX_POOL_2D"), "the batch is 1", Fix("Give one sample at a time.", "convert"), _batch
        ),
        Rule(
            "pool-stride",
            names("MAX_POOL_2D"),
            "the stride in height is 1 or 2",
            Fix("Pool twice.", "rewrite"),
            _pool_stride,
        ),
        Rule(
            "softmax",
            names("SOFTMAX"),
            f"SOFTMAX takes two axes or more, channels in multiples of 8 below {SOFTMAX_CHANNELS}, at most "
            f"{SOFTMAX_POSITIONS} positions and {SOFTMAX_VALUES:,} values",
            Fix(
                "Leave the softmax out of the model, and take the largest of its inputs in the application.", "rewrite"
            ),
            _softmax,
        ),
        Rule(
            "resize",
            names("RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR"),
            "height and width grow by the same factor, 2 or 4",
            Fix("Resize by 2 or 4, several times where needed.", "rewrite"),
            _scale,
        ),
    ),
    one_partition=False,
    source="ExecuTorch, docs/source/backends/nxp/op-support.csv and nxp-quantization.md, 2026-08-22",
)
