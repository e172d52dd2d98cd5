"""The model of known counts, which the package of emulated boards brings; as a program, this writes it there."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

ROWS, CHANNELS = 512, 32
SCALES = {"x": 0.05, "weights": 0.01, "bias": 0.05 * 0.01, "hidden": 0.1}
BUFFERS = ("", "weights", "bias", "float_weights", "float_bias")
TYPES = schema.TensorType


def known_model() -> bytes:
    """`x (512, 32) int8 -> y (512, 32) float32`: a dense layer in int8, and one in float, each with ReLU."""
    random = np.random.default_rng(0)
    square = (CHANNELS, CHANNELS)
    data = {
        "weights": random.integers(-127, 128, square, np.int8),
        "bias": random.integers(-500, 500, CHANNELS, np.int32),
        "float_weights": random.normal(0, 0.2, square).astype(np.float32),
        "float_bias": random.normal(0, 0.2, CHANNELS).astype(np.float32),
    }
    model = schema.ModelT()
    model.version, model.description = 3, "edgekit's model of known counts"
    model.buffers = [_buffer(data.get(name)) for name in BUFFERS]
    model.operatorCodes = [_code(schema.BuiltinOperator.FULLY_CONNECTED), _code(schema.BuiltinOperator.DEQUANTIZE)]
    rows = (ROWS, CHANNELS)
    tensors = [
        _tensor("x", rows, TYPES.INT8),
        _tensor("weights", square, TYPES.INT8),
        _tensor("bias", (CHANNELS,), TYPES.INT32),
        _tensor("hidden", rows, TYPES.INT8),
        _tensor("real", rows, TYPES.FLOAT32),
        _tensor("float_weights", square, TYPES.FLOAT32),
        _tensor("float_bias", (CHANNELS,), TYPES.FLOAT32),
        _tensor("y", rows, TYPES.FLOAT32),
    ]
    graph = schema.SubGraphT()
    graph.name, graph.tensors, graph.inputs, graph.outputs = "main", tensors, [0], [7]
    graph.operators = [_operator(0, [0, 1, 2], 3), _operator(1, [3], 4), _operator(0, [4, 5, 6], 7)]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _buffer(data: np.ndarray | None) -> Any:
    buffer = schema.BufferT()
    if data is not None:
        buffer.data = np.frombuffer(data.tobytes(), np.uint8)
    return buffer


def _code(kind: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = kind
    return code


def _tensor(name: str, shape: tuple[int, ...], kind: int) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = name, list(shape), kind
    tensor.buffer = BUFFERS.index(name) if name in BUFFERS else 0
    if name in SCALES:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [SCALES[name]], [0]
    return tensor


def _operator(code: int, inputs: list[int], output: int) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, inputs, [output]
    if code == 0:
        operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
        operator.builtinOptions = schema.FullyConnectedOptionsT()
        operator.builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.RELU
    return operator


if __name__ == "__main__":
    Path(str(files("edgekit_devices.emulated") / "known.tflite")).write_bytes(known_model())
