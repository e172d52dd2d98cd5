"""edgekit_converters.onnx.sessions and what edgekit_runtime.onnx tells of onnxruntime's errors."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import helper

from edgekit_converters.onnx.sessions import open_session
from edgekit_runtime.errors import ModelError
from edgekit_runtime.onnx import reason
from tests.onnx_models import save_convolutions, save_graph

FAILED = "[ONNXRuntimeError] : 1 : FAIL :"
RUNNING = f"{FAILED} Non-zero status code returned while running PRelu node. Name:'slope' Status Message:"
SOURCE = "/onnxruntime_src/onnxruntime/core/providers/cpu/some_ops.h:563 void onnxruntime::Some::Init(long, long)"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            f"{RUNNING} {SOURCE} the axes (3 and 4) differ\n",
            "PRelu slope: the axes (3 and 4) differ",
        ),
        (
            f"{FAILED} Exception during initialization: {SOURCE}::<lambda()> No locale en_US",
            "Exception during initialization: No locale en_US",
        ),
        (
            "[ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : Could not find an implementation for Mul(6)",
            "Could not find an implementation for Mul(6)",
        ),
        ("something else", "something else"),
        ("", "it does not say why"),
    ],
)
def test_errors_keep_what_says_something(text: str, told: str) -> None:
    assert reason(RuntimeError(text)) == told


def test_a_model_that_onnxruntime_refuses_is_named(tmp_path: Path) -> None:
    path = save_graph(
        tmp_path / "m.onnx", [helper.make_node("Mul", ["x", "x"], ["y"])], {"x": [2]}, {"y": [2]}, opset=6
    )
    with pytest.raises(ModelError, match=r"m\.onnx: onnxruntime refuses it: Could not find an implementation for Mul"):
        open_session(path, onnx.load_model(str(path)))


def test_the_graph_as_it_is_run_can_be_looked_at(tmp_path: Path) -> None:
    path = save_convolutions(tmp_path / "m.onnx")
    open_session(path, onnx.load_model(str(path)), written_to=tmp_path / "run.onnx")
    kinds = {node.op_type for node in onnx.load_model(str(tmp_path / "run.onnx")).graph.node}
    assert not {"Relu", "Clip"} & kinds
