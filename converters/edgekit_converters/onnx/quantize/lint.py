"""Look at what onnxruntime makes of a quantized file: what it computes in integers, what not, and why."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from edgekit_converters.onnx.quantize.engine import engine_version
from edgekit_converters.onnx.sessions import open_session
from edgekit_converters.quantize.trail import FloatOperator, FusionTrail

QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
# What onnxruntime turns into an operator on integers, by the name before.
FUSED = frozenset(
    ("Add", "ArgMax", "AveragePool", "Concat", "Conv", "Gemm", "GlobalAveragePool", "LeakyRelu", "MatMul", "Mul")
) | {"Sigmoid", "Softmax", "Where"}
LAYOUT = frozenset({"ReorderInput", "ReorderOutput"})  # onnxruntime's own, around its kernels
FREE = frozenset({"Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})  # they compute nothing
SCALED_ANEW = "DynamicQuantizeLSTM"  # takes and gives real numbers, and multiplies integers
NO_KERNEL = "onnxruntime has no kernel on integers for it"
UNFUSED = "onnxruntime did not fuse it with the conversions around it"


def find_fusion(path: Path, kept_float: Mapping[str, str]) -> FusionTrail:
    """Load a file of operators between conversions, and see which conversions are left.

    Args:
        path: The quantized file.
        kept_float: The reason for each operator that was kept float on purpose.

    Raises:
        ModelError: onnxruntime refuses the file.
    """
    model = onnx.load_model(str(path))
    if platform.machine() in ("x86_64", "AMD64"):
        _make_unsigned(model)
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "as-run.onnx"
        open_session(path, model, written_to=written)
        graph = onnx.load_model(str(written)).graph
    real = _real_tensors(graph)
    float_operators, integer_operators = [], 0
    for node in graph.node:
        if node.op_type in (QUANTIZE, DEQUANTIZE) or node.op_type in LAYOUT:
            continue
        touched = any(name in real for name in (*node.input, *node.output))
        if touched and node.op_type not in FREE | {SCALED_ANEW}:
            float_operators.append(FloatOperator(node.name, node.op_type, _reason(node, kept_float)))
        else:
            integer_operators += 1
    border = sum(_at_border(graph, node) for node in graph.node)
    conversions = sum(node.op_type in (QUANTIZE, DEQUANTIZE) for node in graph.node) - border
    return FusionTrail(engine_version(), integer_operators, tuple(float_operators), conversions, border)


def _reason(node: Any, kept_float: Mapping[str, str]) -> str:
    if node.name in kept_float:
        return kept_float[node.name]
    return UNFUSED if node.op_type.removeprefix("Fused") in FUSED else NO_KERNEL


def _real_tensors(graph: Any) -> set[str]:
    """Activations that hold real numbers: what is dequantized, what is quantized, and all that lies between."""
    constants = {tensor.name for tensor in graph.initializer}
    real = {node.output[0] for node in graph.node if node.op_type == DEQUANTIZE and node.input[0] not in constants}
    real |= {node.input[0] for node in graph.node if node.op_type == QUANTIZE}
    for node in graph.node:  # forwards, as the operators run
        if node.op_type != QUANTIZE and node.input and node.input[0] in real:
            real.update(node.output)
    return real - {""}


def _at_border(graph: Any, node: Any) -> bool:
    inputs, outputs = ({value.name for value in border} for border in (graph.input, graph.output))
    if node.op_type == QUANTIZE:
        return node.input[0] in inputs
    return node.op_type == DEQUANTIZE and node.output[0] in outputs


def _make_unsigned(model: Any) -> None:
    """Write int8 activations as uint8: what Arm processors fuse as int8, onnxruntime fuses on x86-64 only as uint8."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    zeros = {node.input[2] for node in model.graph.node if node.op_type == QUANTIZE and len(node.input) > 2}
    shifted = {name for name in zeros if constants[name].data_type == onnx.TensorProto.INT8}
    for node in model.graph.node:
        if node.op_type == DEQUANTIZE and len(node.input) > 2 and node.input[2] in shifted:
            shifted |= {node.input[0]} & constants.keys()
    for name in shifted:
        values = numpy_helper.to_array(constants[name]).astype(np.int16) + 128
        constants[name].CopyFrom(numpy_helper.from_array(values.astype(np.uint8), name))
