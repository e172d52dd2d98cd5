"""The only user of onnxruntime's quantizer, which writes quantized files."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorsData
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer
from onnxruntime.quantization.onnx_model import ONNXModel
from onnxruntime.quantization.onnx_quantizer import ONNXQuantizer
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.quant_utils import QuantizationMode

from edgekit_converters.onnx.quantize.pads import pad_integers
from edgekit_converters.quantize.statistics import Range
from edgekit_runtime.errors import ConversionError, first_line

# What onnxruntime computes in integers on a processor, or moves about as integers. Its quantizer also knows
# normalizations, sums along an axis and the like; those would only have their numbers rounded.
STATIC_OPERATORS = (
    *("Add", "ArgMax", "AveragePool", "Clip", "Concat", "Conv", "ConvTranspose", "Flatten", "Gather", "Gemm"),
    *("GlobalAveragePool", "LeakyRelu", "MatMul", "MaxPool", "Mul", "Pad", "Relu", "Reshape", "Resize", "Sigmoid"),
    *("Slice", "Softmax", "Split", "Squeeze", "Transpose", "Unsqueeze", "Where"),
)
# Conv is not among them: onnxruntime's ConvInteger takes one scale for all channels, and is slower than float.
DYNAMIC_OPERATORS = ("Attention", "EmbedLayerNormalization", "Gather", "LSTM", "MatMul")
# Sixteen steps of a float LSTM and of an integer one, on x86-64: 9.9 and 12.4 us with 3,000 weights, 13.8 and 15.2 us
# with 15,000, 19.7 and 16.8 us with 25,000, 198 and 77 us with 393,000.
LEAST_LSTM_WEIGHTS = 20_000
BLOCK = 32  # weights that share a scale in int4
HIDDEN = "HiddenGemm"
FLOAT32_PRODUCTS = 1  # MatMulNBits's accuracy_level


@dataclass(frozen=True)
class Integers:
    """How activations and weights become integers.

    Attributes:
        signed: Whether activations are int8, and not uint8.
        reduced: Whether weights take 7 of their 8 bits, for processors that add products of 8 bits in 16.
    """

    signed: bool
    reduced: bool


def engine_version() -> str:
    """The engine, with version."""
    return f"onnxruntime {onnxruntime.__version__}"


def write_static(
    model: Any, ranges: Mapping[str, Range], kept_float: Collection[str], integers: Integers, output: Path
) -> None:
    """Write a file in which operators stand between `QuantizeLinear` and `DequantizeLinear`.

    An LSTM, for which onnxruntime has no such form, finds the scale of its activations anew at each inference.
    See `small_lstms` for those that had better stay float.

    Args:
        model: The float `ModelProto`, prepared; it is changed.
        ranges: Ranges of its activations.
        kept_float: Names of operators that stay float.
        integers: Types.
        output: Where to write.

    Raises:
        ConversionError: The engine refuses.
    """
    data = {name: (np.float32(found.low), np.float32(found.high)) for name, found in ranges.items()}

    def write() -> Any:
        quantizer = QDQQuantizer(
            _with_dynamic_lstm(model, integers, kept_float),
            True,  # scales per channel
            integers.reduced,
            QuantType.QInt8,
            QuantType.QInt8 if integers.signed else QuantType.QUInt8,
            TensorsData(CalibrationMethod.MinMax, data),
            [],
            list(kept_float),
            list(STATIC_OPERATORS),
            {"WeightSymmetric": True, "QDQKeepRemovableActivations": True},
        )
        quantizer.quantize_model()
        pad_integers(quantizer.model.model)
        return quantizer.model.model

    _write(write, output)


def small_lstms(model: Any) -> tuple[str, ...]:
    """Names of the LSTMs whose weights are so few that integers would cost more time than they save."""
    sizes = {tensor.name: math.prod(tensor.dims) for tensor in model.graph.initializer}
    return tuple(
        node.name
        for node in model.graph.node
        if node.op_type == "LSTM" and sum(sizes.get(name, 0) for name in node.input[1:3]) < LEAST_LSTM_WEIGHTS
    )


def _with_dynamic_lstm(model: Any, integers: Integers, kept_float: Collection[str]) -> Any:
    """The model with its LSTMs in integers, all else as it was.

    The dynamic quantizer takes each `Gemm` apart, for whose inner tensor no range was found: it does not know
    them under another name.
    """
    if not any(node.op_type == "LSTM" and node.name not in kept_float for node in model.graph.node):
        return model
    hidden = [node for node in model.graph.node if node.op_type == "Gemm"]
    for node in hidden:
        node.op_type = HIDDEN
    model = _dynamic(model, integers, ["LSTM"], kept_float)
    for node in model.graph.node:
        if node.op_type == HIDDEN:
            node.op_type = "Gemm"
    return model


def write_dynamic(model: Any, integers: Integers, output: Path) -> None:
    """Write a file whose products find the scale of their activations anew at each inference.

    Args:
        model: The float `ModelProto`, prepared; it is changed.
        integers: Of it, `reduced`.
        output: Where to write.

    Raises:
        ConversionError: The engine refuses.
    """
    _write(lambda: _dynamic(model, integers, DYNAMIC_OPERATORS), output)


def _dynamic(model: Any, integers: Integers, kinds: Sequence[str], kept_float: Collection[str] = ()) -> Any:
    quantizer = ONNXQuantizer(
        model,
        True,  # scales per channel
        integers.reduced,
        QuantizationMode.IntegerOps,
        False,  # not static
        QuantType.QInt8,
        QuantType.QUInt8,
        None,
        [],
        list(kept_float),
        list(kinds),
        {"WeightSymmetric": True, "MatMulConstBOnly": True},
    )
    quantizer.quantize_model()
    return quantizer.model.model


def write_int4(model: Any, output: Path) -> None:
    """Write a file whose matrix products have int4 weights, with a scale for each block of 32.

    Args:
        model: The float `ModelProto`, prepared; it is changed.
        output: Where to write.

    Raises:
        ConversionError: The engine refuses, or there is nothing to quantize.
    """

    def write() -> Any:
        plain = ONNXModel(model)
        plain.replace_gemm_with_matmul()
        config = DefaultWeightOnlyQuantConfig(BLOCK, is_symmetric=True, accuracy_level=FLOAT32_PRODUCTS, bits=4)
        quantizer = MatMulNBitsQuantizer(plain.model, algo_config=config)
        quantizer.process()
        return quantizer.model.model

    _write(write, output)
    if not any(node.op_type == "MatMulNBits" for node in onnx.load_model(str(output)).graph.node):
        raise ConversionError(
            "int4-weight-only: the model has no product with a constant matrix, whose weights alone can be int4.",
            hint="Ask for --quantize int8 or int8-weight-only.",
        )


def _write(make: Callable[[], Any], output: Path) -> None:
    try:
        model = ONNXModel(make())
        model.topological_sort()
    except Exception as error:  # the engine raises many kinds; the user gets one line
        raise ConversionError(
            f"quantization: onnxruntime's quantizer refuses: {first_line(error)}",
            hint="Try another scheme, such as --quantize int8-weight-only or float32, and see the whole log with -v.",
        ) from error
    graph = model.model.graph
    written = {name for node in graph.node for name in node.output}
    for value in list(graph.value_info):
        if value.name not in written:
            graph.value_info.remove(value)  # of a tensor that is gone
    onnx.save_model(model.model, str(output))
