"""Bring a float `.onnx` file into the form that is quantized: constants folded, normalization in the weights."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgekit_converters.onnx.read import read_model
from edgekit_converters.onnx.sessions import open_session
from edgekit_converters.onnx.shapes import drop_constant_inputs
from edgekit_converters.onnx.upgrade import MODERN_OPSET, upgrade
from edgekit_converters.onnx.walk import graphs, nodes, opset_of, read_inside
from edgekit_runtime.errors import ModelError
from edgekit_runtime.onnx import reason

CLOSE = 1e-4  # of an output's largest value: folded weights are rounded once more
GROWTH = 4  # times the size, at most, that a file has when its constants are folded
# It makes one operator of a product and a sum, which the quantizers of weights alone do not know.
SUM_FUSION = "MatMulAddFusion"


def prepare(path: Path, samples: Sequence[tuple[np.ndarray, ...]], *, fuse_sums: bool) -> tuple[Any, tuple[str, ...]]:
    """Read a float file and make it ready; what folding would change is left as it was.

    Args:
        path: The file, with static shapes.
        samples: For each a tuple of one array per input, by which folded and unfolded are held equal.
        fuse_sums: Whether a product and a sum become one operator.

    Returns:
        A `ModelProto` with inferred shapes and a name for every operator, and what was done, for the trail.

    Raises:
        ModelError: onnxruntime refuses the file.
    """
    model, notes = read_model(path), []
    drop_constant_inputs(model)
    if opset_of(model) < MODERN_OPSET:
        notes.append(f"rewritten from opset {opset_of(model)} to {MODERN_OPSET}")
        model = upgrade(path, model)
    folded = _fold(path, model, fuse_sums)
    if folded.ByteSize() > GROWTH * model.ByteSize():
        notes.append("constants not folded, since the file computes its weights and would grow")
    elif _equal(path, model, folded, samples):
        model = folded
    else:
        notes.append("constants not folded, since that changed the outputs")
    _name_nodes(model)
    _flatten_biases(model)
    return infer(model), tuple(notes)


def infer(model: Any) -> Any:
    """The model with the shapes and types of its inner tensors, as far as onnx can tell them.

    Those of constants are told by themselves; what is written of them beside would contradict a
    quantizer that turns a matrix of weights.
    """
    with contextlib.suppress(Exception):  # what onnx cannot infer, onnxruntime may run all the same
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    for graph in graphs(model.graph):
        constants = {initializer.name for initializer in graph.initializer}
        kept = [value for value in graph.value_info if value.name not in constants]
        del graph.value_info[:]
        graph.value_info.extend(kept)
    return model


def _fold(path: Path, model: Any, fuse_sums: bool) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "folded.onnx"
        open_session(path, model, level="basic", written_to=written, disabled=() if fuse_sums else (SUM_FUSION,))
        folded = onnx.load_model(str(written))
    used = {node.domain for node in nodes(folded)} | {function.domain for function in folded.functions}
    for entry in list(folded.opset_import):
        if entry.domain and entry.domain not in used:
            folded.opset_import.remove(entry)  # onnxruntime lists every domain that it knows
    return folded


def _equal(path: Path, model: Any, folded: Any, samples: Sequence[tuple[np.ndarray, ...]]) -> bool:
    sessions = [open_session(path, one, level="none") for one in (model, folded)]
    names = [value.name for value in model.graph.input]
    for values in samples:
        feeds = dict(zip(names, values, strict=True))
        try:
            before, after = (session.run(None, feeds) for session in sessions)
        except Exception as error:  # onnxruntime's own kinds have no common base
            raise ModelError(f"{path}: onnxruntime cannot run it: {reason(error)}") from error
        if not all(_close(*pair) for pair in zip(before, after, strict=True)):
            return False
    return True


def _close(before: np.ndarray, after: np.ndarray) -> bool:
    if before.dtype.kind != "f":
        return np.array_equal(before, after)
    scale = float(np.abs(before).max(initial=0.0))
    return np.allclose(before, after, rtol=0, atol=CLOSE * scale, equal_nan=True)


def _flatten_biases(model: Any) -> None:
    """Give each bias of a `Gemm` one axis, or a sum of its own, and no factor: the quantizer knows no other."""
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in list(graph.node):
        if node.op_type != "Gemm" or len(node.input) < 3 or node.input[2] not in constants:
            continue
        bias = numpy_helper.to_array(constants[node.input[2]]) * _take_beta(node)
        node.input[2] = f"{node.input[2]}_of_{node.name}"
        if bias.size > 1 and bias.size == bias.shape[-1]:
            graph.initializer.append(numpy_helper.from_array(bias.ravel(), node.input[2]))
        else:
            _split_sum(graph, node, bias)
    _drop_unread(model)


def _take_beta(node: Any) -> np.float32:
    beta = next((attribute for attribute in node.attribute if attribute.name == "beta"), None)
    if beta is None:
        return np.float32(1)
    node.attribute.remove(beta)
    return np.float32(beta.f)


def _split_sum(graph: Any, node: Any, bias: np.ndarray) -> None:
    name, output = node.input.pop(), node.output[0]
    graph.initializer.append(numpy_helper.from_array(bias, name))
    node.output[0] = f"{output}_product"
    add = helper.make_node("Add", [node.output[0], name], [output], f"{node.name}_sum")
    graph.node.insert(list(graph.node).index(node) + 1, add)


def _drop_unread(model: Any) -> None:
    graph = model.graph
    used = {name for node in graph.node for name in node.input} | read_inside(graph)
    used |= {value.name for value in graph.output}
    for tensor in list(graph.initializer):
        if tensor.name not in used:
            graph.initializer.remove(tensor)


def _name_nodes(model: Any) -> None:
    """Give each operator a name of its own: onnxruntime's quantizer goes by them."""
    taken: set[str] = set()
    for graph in graphs(model.graph):
        for place, node in enumerate(graph.node):
            name = node.name or f"{node.op_type}_{place}"
            while name in taken:
                name += "_"
            taken.add(name)
            node.name = name
