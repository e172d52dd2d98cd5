"""The shapes between the operators of an ONNX model, found by onnx in a process of its own.

What it runs on untrusted files is compiled code, which can crash and, since it computes the values of shapes,
run long. Run as a program, this module is that process.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from edgekit_runtime.child import Child, Payload, UnexpectedError, serve
from edgekit_runtime.errors import EdgekitError, ModelError, first_line

TIMEOUT_S = 60.0
MEMORY_LIMIT_BYTES = 4 << 30
MODEL, SYMBOLIC, NUMERIC = "model.onnx", "symbolic.onnx", "numeric.onnx"


@dataclass(frozen=True)
class Shaped:
    """A model's tables with the shapes that were found.

    Attributes:
        symbolic: With the lengths that the file leaves open left open.
        numeric: The same tables with those of the inputs set; the same object where none are open.
        fault: Why shapes were not looked for; empty otherwise.
    """

    symbolic: Any
    numeric: Any
    fault: str = ""


def find_shapes(model: Any, shapes: Mapping[str, tuple[int, ...]]) -> Shaped:
    """Find the shapes of all tensors, and put functions in place of their calls.

    Args:
        model: The tables, large constants set apart.
        shapes: Of the inputs that are open, what to count with; -1 stays open.
    """
    if not shapes and not model.functions and _complete(model.graph):
        return Shaped(model, model)
    with tempfile.TemporaryDirectory(prefix="edgekit-shapes-") as folder:
        Path(folder, MODEL).write_bytes(model.SerializeToString())
        try:
            with Child(
                [sys.executable, "-m", "edgekit_targets.graph.onnx_shapes"],
                stage="finding the shapes",
                memory_limit_bytes=MEMORY_LIMIT_BYTES,
            ) as child:
                child.call("infer", {"folder": folder, "shapes": shapes}, timeout_s=TIMEOUT_S)
        except (EdgekitError, UnexpectedError) as error:
            return Shaped(model, model, first_line(error).rstrip("."))
        symbolic = _read(folder, SYMBOLIC)
        return Shaped(symbolic, _read(folder, NUMERIC) if shapes else symbolic)


def _complete(graph: Any) -> bool:
    """Whether the file tells every shape, and every length is a number."""
    told = {info.name: info.type for info in (*graph.value_info, *graph.output)}
    return all(_is_numeric(told.get(name)) for node in graph.node for name in node.output if name) and all(
        _complete(attribute.g) for node in graph.node for attribute in node.attribute if attribute.HasField("g")
    )


def _is_numeric(kind: Any) -> bool:
    if kind is None or not kind.tensor_type.HasField("shape"):
        return False
    return all(dim.HasField("dim_value") for dim in kind.tensor_type.shape.dim)


def _read(folder: str, name: str) -> Any:
    model = onnx.ModelProto()
    model.ParseFromString(Path(folder, name).read_bytes())
    return model


def _infer(payload: Payload) -> Payload:
    folder, model = payload["folder"], _read(payload["folder"], MODEL)
    if model.functions:
        from onnx.inliner import inline_local_functions

        model = inline_local_functions(model)
    _write(folder, SYMBOLIC, _inferred(model))
    if payload["shapes"]:
        for given in model.graph.input:
            _set(given.type.tensor_type.shape.dim, payload["shapes"].get(given.name, ()))
        _write(folder, NUMERIC, _inferred(model))
    return {}


def _inferred(model: Any) -> Any:
    from onnx.shape_inference import infer_shapes

    try:
        return infer_shapes(model, strict_mode=False, data_prop=True)
    except Exception as error:  # onnx's own kinds have no common base
        raise ModelError(f"onnx cannot tell them: {first_line(error)}") from error


def _set(dims: Any, sizes: list[int]) -> None:
    for dim, size in zip(dims, sizes, strict=False):
        if size >= 0:
            dim.dim_value = size


def _write(folder: str, name: str, model: Any) -> None:
    Path(folder, name).write_bytes(model.SerializeToString())


if __name__ == "__main__":
    serve({"infer": lambda payload, _: _infer(payload)})
