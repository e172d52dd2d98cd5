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

import numpy as np
import onnx

from edgekit_runtime.child import Child, Payload, UnexpectedError, serve
from edgekit_runtime.errors import EdgekitError, ModelError, first_line
from edgekit_targets.graph.onnx_branches import lay_flat, settle, tell

TIMEOUT_S = 60.0
MEMORY_LIMIT_BYTES = 4 << 30
MOST_ROUNDS = 16  # a length may follow from values that follow from lengths, and so on
MOST_VALUES = 1024
# What exporters compute lengths with.
OF_LENGTHS = {
    *("Add", "Cast", "Ceil", "Concat", "Constant", "ConstantOfShape", "Div", "Equal", "Expand", "Floor", "Gather"),
    *("Identity", "Max", "Min", "Mod", "Mul", "Neg", "Not", "Range", "ReduceProd", "Reshape", "Shape", "Size", "Slice"),
    *("Split", "Sqrt", "Squeeze", "Sub", "Transpose", "Unsqueeze", "Where"),
}
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


def names_read(graph: Any) -> set[str]:
    """The tensors that something reads, be it an operator of this graph, one of a graph within it, or an output."""
    inner = (attribute.g for node in graph.node for attribute in node.attribute if attribute.HasField("g"))
    own = {name for node in graph.node for name in node.input} | {given.name for given in graph.output}
    return own.union(*map(names_read, inner))


def _complete(graph: Any) -> bool:
    """Whether the file tells the shape of all that something reads, and every length is a number."""
    return _all_told(graph, names_read(graph))


def _all_told(graph: Any, read: set[str]) -> bool:
    told = {info.name: info.type for info in (*graph.value_info, *graph.output)}
    return all(_is_numeric(told.get(name)) for node in graph.node for name in node.output if name in read) and all(
        _all_told(attribute.g, read) for node in graph.node for attribute in node.attribute if attribute.HasField("g")
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
    """The model with the shapes that follow, those that depend on values computed from other shapes included."""
    shaped = _infer_once(model)
    flat, choices = lay_flat(shaped)
    working = onnx.ModelProto()
    working.CopyFrom(flat)
    for _ in range(MOST_ROUNDS):
        values = {} if _complete(working.graph) else _compute(working)
        changed = _with_values(working, values)
        left = settle(changed, choices, _small_constants(changed))
        if not values and left == choices:
            break
        working, choices = _infer_once(changed), left
    found = {info.name: info for info in working.graph.value_info}
    told = {info.name: info for info in shaped.graph.value_info}
    tell(shaped.graph, found)
    for output, followed in zip(shaped.graph.output, working.graph.output, strict=True):
        output.CopyFrom(followed)
    del shaped.graph.value_info[:]
    shaped.graph.value_info.extend((told | found).values())
    return shaped


def _small_constants(model: Any) -> dict[str, np.ndarray]:
    inside = (tensor for tensor in model.graph.initializer if tensor.data_location != onnx.TensorProto.EXTERNAL)
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in inside}


def _infer_once(model: Any) -> Any:
    from onnx.shape_inference import infer_shapes

    try:
        return infer_shapes(model, strict_mode=False, data_prop=True)
    except Exception as error:  # onnx's own kinds have no common base
        raise ModelError(f"onnx cannot tell them: {first_line(error)}") from error


def _compute(model: Any) -> dict[str, np.ndarray]:
    """The values that follow from shapes: exporters compute with lengths, which onnx follows only so far."""
    shapes = {info.name: info.type for info in (*model.graph.value_info, *model.graph.input, *model.graph.output)}
    known = _small_constants(model)
    found: dict[str, np.ndarray] = {}
    for node in model.graph.node:
        if node.op_type == "Shape" and not node.attribute and _is_numeric(shapes.get(node.input[0])):
            dims = shapes[node.input[0]].tensor_type.shape.dim
            values = [np.array([dim.dim_value for dim in dims], np.int64)]
        elif node.op_type in OF_LENGTHS and all(name in known for name in node.input) and not _is_large(node, known):
            values = _evaluate(model, node, known)
        else:
            continue
        new = {name: value for name, value in zip(node.output, values, strict=False) if value.size <= MOST_VALUES}
        known |= new
        found |= new
    return found


def _is_large(node: Any, known: dict[str, np.ndarray]) -> bool:
    """Whether it makes more values than any shape has, such as weights of one value."""
    shape = {"ConstantOfShape": 0, "Expand": 1}.get(node.op_type)
    return shape is not None and float(np.prod(known[node.input[shape]], dtype=np.float64)) > MOST_VALUES


def _evaluate(model: Any, node: Any, known: dict[str, np.ndarray]) -> list[np.ndarray]:
    from onnx.reference import ReferenceEvaluator

    inputs = {name: known[name] for name in node.input if name}
    told = [onnx.helper.make_tensor_value_info(name, 0, None) for name in (*inputs, *node.output)]
    graph = onnx.helper.make_graph([node], "one", told[: len(inputs)], told[len(inputs) :])
    try:
        alone = onnx.helper.make_model(graph, opset_imports=model.opset_import)
        return [np.asarray(value) for value in ReferenceEvaluator(alone).run(None, inputs)]
    except Exception:  # noqa: BLE001  # whatever is wrong with it, its value is not known then
        return []


def _with_values(model: Any, values: dict[str, np.ndarray]) -> Any:
    """The model with constants in place of the operators that compute them."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    changed.ir_version = max(4, model.ir_version)  # before, only what is an input as well counts as a constant
    kept = [node for node in model.graph.node if not (node.output and all(name in values for name in node.output))]
    del changed.graph.node[:]
    changed.graph.node.extend(kept)
    made = {name for node in kept for name in node.output}
    for name, value in values.items():
        if name not in made:
            tensor = onnx.numpy_helper.from_array(value, name)
            changed.graph.initializer.append(tensor)
            changed.graph.value_info.append(onnx.helper.make_tensor_value_info(name, tensor.data_type, value.shape))
    return changed


def _set(dims: Any, sizes: list[int]) -> None:
    for dim, size in zip(dims, sizes, strict=False):
        if size >= 0:
            dim.dim_value = size


def _write(folder: str, name: str, model: Any) -> None:
    Path(folder, name).write_bytes(model.SerializeToString())


if __name__ == "__main__":
    serve({"infer": lambda payload, _: _infer(payload)})
