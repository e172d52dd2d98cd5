"""Small ONNX models, made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSET = 17
Shape = Sequence[int | str]


def save_graph(
    path: Path,
    nodes: Sequence[Any],
    inputs: Mapping[str, Shape],
    outputs: Mapping[str, Shape],
    constants: Mapping[str, np.ndarray] | None = None,
    *,
    opset: int = OPSET,
    domains: Sequence[str] = (),
    dtypes: Mapping[str, int] | None = None,
) -> Path:
    """Write a graph of operators; inputs and outputs are float32 but for those in `dtypes`."""
    dtypes = dtypes or {}

    def values(border: Mapping[str, Shape]) -> list[Any]:
        return [helper.make_tensor_value_info(name, dtypes.get(name, 1), shape) for name, shape in border.items()]

    initializers = [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()]
    graph = helper.make_graph(list(nodes), "graph", values(inputs), values(outputs), initializers)
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    onnx.save_model(helper.make_model(graph, opset_imports=imports, ir_version=8), str(path))
    return path


def weights(*shape: int, seed: int = 0) -> np.ndarray:
    """Normal random numbers, scaled like a trained layer's."""
    fan_in = int(np.prod(shape[1:])) or 1
    return (np.random.default_rng(seed).normal(size=shape) / np.sqrt(fan_in)).astype(np.float32)


def save_convolutions(path: Path, batch: int | str = 1) -> Path:
    """Convolution, ReLU, convolution, clip to 0..6, sum, mean, dense: `x (1, 3, 12, 12)` to `y (1, 5)`."""
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], "first", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"], "relu"),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], "second", pads=[1, 1, 1, 1]),
        helper.make_node("Clip", ["c2", "zero", "six"], ["r2"], "relu6"),
        helper.make_node("Add", ["r2", "r1"], ["s"], "sum"),
        helper.make_node("GlobalAveragePool", ["s"], ["p"], "pool"),
        helper.make_node("Flatten", ["p"], ["f"], "flatten"),
        helper.make_node("Gemm", ["f", "w3", "b3"], ["y"], "dense", transB=1),
    ]
    constants = {
        "w1": weights(8, 3, 3, 3),
        "b1": weights(8, 1, seed=1).ravel(),
        "w2": weights(8, 8, 3, 3, seed=2),
        "b2": weights(8, 1, seed=3).ravel(),
        "w3": weights(5, 8, seed=4),
        "b3": weights(5, 1, seed=5).ravel(),
        "zero": np.float32(0),
        "six": np.float32(6),
    }
    return save_graph(path, nodes, {"x": [batch, 3, 12, 12]}, {"y": [batch, 5]}, constants)


def save_attention(path: Path, tokens: int = 8, width: int = 32) -> Path:
    """Embedding of `tokens (1, 8)` int64, one head of attention, a dense layer: `scores (1, 8, 4)`."""
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["e"], "embedding"),
        *(helper.make_node("MatMul", ["e", f"w{k}"], [k], f"project_{k}") for k in "qkv"),
        helper.make_node("Transpose", ["k"], ["kt"], "turn", perm=[0, 2, 1]),
        helper.make_node("MatMul", ["q", "kt"], ["qk"], "match"),
        helper.make_node("Softmax", ["qk"], ["a"], "softmax", axis=-1),
        helper.make_node("MatMul", ["a", "v"], ["m"], "mix"),
        helper.make_node("Add", ["m", "e"], ["s"], "residual"),
        helper.make_node("MatMul", ["s", "wo"], ["scores"], "dense"),
    ]
    constants = {
        "table": weights(50, width) * 6,
        **{f"w{k}": weights(width, width, seed=i) for i, k in enumerate("qkv", 1)},
        "wo": weights(width, 4, seed=5),
    }
    inputs, outputs = {"tokens": [1, tokens]}, {"scores": [1, tokens, 4]}
    return save_graph(path, nodes, inputs, outputs, constants, dtypes={"tokens": onnx.TensorProto.INT64})


def save_recurrent(path: Path, kind: str, steps: int = 6, width: int = 16) -> Path:
    """An `LSTM` or a `GRU` over `x (6, 1, 16)`, then a dense layer: `y (1, 3)`."""
    gates = {"LSTM": 4, "GRU": 3}[kind]
    nodes = [
        helper.make_node(kind, ["x", "w", "r"], ["", "h"], "recurrent", hidden_size=width),
        helper.make_node("Squeeze", ["h", "axis"], ["last"], "squeeze"),
        helper.make_node("Gemm", ["last", "wd"], ["y"], "dense"),
    ]
    constants = {
        "w": weights(1, gates * width, width),
        "r": weights(1, gates * width, width, seed=1),
        "wd": weights(width, 3, seed=2),
        "axis": np.array([0], np.int64),
    }
    return save_graph(path, nodes, {"x": [steps, 1, width]}, {"y": [1, 3]}, constants)


def save_two_inputs(path: Path) -> Path:
    """A picture and a vector, two outputs that share a sum: `left (1, 2, 4, 4)`, `right (1, 3)`."""
    nodes = [
        helper.make_node("Flatten", ["left"], ["flat"], "flatten"),
        helper.make_node("Gemm", ["flat", "wl"], ["l"], "from_left"),
        helper.make_node("Gemm", ["right", "wr"], ["r"], "from_right"),
        helper.make_node("Add", ["l", "r"], ["both"], "sum"),
        helper.make_node("Relu", ["both"], ["first"], "relu"),
        helper.make_node("Gemm", ["both", "wo"], ["second"], "dense"),
    ]
    constants = {"wl": weights(32, 6), "wr": weights(3, 6, seed=1), "wo": weights(6, 2, seed=2)}
    outputs = {"first": [1, 6], "second": [1, 2]}
    return save_graph(path, nodes, {"left": [1, 2, 4, 4], "right": [1, 3]}, outputs, constants)


def save_choice(path: Path) -> Path:
    """Of the rows of `table` for `tokens (1, 4)`, a ReLU or what is behind it, by a sub-graph that reads them all."""
    table = weights(40, 8)
    branches = {
        "then_branch": helper.make_node("Gather", ["table", "tokens"], ["a"]),
        "else_branch": helper.make_node("Add", ["product", "rows"], ["b"]),
    }
    graphs = {
        name: helper.make_graph([node], name, [], [helper.make_tensor_value_info(node.output[0], 1, [1, 4, 8])])
        for name, node in branches.items()
    }
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["rows"], "look_up"),
        helper.make_node("MatMul", ["rows", "w"], ["product"], "product"),
        helper.make_node("Relu", ["product"], ["positive"], "relu"),
        helper.make_node("ReduceMax", ["positive"], ["largest"], "largest", keepdims=0),
        helper.make_node("Greater", ["largest", "limit"], ["large"], "large"),
        helper.make_node("If", ["large"], ["chosen"], "choose", **graphs),
        helper.make_node("MatMul", ["chosen", "w"], ["y"], "last"),
    ]
    constants = {"table": table, "w": weights(8, 8, seed=1), "limit": np.float32(0.5)}
    return save_graph(path, nodes, {"tokens": [1, 4]}, {"y": [1, 4, 8]}, constants, dtypes={"tokens": 7})
