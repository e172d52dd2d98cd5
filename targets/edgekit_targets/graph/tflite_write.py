"""Writing `.tflite` files, and small ones of their own: chains of one operator, to measure what it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np

from edgekit_runtime.errors import MissingExtraError

try:
    from ai_edge_litert import schema_py_generated as schema  # pure Python: no interpreter is loaded with it
except ImportError as missing:
    raise MissingExtraError(
        "ai-edge-litert is not installed, and its schema is needed to write .tflite files.",
        hint="Run: pip install 'edgekit[tflite]'",
    ) from missing

__all__ = ["Chain", "packed", "schema", "write_chain"]

VERSION = 3  # of the file format
IDENTIFIER = b"TFL3"
TABLES_BYTES = 65536  # more than the tables of most files take beside their constants
ACTIVATION_SCALE, WEIGHT_SCALE = 0.05, 0.01
TYPES = {"float32": schema.TensorType.FLOAT32, "int8": schema.TensorType.INT8, "int32": schema.TensorType.INT32}


@dataclass(frozen=True)
class Chain:
    """An operator that stands several times, each reading what the one before it wrote.

    Attributes:
        operator: `CONV_2D`, `DEPTHWISE_CONV_2D` or `ADD`.
        shape: Of every activation, `(N, H, W, C)`.
        kernel: Height and width of a convolution's kernel.
        length: How many stand there.
        dtype: `float32` or `int8`.
    """

    operator: str
    shape: tuple[int, int, int, int]
    kernel: int
    length: int
    dtype: str

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all of them."""
        batch, height, width, channels = self.shape
        each = {"CONV_2D": channels * self.kernel**2, "DEPTHWISE_CONV_2D": self.kernel**2}.get(self.operator, 0)
        return self.length * batch * height * width * channels * each


def write_chain(chain: Chain) -> bytes:
    """The bytes of a `.tflite` file with a chain; its weights are drawn from seed 0."""
    return _Writer(chain).file()


def packed(model: Any) -> bytes:
    """The bytes of a file.

    Args:
        model: The schema's `ModelT`.
    """
    constants = sum(0 if buffer.data is None else len(buffer.data) for buffer in model.buffers)
    builder = flatbuffers.Builder(constants + TABLES_BYTES)
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


class _Writer:
    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._random = np.random.default_rng(0)
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._buffers = [schema.BufferT()]

    def file(self) -> bytes:
        last = self._activation()
        self._graph.inputs = [last]
        for _ in range(self._chain.length):
            last = self._operator(last)
        self._graph.outputs = [last]
        model = schema.ModelT()
        model.version, model.description = VERSION, "edgekit micro-benchmark"
        model.buffers, model.subgraphs = self._buffers, [self._graph]
        model.operatorCodes = [self._code()]
        return packed(model)

    def _code(self) -> Any:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, self._chain.operator)
        code.version = 3 if self._chain.operator != "ADD" else 2
        return code

    def _operator(self, source: int) -> int:
        operator = schema.OperatorT()
        operator.opcodeIndex = 0
        operator.inputs = [source, source] if self._chain.operator == "ADD" else [source, *self._constants()]
        operator.outputs = [self._activation()]
        kind, options = self._options()
        operator.builtinOptionsType, operator.builtinOptions = getattr(schema.BuiltinOptions, kind), options
        self._graph.operators.append(operator)
        return int(operator.outputs[0])

    def _options(self) -> tuple[str, Any]:
        if self._chain.operator == "ADD":
            return "AddOptions", schema.AddOptionsT()
        depthwise = self._chain.operator == "DEPTHWISE_CONV_2D"
        kind = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"
        options = getattr(schema, f"{kind}T")()
        options.padding = schema.Padding.SAME
        options.strideW = options.strideH = options.dilationWFactor = options.dilationHFactor = 1
        if depthwise:
            options.depthMultiplier = 1
        return kind, options

    def _activation(self) -> int:
        return self._tensor(self._chain.shape, self._chain.dtype, None, ACTIVATION_SCALE)

    def _constants(self) -> tuple[int, int]:
        channels, kernel = self._chain.shape[3], self._chain.kernel
        depthwise = self._chain.operator == "DEPTHWISE_CONV_2D"
        shape = (1, kernel, kernel, channels) if depthwise else (channels, kernel, kernel, channels)
        quantized = self._chain.dtype == "int8"
        values = self._random.integers(-20, 21, shape) if quantized else self._random.normal(0, 0.05, shape)
        weights = self._tensor(shape, self._chain.dtype, values.astype(self._chain.dtype), WEIGHT_SCALE)
        zeros = np.zeros(channels, np.int32 if quantized else np.float32)
        return weights, self._tensor((channels,), zeros.dtype.name, zeros, ACTIVATION_SCALE * WEIGHT_SCALE)

    def _tensor(self, shape: tuple[int, ...], dtype: str, values: np.ndarray | None, scale: float) -> int:
        tensor = schema.TensorT()
        tensor.name = f"t{len(self._graph.tensors)}"
        tensor.shape, tensor.type, tensor.buffer = list(shape), TYPES[dtype], 0
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            tensor.buffer = len(self._buffers)
            self._buffers.append(buffer)
        if self._chain.dtype == "int8":
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [0]
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1
