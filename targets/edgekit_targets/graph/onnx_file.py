"""The bytes in an `.onnx` file: the model's tables, and its constants, which stay where they lie."""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edgekit_runtime.errors import MissingExtraError, ModelError, first_line
from edgekit_targets.graph.graph import BITS

try:
    import onnx
    from google.protobuf.message import DecodeError  # what onnx's tables are read with
except ImportError as missing:
    raise MissingExtraError(
        "onnx is not installed, and it is needed to read .onnx files.", hint="Run: pip install 'edgekit[onnx]'"
    ) from missing

AGAIN = "Copy the file anew, or export the model again."
SMALL_BYTES = 1024  # constants up to this stay in the tables: shapes and axes, which other shapes follow from
DTYPES = {
    number: {"float": "float32", "double": "float64", "float4e2m1": "float4_e2m1fn"}.get(name.lower(), name.lower())
    for name, number in onnx.TensorProto.DataType.items()
} | {17: "float8_e4m3fn", 18: "float8_e4m3fnuz", 19: "float8_e5m2", 20: "float8_e5m2fnuz", 24: "float8_e8m0fnu"}
# Where onnx.proto keeps values that are not raw, and the type in which they are written out; the others lie in
# int32_data, each as the number that its bits are.
TYPED = {
    "float32": ("float_data", "<f4"),
    "complex64": ("float_data", "<f4"),
    "float64": ("double_data", "<f8"),
    "complex128": ("double_data", "<f8"),
    "int64": ("int64_data", "<i8"),
    "uint64": ("uint64_data", "<u8"),
    "uint32": ("uint64_data", "<u4"),
    "int32": ("int32_data", "<i4"),
}
NARROW = {16: "<u2", 8: "u1"}
MARK = "#"  # a location that begins so names one of the constants set apart


def newest_opset() -> tuple[int, str]:
    """The newest set of operators that the onnx library knows, and the library with its version."""
    return onnx.defs.onnx_opset_version(), f"onnx {onnx.__version__}"


def knows_operator(name: str, domain: str) -> bool:
    """Whether an operator is one of ONNX's own."""
    return bool(onnx.defs.has(name, domain=domain))


def load_model(path: Path) -> Any:  # onnx's tables have no types that mypy sees; the reader is their border
    """Read a file's tables.

    Raises:
        ModelError: It is damaged.
    """
    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path}: {os.strerror(error.errno or 0).lower()}.", hint="Check the path.") from error
    except (DecodeError, ValueError) as error:
        raise ModelError(f"{path}: the file is damaged: {first_line(error)}.", hint=AGAIN) from error
    return model


def check_texts(message: Any) -> None:
    """Refuse names that are none: what is no UTF-8 comes out of the tables as bytes.

    Raises:
        ValueError: There is one.
    """
    for field, value in message.ListFields():
        if field.type == field.TYPE_STRING:
            if any(isinstance(text, bytes) for text in ([value] if isinstance(value, (str, bytes)) else value)):
                raise ValueError(f"a text in it ({field.name}) is no UTF-8")
        elif field.type == field.TYPE_MESSAGE:
            for part in [value] if hasattr(value, "ListFields") else value:
                check_texts(part)


class Constants:
    """The constants of a file, set apart from its tables so that these are small and can be handed on.

    Args:
        path: The file; those that lie in files beside it are mapped, not read.
    """

    def __init__(self, path: Path) -> None:
        self._folder = path.parent.resolve()
        self._bytes: list[memoryview] = []
        self._files: dict[str, memoryview] = {}

    def set_apart(self, model: Any) -> None:
        """Take the larger constants out of a model's tables.

        Raises:
            ModelError: A file beside it is missing.
            ValueError: A constant is damaged.
        """
        bodies = [model.graph, *model.functions]
        for tensor in [tensor for body in bodies for tensor in _tensors(body)]:
            outside = tensor.data_location == onnx.TensorProto.EXTERNAL
            data = self._outside(tensor) if outside else _inside(tensor)
            if outside or len(data) > SMALL_BYTES:
                self._mark(tensor, self._keep(data))

    def data_of(self, tensor: Any) -> tuple[memoryview, int]:
        """A constant's bytes and their number, for tables whose constants were set apart.

        Raises:
            ValueError: It is damaged.
        """
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            number = int(_entries(tensor)["location"].removeprefix(MARK))
            return self._bytes[number], number
        data = _inside(tensor)
        return data, self._keep(data)

    def add(self, data: bytes) -> tuple[memoryview, int]:
        """Take in a constant that no tensor of the tables holds."""
        return memoryview(data), self._keep(memoryview(data))

    def _keep(self, data: memoryview) -> int:
        self._bytes.append(data)
        return len(self._bytes) - 1

    @staticmethod
    def _mark(tensor: Any, number: int) -> None:
        for field in (
            "raw_data",
            "float_data",
            "int32_data",
            "int64_data",
            "uint64_data",
            "double_data",
            "string_data",
        ):
            tensor.ClearField(field)
        tensor.ClearField("external_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=f"{MARK}{number}")

    def _outside(self, tensor: Any) -> memoryview:
        entries = _entries(tensor)
        try:
            offset, length = int(entries.get("offset", "0")), entries.get("length")
            content = self._file(entries.get("location", ""), tensor.name)
            size = len(content) - offset if length is None else int(length)
        except ValueError as error:
            raise ValueError(f"it does not say where the constant {tensor.name} lies") from error
        if offset < 0 or size < 0 or offset + size > len(content):
            raise ValueError(f"the constant {tensor.name} lies at byte {offset} to {offset + size} of {len(content)}")
        return _checked(tensor, content[offset : offset + size])

    def _file(self, location: str, name: str) -> memoryview:
        if location not in self._files:
            path = (self._folder / location).resolve()
            if not path.is_relative_to(self._folder):
                raise ModelError(
                    f"its constant {name} lies in {location}, outside the model's folder; allowed: files beside it."
                )
            try:
                with path.open("rb") as file:
                    empty = os.fstat(file.fileno()).st_size == 0
                    content = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except OSError as error:
                raise ModelError(
                    f"its constant {name} lies in {location}: {os.strerror(error.errno or 0).lower()}.",
                    hint=f"Copy {location} to the model's folder.",
                ) from error
            self._files[location] = memoryview(content)
        return self._files[location]


def _tensors(body: Any) -> Iterator[Any]:
    """Every constant of a graph or function, and of the graphs in its nodes."""
    yield from getattr(body, "initializer", ())
    yield from (sparse.values for sparse in getattr(body, "sparse_initializer", ()))
    for node in body.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.HasField("t"):
                yield attribute.t
            for graph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                yield from _tensors(graph)


def _entries(tensor: Any) -> dict[str, str]:
    return {entry.key: entry.value for entry in tensor.external_data}


def _inside(tensor: Any) -> memoryview:
    if tensor.HasField("raw_data"):
        return _checked(tensor, memoryview(tensor.raw_data))
    dtype = DTYPES.get(tensor.data_type, "")
    if dtype == "string":
        return memoryview(b"".join(tensor.string_data))
    field, stored = TYPED.get(dtype, ("int32_data", NARROW.get(max(8, BITS.get(dtype, 8)), "u1")))
    values = np.asarray(getattr(tensor, field))
    return _checked(tensor, memoryview(values.astype(stored).tobytes()))


def _checked(tensor: Any, data: memoryview) -> memoryview:
    bits = BITS.get(DTYPES.get(tensor.data_type, ""))
    wanted = None if bits is None else (math.prod(tensor.dims) * bits + 7) // 8
    if wanted is not None and len(data) != wanted:
        raise ValueError(
            f"the constant {tensor.name} has {len(data)} bytes; its shape {tuple(tensor.dims)} takes {wanted}"
        )
    return data
