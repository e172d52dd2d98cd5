"""Store weights in fewer bits, and compute with them in float32."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgekit_converters.onnx.walk import graphs, read_inside

FEWEST = 64  # values; scales and the like are not worth an operator of their own
LARGEST_STEP = 127  # of int8, on both sides of 0
RESTORE = "DequantizeLinear"
LARGEST_HALF = float(np.finfo(np.float16).max)
# Where an operator has its weights, and which of their axes has a scale for each of its places.
RECURRENT = ((1, 1), (2, 1))
WEIGHTS: Mapping[str, tuple[tuple[int, int], ...]] = {
    "Conv": ((1, 0),),
    "ConvTranspose": ((1, 1),),
    "MatMul": ((1, -1),),
    "LSTM": RECURRENT,
    "GRU": RECURRENT,
    "RNN": RECURRENT,
}


def store_half(model: Any) -> tuple[str, ...]:
    """Store weights as float16, and cast them to float32 where they are read; onnxruntime does so once, at load.

    Args:
        model: A `ModelProto`, which is changed.

    Returns:
        The weights that stay float32, since float16 does not hold their values.
    """
    kept = []
    for graph in graphs(model.graph):
        casts = []
        for place, tensor in enumerate(graph.initializer):
            if not _is_weight(tensor):
                continue
            values = numpy_helper.to_array(tensor)
            if np.abs(values[np.isfinite(values)]).max(initial=0.0) > LARGEST_HALF:
                kept.append(tensor.name)
                continue
            name = tensor.name
            graph.initializer[place].CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_float16"))
            casts.append(
                helper.make_node("Cast", [f"{name}_float16"], [name], f"{name}_cast", to=onnx.TensorProto.FLOAT)
            )
        _put_first(graph, casts)
    return tuple(kept)


def store_int8(model: Any, kinds: Collection[str] | None = None) -> None:
    """Store weights as int8, with a scale per channel, and restore them where they are read.

    Those of convolutions, products and recurrent layers; of an embedding, the rows that were looked up are
    restored, with a scale per column, and not the whole table at each inference.

    Args:
        model: A `ModelProto`, which is changed.
        kinds: The types of operators whose weights are stored so; `None` for all.
    """
    for graph in graphs(model.graph):
        constants = {tensor.name: tensor for tensor in graph.initializer if _is_weight(tensor)}
        restored = []
        for name, axis in _weight_axes(graph, kinds).items():
            if name in constants:
                parts = _round(graph, constants[name], axis)
                restored.append(helper.make_node(RESTORE, parts, [name], f"{name}_restore", axis=axis))
        _put_first(graph, restored)
        if kinds is None or "Gather" in kinds:
            _store_tables(graph, constants)


def _is_weight(tensor: Any) -> bool:
    return bool(tensor.data_type == onnx.TensorProto.FLOAT and np.prod(tensor.dims) >= FEWEST and len(tensor.dims) > 1)


def _weight_axes(graph: Any, kinds: Collection[str] | None) -> dict[str, int]:
    """The channel axis of each weight; what is read in two ways is left out."""
    found: dict[str, set[int | None]] = {}
    ranks = {tensor.name: len(tensor.dims) for tensor in graph.initializer}
    for node in graph.node:
        places = dict(_places(node)) if kinds is None or node.op_type in kinds else {}
        for place, name in enumerate(node.input):
            axis = places.get(place)
            found.setdefault(name, set()).add(None if axis is None else axis % max(ranks.get(name, 1), 1))
    return {name: axis for name, axes in found.items() for axis in axes if len(axes) == 1 and axis is not None}


def _places(node: Any) -> tuple[tuple[int, int], ...]:
    if node.op_type == "Gemm":
        turned = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
        return ((1, 0 if turned else 1),)
    return WEIGHTS.get(node.op_type, ())


def _store_tables(graph: Any, constants: Mapping[str, Any]) -> None:
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in set(node.input):
            readers.setdefault(name, []).append(node)
    inside = read_inside(graph)
    for name, tensor in constants.items():
        nodes = readers.get(name, [])
        if name in inside or len(tensor.dims) != 2 or not nodes or not all(_looks_up(node, name) for node in nodes):
            continue
        steps, scale, zero = _round(graph, tensor, 1)
        for node in nodes:
            node.input[0] = steps
            output, node.output[0] = node.output[0], f"{node.output[0]}_int8"
            place = list(graph.node).index(node) + 1
            restore = helper.make_node(RESTORE, [node.output[0], scale, zero], [output], f"{output}_restore", axis=-1)
            graph.node.insert(place, restore)


def _looks_up(node: Any, table: str) -> bool:
    """Whether an operator takes rows of a table, and nothing else."""
    axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
    return bool(node.op_type == "Gather" and axis == 0 and node.input[0] == table and node.input[1] != table)


def _round(graph: Any, tensor: Any, axis: int) -> list[str]:
    """Put int8 steps, scales and zero points in a weight's place; gives their names."""
    values, name = numpy_helper.to_array(tensor), tensor.name
    others = tuple(k for k in range(values.ndim) if k != axis)
    scale = np.abs(values).max(axis=others, keepdims=True) / np.float32(LARGEST_STEP)
    scale = np.where(scale > 0, scale, np.float32(1)).astype(np.float32)
    parts = {
        f"{name}_int8": np.rint(values / scale).astype(np.int8),
        f"{name}_scale": scale.ravel(),
        f"{name}_zero": np.zeros(scale.size, np.int8),
    }
    graph.initializer.remove(tensor)
    graph.initializer.extend(numpy_helper.from_array(part, key) for key, part in parts.items())
    return list(parts)


def _put_first(graph: Any, nodes: list[Any]) -> None:
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *rest])
