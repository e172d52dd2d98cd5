"""Reading a `.tflite` file as a graph, without an interpreter: what kills one can still be looked into."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edgekit_runtime.errors import MissingExtraError, ModelError, first_line
from edgekit_runtime.interpreter import detect_format
from edgekit_runtime.tensor import Quantization
from edgekit_targets.graph.graph import Attribute, Graph, Operator, Subgraph, Tensor

try:
    from ai_edge_litert import schema_py_generated as schema  # pure Python: no interpreter is loaded with it
except ImportError as missing:
    raise MissingExtraError(
        "ai-edge-litert is not installed, and its schema is needed to read .tflite files.",
        hint="Run: pip install 'edgekit[tflite]'",
    ) from missing

# What the generated readers raise where a table points astray; they check nothing themselves.
ASTRAY = (TypeError, IndexError, OverflowError, MemoryError, struct.error)
AGAIN = "Copy the file anew, or make it anew with `edgekit convert`."
INSIDE_FILE = 1  # a buffer whose offset is above this lies behind the tables (schema.fbs, table Buffer)
OMITTED = -1  # an optional input that is left out (schema.fbs, table Operator)

FUSED = {"fused_activation": "FusedActivationFunction"}
STRIDES = {"stride_h": "StrideH", "stride_w": "StrideW"}
DILATIONS = {"dilation_h": "DilationHFactor", "dilation_w": "DilationWFactor"}
FILTER = {"filter_h": "FilterHeight", "filter_w": "FilterWidth"}
ATTRIBUTES: dict[str, tuple[str, dict[str, str]]] = {
    "AVERAGE_POOL_2D": ("Pool2DOptions", {**FUSED, **STRIDES, **FILTER}),
    "BATCH_MATMUL": ("BatchMatMulOptions", {"adjoint_x": "AdjX", "adjoint_y": "AdjY"}),
    "CONCATENATION": ("ConcatenationOptions", {**FUSED, "axis": "Axis"}),
    "CONV_2D": ("Conv2DOptions", {**FUSED, **STRIDES, **DILATIONS}),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", {**FUSED, **STRIDES, **DILATIONS}),
    "FULLY_CONNECTED": ("FullyConnectedOptions", FUSED),
    "L2_NORMALIZATION": ("L2NormOptions", FUSED),
    "MAX_POOL_2D": ("Pool2DOptions", {**FUSED, **STRIDES, **FILTER}),
    "TRANSPOSE_CONV": ("TransposeConvOptions", STRIDES),
}
CALLS: dict[str, tuple[str, tuple[str, ...]]] = {
    "CALL": ("CallOptions", ("Subgraph",)),
    "CALL_ONCE": ("CallOnceOptions", ("InitSubgraphIndex",)),
    "IF": ("IfOptions", ("ThenSubgraphIndex", "ElseSubgraphIndex")),
    "WHILE": ("WhileOptions", ("CondSubgraphIndex", "BodySubgraphIndex")),
    "STABLEHLO_COMPOSITE": ("StableHLOCompositeOptions", ("DecompositionSubgraphIndex",)),
}


def read_tflite(path: str | Path) -> Graph:
    """Read a `.tflite` file.

    Args:
        path: The file.

    Raises:
        ModelError: It is none, or damaged.
    """
    found = detect_format(path)
    if found != "tflite":
        raise ModelError(f"{path}: it is an .{found} file; allowed: .tflite.")
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {os.strerror(error.errno or 0).lower()}.", hint="Check the path.") from error
    try:
        return _Reader(content).graph()
    except ASTRAY as error:
        raise ModelError(f"{path}: the file is damaged: it points outside itself.", hint=AGAIN) from error
    except ValueError as error:
        raise ModelError(f"{path}: the file is damaged: {first_line(error)}.", hint=AGAIN) from error


class _Reader:
    """Walks through the tables of a file.

    A damaged file may say of any list that it has billions of entries, or point to one list from
    thousands of places: no more entries are read in all than the file has bytes.
    """

    def __init__(self, content: bytes) -> None:
        self._content = memoryview(content)
        self._left = len(content)
        self._model = schema.Model.GetRootAs(content, 0)
        self._codes = [_operator_name(code) for code in self._list(self._model, "OperatorCodes")]
        self._buffers = [self._bytes_of(buffer) for buffer in self._list(self._model, "Buffers")]

    def graph(self) -> Graph:
        subgraphs = tuple(self._subgraph(table) for table in self._list(self._model, "Subgraphs"))
        inputs, outputs = self._signature()
        return Graph("tflite", subgraphs, input_names=inputs, output_names=outputs)

    def _signature(self) -> tuple[dict[int, str], dict[int, str]]:
        """The names that callers of the main graph use, by the tensors' indexes; empty where the file has none."""
        for table in self._list(self._model, "SignatureDefs"):
            if table.SubgraphIndex() == 0:
                inputs, outputs = (
                    {entry.TensorIndex(): _text(entry.Name()) for entry in self._list(table, side)}
                    for side in ("Inputs", "Outputs")
                )
                return inputs, outputs
        return {}, {}

    def _subgraph(self, table: Any) -> Subgraph:
        return Subgraph(
            name=_text(table.Name()),
            tensors=tuple(self._tensor(tensor) for tensor in self._list(table, "Tensors")),
            inputs=self._numbers(table, "Inputs"),
            outputs=self._numbers(table, "Outputs"),
            operators=tuple(self._operator(operator) for operator in self._list(table, "Operators")),
        )

    def _tensor(self, table: Any) -> Tensor:
        name, dtype = _text(table.Name()), _TYPES.get(table.Type(), f"type {table.Type()}")
        self._spend(len(name))
        signature = self._numbers(table, "ShapeSignature")
        data = self._buffers[table.Buffer()] if table.Buffer() else None
        quantization, block_size = self._quantization(table.Quantization(), dtype, self._numbers(table, "Shape"))
        return Tensor(
            name=name,
            shape=self._numbers(table, "Shape"),
            dtype=dtype,
            free_axes=tuple(axis for axis, size in enumerate(signature) if size == -1),
            quantization=quantization,
            data=data,
            storage=None if data is None else table.Buffer(),
            state=table.IsVariable(),
            block_size=block_size,
        )

    def _quantization(self, table: Any, dtype: str, shape: tuple[int, ...]) -> tuple[Quantization | None, int]:
        if table is None or "float" in dtype:
            return None, 0  # a float tensor may keep the range that calibration found
        details = table.Details()
        if details is not None and table.DetailsType() == schema.QuantizationDetails.BlockwiseQuantization:
            return None, int(_options(details, "BlockwiseQuantization").BlockSize())
        scales = self._vector(table, "Scale").tolist()
        zero_points = self._vector(table, "ZeroPoint").tolist() or [0] * len(scales)
        if not scales:
            return None, 0
        if len(scales) != len(zero_points) or not np.isfinite(scales).all():
            raise ValueError(f"a tensor has {len(scales)} scales and {len(zero_points)} zero points, or no finite ones")
        axis, axes = table.QuantizedDimension(), max(1, len(shape))
        told = axis if scales[1:] or not 0 <= axis < axes else None  # what no tensor has is kept, for a check to find
        return Quantization(tuple(scales), tuple(zero_points), told), 0

    def _operator(self, table: Any) -> Operator:
        name, custom = self._codes[table.OpcodeIndex()]
        return Operator(
            name=name,
            inputs=self._places(table, "Inputs"),
            outputs=self._places(table, "Outputs"),
            custom=custom,
            attributes={} if custom else _attributes(name, table),
            calls=() if custom else _calls(name, table),
        )

    def _bytes_of(self, buffer: Any) -> memoryview | None:
        if buffer.Offset() > INSIDE_FILE:
            begin, end = buffer.Offset(), buffer.Offset() + buffer.Size()
            if end > len(self._content):
                raise ValueError(f"a constant lies at byte {begin} to {end} of {len(self._content)}")
            return self._content[begin:end]
        if not buffer.DataLength():
            return None
        data = buffer.DataAsNumpy()
        begin = _address(data) - _address(np.frombuffer(self._content, np.uint8))
        return self._content[begin : begin + data.nbytes]  # as above: every constant is a part of the one file

    def _places(self, table: Any, field: str) -> tuple[int | None, ...]:
        return tuple(None if place == OMITTED else place for place in self._numbers(table, field))

    def _numbers(self, table: Any, field: str) -> tuple[int, ...]:
        return tuple(self._vector(table, field).tolist())

    def _vector(self, table: Any, field: str) -> np.ndarray:
        self._spend(getattr(table, f"{field}Length")())
        vector = getattr(table, f"{field}AsNumpy")()
        return vector if isinstance(vector, np.ndarray) else np.empty(0, np.int64)  # 0 where there is no such list

    def _list(self, table: Any, field: str) -> Iterator[Any]:
        length, read = getattr(table, f"{field}Length")(), getattr(table, field)
        self._spend(length)
        return (read(i) for i in range(length))

    def _spend(self, entries: int) -> None:
        self._left -= entries
        if self._left < 0:
            raise ValueError("its lists claim more entries than the file has bytes")


def _names(enumeration: type) -> dict[int, str]:
    return {number: name for name, number in vars(enumeration).items() if not name.startswith("_")}


_OPERATORS = _names(schema.BuiltinOperator)
_TYPES = {number: name.lower() for number, name in _names(schema.TensorType).items()}


def _operator_name(code: Any) -> tuple[str, bool]:
    """The operator's name, and whether it is custom."""
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())  # numbers above 127 stand in the newer field only
    if number == schema.BuiltinOperator.CUSTOM:
        return _text(code.CustomCode()), True
    return _OPERATORS.get(number, f"operator {number}"), False


def _attributes(name: str, table: Any) -> dict[str, Attribute]:
    if name not in ATTRIBUTES or table.BuiltinOptions() is None:
        return {}
    kind, fields = ATTRIBUTES[name]
    options = _options(table.BuiltinOptions(), kind)
    return {attribute: getattr(options, field)() for attribute, field in fields.items()}


def _calls(name: str, table: Any) -> tuple[int, ...]:
    if name not in CALLS:
        return ()
    union = table.BuiltinOptions2() if name.startswith("STABLEHLO") else table.BuiltinOptions()
    if union is None:
        return ()
    kind, fields = CALLS[name]
    options = _options(union, kind)
    return tuple(getattr(options, field)() for field in fields)


def _options(union: Any, kind: str) -> Any:
    options = getattr(schema, kind)()
    options.Init(union.Bytes, union.Pos)
    return options


def _address(values: np.ndarray) -> int:
    return int(values.__array_interface__["data"][0])


def _text(name: bytes | None) -> str:
    return (name or b"").decode("utf-8", "replace")
