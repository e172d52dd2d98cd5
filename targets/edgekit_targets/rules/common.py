"""Rules that several families share. `TARGET` in a fix stands for the target's name."""

from __future__ import annotations

from edgekit_targets.fixes import Fix
from edgekit_targets.rules.rule import Rule, Site, names

EVERY = frozenset[str]()
QUANTIZE = "edgekit convert MODEL --target TARGET --quantize int8 --calibrate DATA"
TO_INTEGER = Fix(f"Quantize the model with samples of real inputs: {QUANTIZE}", "samples")
NARROWER = Fix(
    "Take a smaller model: fewer channels (convert its source with --prune 0.5), or a narrower variant.", "training"
)
INTEGER_SCHEME = "Take --quantize int8 --calibrate DATA"
TO_INTEGER_TYPE = Fix(
    "Take a scheme that the accelerator computes in: edgekit targets show TARGET lists them.", "samples"
)


def _float(site: Site) -> bool:
    taken = site.npu.dtypes.value
    floats = {tensor.dtype for tensor in site.values if "float" in tensor.dtype}
    return bool(floats) and "float16" not in taken


def _other_type(site: Site) -> bool:
    taken = site.npu.dtypes.value
    return any(tensor.dtype not in taken and "float" not in tensor.dtype for tensor in site.values)


def _dynamic_products(site: Site) -> bool:
    """Float values by integer weights: the interpreter quantizes them anew at each run."""
    weights = site.input(1)
    return any("float" in t.dtype for t in site.values) and weights is not None and weights.quantization is not None


def _free(site: Site) -> bool:
    return any(tensor.free_axes or -1 in tensor.shape for tensor in (*site.inputs, *site.outputs))


def _free_beyond_batch(site: Site) -> bool:
    tensors = (*site.inputs, *site.outputs)
    return any(any(axis > 0 for axis in tensor.free_axes) or -1 in tensor.shape[1:] for tensor in tensors)


def _computed_weights(site: Site) -> bool:
    weights = site.input(1)
    return weights is not None and weights.data is None


def fused_activation(site: Site) -> bool:
    """Whether an activation is part of the operator."""
    return site.attribute("fused_activation", 0) != 0


FLOAT_VALUES = Rule("float", EVERY, "it computes in integers, and this operator in floating point", TO_INTEGER, _float)
OTHER_TYPES = Rule("type", EVERY, "it does not compute in the type of these values", TO_INTEGER_TYPE, _other_type)
DYNAMIC_PRODUCTS = Rule(
    "dynamic-range",
    names("CONV_2D DEPTHWISE_CONV_2D FULLY_CONNECTED"),
    "weights are integers where the values are, or both are float",
    TO_INTEGER,
    _dynamic_products,
)
GIVE_SHAPES = Fix(
    "Convert the source again with each shape given: edgekit convert MODEL --target TARGET --shape NAME=1,...", "shapes"
)
FIXED_SHAPES = Rule("free-shape", EVERY, "every shape is fixed, the batch too", GIVE_SHAPES, _free)
FREE_SHAPES = Rule("free-shape", EVERY, "every shape but the batch is fixed", GIVE_SHAPES, _free_beyond_batch)
OWN_OPERATORS = Fix("Write it with the format's own operators.", "rewrite")
CUSTOM = Rule(
    "custom",
    EVERY,
    "a custom operator runs on the processor only",
    OWN_OPERATORS,
    lambda site: site.operator.custom,
)
CONTROL_FLOW = Rule(
    "control-flow",
    EVERY,
    "an operator that runs another graph runs on the processor only",
    Fix("Unroll the loop, or take both branches out of the model.", "rewrite"),
    lambda site: bool(site.operator.calls),
)
CONSTANT_WEIGHTS = Rule(
    "constant-weights",
    names("CONV_2D DEPTHWISE_CONV_2D FULLY_CONNECTED TRANSPOSE_CONV"),
    "weights are constants of the file",
    Fix("Fold what computes them into constants before the export.", "rewrite"),
    _computed_weights,
)
GENERAL = (CUSTOM, CONTROL_FLOW, FREE_SHAPES, FLOAT_VALUES, OTHER_TYPES)
"""What most families of integer accelerators demands of every operator."""
