"""edgekit_targets.graph.onnx_shapes: the shapes of .onnx files, as far as they can be found without running them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from edgekit_runtime.errors import ModelError
from edgekit_targets.graph import onnx_shapes
from edgekit_targets.graph.onnx import read_onnx
from edgekit_targets.graph.summary import summarize
from tests.graphs import tensor_named
from tests.onnx_models import save_convolutions, save_graph, weights


def test_an_open_batch_counts_as_one_sample_and_stays_free(tmp_path):
    fixed = read_onnx(save_convolutions(tmp_path / "one.onnx"))
    free = read_onnx(save_convolutions(tmp_path / "any.onnx", batch="batch"))
    assert tensor_named(free, "c1").shape == tensor_named(fixed, "c1").shape
    assert tensor_named(free, "c1").free_axes == (0,)
    assert tensor_named(free, "x").spec.shape == (-1, 3, 12, 12)
    assert summarize(free).macs == summarize(fixed).macs


def test_shapes_can_be_given_for_open_axes_alone(tmp_path):
    path = save_convolutions(tmp_path / "any.onnx", batch="batch")
    assert tensor_named(read_onnx(path, {"x": (4, 3, 12, 12)}), "c1").shape == (4, 8, 12, 12)
    for shape in ((4, 3, 12, 13), (4, 3, 12)):
        with pytest.raises(ModelError, match=r"no input takes the shape x=.*x is \(-1, 3, 12, 12\)"):
            read_onnx(path, {"x": shape})


def test_lengths_of_one_name_are_one_length(tmp_path):
    node = helper.make_node("Add", ["x", "state"], ["y"])
    path = save_graph(tmp_path / "two.onnx", [node], {"x": ("n", 4), "state": (2, "n", 4)}, {"y": (2, "n", 4)})
    assert tensor_named(read_onnx(path), "state").shape == (2, 1, 4)
    assert tensor_named(read_onnx(path, {"x": (3, 4)}), "y").shape == (2, 3, 4)


def test_shapes_that_cannot_be_found_stay_unknown_and_the_reason_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_shapes, "TIMEOUT_S", 0.0)
    graph = read_onnx(save_convolutions(tmp_path / "m.onnx"))
    assert "only the shapes that the file tells are known" in graph.notes[0]
    assert tensor_named(graph, "c1").shape == (-1,)
    summary = summarize(graph)
    assert summary.not_counted == ("Conv", "Gemm")
    assert "leaves a shape open" in next(row.macs.reason for row in summary.operators if row.name == "Conv")


def test_lengths_that_are_computed_from_shapes_are_found(tmp_path):
    """What exporters make of `x.view(x.size(0), -1, 2)`: onnx follows values through some operators only."""
    nodes = [
        helper.make_node("Shape", ["x"], ["lengths"]),
        helper.make_node("Gather", ["lengths", "zero"], ["batch"], axis=0),
        helper.make_node("Unsqueeze", ["batch"], ["first"], axes=[0]),
        helper.make_node("Concat", ["first", "rest"], ["shape"], axis=0),
        helper.make_node("Reshape", ["x", "shape"], ["pairs"]),
        helper.make_node("ReduceProd", ["shape"], ["all"], keepdims=1),
        helper.make_node("ConstantOfShape", ["all"], ["zeros"]),
        helper.make_node("Relu", ["pairs"], ["y"]),
        helper.make_node("Relu", ["zeros"], ["z"]),
    ]
    constants = {"zero": np.int64(0), "rest": np.array([6, 2])}
    path = save_graph(tmp_path / "v.onnx", nodes, {"x": ("n", 12)}, {"y": (1, 6, 2), "z": (12,)}, constants, opset=9)
    graph = read_onnx(path)
    assert [tensor_named(graph, name).shape for name in ("pairs", "zeros")] == [(1, 6, 2), (12,)]
    assert [operator.name for operator in graph.main.operators][:2] == ["Shape", "Gather"]  # all are still there


def test_contradicting_shapes_are_no_reason_to_refuse(tmp_path):
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = read_onnx(save_graph(tmp_path / "m.onnx", [node], {"x": (1, 5)}, {"y": (1, 3)}, {"w": weights(4, 3)}))
    assert [operator.name for operator in graph.main.operators] == ["MatMul"]


def test_a_shape_that_is_asked_for_is_the_inputs_and_of_all_of_its_lengths_names(tmp_path: Path) -> None:
    add = helper.make_node("Add", ["a", "b"], ["y"])
    path = save_graph(
        tmp_path / "m.onnx", [add], {"a": ("batch", "length"), "b": ("batch", 1)}, {"y": ("batch", "length")}
    )
    main = read_onnx(path, {"a": (2, 7)}).main
    assert [tensor.spec.shape for tensor in main.tensors_of((*main.inputs, *main.outputs))] == [(2, 7), (2, 1), (2, 7)]


def test_pads_that_an_exporter_turns_round_are_followed(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Reshape", ["pads", "pairs"], ["rows"]),
        helper.make_node("Transpose", ["rows"], ["columns"], perm=[1, 0]),
        helper.make_node("Reshape", ["columns", "flat"], ["both"]),
        helper.make_node("Pad", ["x", "both"], ["padded"]),
        helper.make_node("Relu", ["padded"], ["y"]),
    ]
    constants = {"pads": np.array([0, 0, 1, 2]), "pairs": np.array([2, 2]), "flat": np.array([-1])}
    path = save_graph(tmp_path / "m.onnx", nodes, {"x": (1, 4)}, {"y": ("one", "other")}, constants)
    assert tensor_named(read_onnx(path), "padded").shape == (1, 7)


def open_branch(name: str, *nodes: Any, output: str) -> Any:
    """A branch of an `If`, which does not tell its shapes."""
    return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)])


def save_nested_choice(path: Path, condition: Sequence[Any]) -> Path:
    """An `If` between a column more and two less, within one that always runs it, and a product behind them."""
    more = open_branch("more", helper.make_node("Concat", ["x", "one"], ["longer"], axis=1), output="longer")
    less = open_branch("less", helper.make_node("Slice", ["x", "begin", "end", "axis"], ["shorter"]), output="shorter")
    inner = helper.make_node("If", ["flag"], ["chosen"], then_branch=more, else_branch=less)
    copied = open_branch("copied", helper.make_node("Identity", ["x"], ["same"]), output="same")
    outer = helper.make_node(
        "If", ["always"], ["y"], then_branch=open_branch("then", inner, output="chosen"), else_branch=copied
    )
    product = helper.make_node("MatMul", ["column", "y"], ["z"])
    constants = {
        "one": np.ones((1, 1), np.float32),
        "column": np.ones((3, 1), np.float32),
        "begin": np.array([2]),
        "end": np.array([9]),
        "axis": np.array([1]),
        "always": np.array(True),
        "four": np.array(4),
        "place": np.array(1),
    }
    return save_graph(path, [*condition, outer, product], {"x": (1, "length")}, {"z": ("a", "b")}, constants)


def test_shapes_are_followed_through_the_branch_that_a_length_chooses(tmp_path: Path) -> None:
    condition = (
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "place"], ["length"]),
        helper.make_node("Equal", ["length", "four"], ["flag"]),
    )
    path = save_nested_choice(tmp_path / "m.onnx", condition)
    for length, width in ((4, 5), (6, 4)):
        graph = read_onnx(path, {"x": (1, length)})
        assert tensor_named(graph, "z").shape == (3, width)
        assert summarize(graph).macs.value == 3 * width


def test_a_branch_that_values_choose_is_left_open(tmp_path: Path) -> None:
    condition = (
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Cast", ["sum"], ["flag"], to=TensorProto.BOOL),
    )
    graph = read_onnx(save_nested_choice(tmp_path / "m.onnx", condition), {"x": (1, 4)})
    assert -1 in tensor_named(graph, "z").shape
    inner = {tensor.name: tensor.shape for part in graph.subgraphs for tensor in part.tensors}
    assert (inner["longer"], inner["shorter"]) == ((1, 5), (1, 2))


def test_a_recurrent_model_of_branches_has_all_its_figures(assets: Path) -> None:
    shapes = {"input": (1, 576), "state": (2, 1, 128)}
    summary = summarize(read_onnx(assets / "silero-vad/silero_vad_16k_op15.onnx", shapes))
    assert (summary.macs.value, summary.not_counted, summary.dynamic_tensors) == (679_552, ("If",), 0)
    assert summary.peak.size.value is not None
