"""edgekit_converters.onnx.sessions and what edgekit_runtime.onnx tells of onnxruntime's errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from edgekit_converters.onnx.sessions import open_session
from edgekit_runtime.errors import ModelError
from edgekit_runtime.onnx import OnnxInterpreter, reason
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


def test_products_of_large_integers_are_exact_on_any_processor(tmp_path: Path) -> None:
    """Processors without VNNI instructions would give 1,048,544 for 2,072,640."""
    weights, x = np.full((64, 8), 127, np.int8), np.full((1, 64), 255, np.uint8)
    node = helper.make_node("MatMulInteger", ["x", "w"], ["y"])
    graph = helper.make_graph(
        [node],
        "products",
        [helper.make_tensor_value_info("x", onnx.TensorProto.UINT8, [1, 64])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.INT32, [1, 8])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "m.onnx")
    expected = x.astype(np.int64) @ weights.astype(np.int64)
    (served,) = open_session(tmp_path / "m.onnx", model).run(None, {"x": x})
    interpreter = OnnxInterpreter(str(tmp_path / "m.onnx"))
    interpreter.set_input(0, x)
    interpreter.invoke()
    run = interpreter.output(0)
    assert (served == expected).all()
    assert (run == expected).all()
