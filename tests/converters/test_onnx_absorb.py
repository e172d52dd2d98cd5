"""edgekit_converters.onnx.quantize.absorb: which ReLUs and clips a quantized range replaces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from edgekit_converters.onnx.quantize.absorb import absorb_clips
from tests.onnx_models import save_convolutions, save_graph, weights


def absorbed(path: Path) -> tuple[tuple[str, ...], list[str]]:
    model = onnx.load_model(str(path))
    gone = absorb_clips(model)
    onnx.checker.check_model(model)
    return gone, [node.op_type for node in model.graph.node]


def save_clip(path: Path, low: float, high: float, writer: str = "MatMul") -> Path:
    nodes = [helper.make_node(writer, ["x", "w"], ["a"]), helper.make_node("Clip", ["a", "low", "high"], ["y"])]
    constants = {"w": weights(4, 4), "low": np.float32(low), "high": np.float32(high)}
    return save_graph(path, nodes, {"x": [4, 4]}, {"y": [4, 4]}, constants)


def test_activations_behind_convolutions_go_and_the_rest_stays(tmp_path):
    gone, kinds = absorbed(save_convolutions(tmp_path / "model.onnx"))
    assert gone == ("c1", "c2")
    assert kinds == ["Conv", "Conv", "Add", "GlobalAveragePool", "Flatten", "Gemm"]


@pytest.mark.parametrize(("low", "high", "goes"), [(0, 6, True), (-1, 1, True), (1, 6, False), (-3, -1, False)])
def test_a_clip_goes_where_zero_lies_within_it(tmp_path, low, high, goes):
    assert absorbed(save_clip(tmp_path / "model.onnx", low, high))[1] == ["MatMul"] + ["Clip"] * (not goes)


def test_a_clip_stays_behind_what_is_not_quantized_in_any_case(tmp_path):
    assert absorbed(save_clip(tmp_path / "model.onnx", 0, 6, writer="Div"))[1] == ["Div", "Clip"]


def test_what_others_read_before_the_clip_stays(tmp_path):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["y"]),
    ]
    path = save_graph(tmp_path / "model.onnx", nodes, {"x": [4, 4]}, {"y": [4, 4]}, {"w": weights(4, 4)})
    assert absorbed(path) == ((), ["MatMul", "Relu", "Add"])


def test_bounds_that_are_known_only_in_a_run_keep_the_clip(tmp_path):
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Clip", ["a", "low"], ["y"])]
    path = save_graph(tmp_path / "model.onnx", nodes, {"x": [4, 4], "low": []}, {"y": [4, 4]}, {"w": weights(4, 4)})
    assert absorbed(path)[1] == ["MatMul", "Clip"]
