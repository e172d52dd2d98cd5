"""edgekit_converters.compile.telling: of a compiler's log, the lines that say what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_converters.compile.telling import complaints, shortened
from edgekit_runtime.errors import LINE_CHARACTERS
from tests import vendor_logs as logs


@pytest.mark.parametrize(
    ("log", "told"),
    [
        (logs.LOOP, "The Loop('/head/op/Loop') will cause the graph to be a dynamic graph! Remove it manually"),
        (logs.RESHAPE, "Non-zero status code returned while running Reshape node. Name:'/head/op/Reshape' Status"),
        (logs.MISMATCH, "Node (/head/op/Add) Op (Add) [ShapeInferenceError] Incompatible dimensions"),
        (logs.OPSET, "Unsupport onnx opset 21, need <= 19"),
        (logs.OLD_TOOLKIT, "Unsupport onnx opset 19, need <= 12"),
        (logs.NO_TENSORFLOW, "'import tensorflow' failed! Please use the following command"),
        (logs.SQRT, 'Meet unsupported operator: Sqrt(name="Sqrt_51")'),
        (logs.TOO_WIDE, "X tile buffer overflow! Failed to config layer: 'Conv:/ReduceSum_2conv', Fatal Error"),
        (logs.COMPARED, "TypeError: '>' not supported between instances of 'numpy.ndarray' and 'str'"),
        (logs.EXP, "Didn't find op for builtin opcode 'EXP' version '2'. An older version"),
        (logs.PREPARE, ":317 scale_diff / output_scale <= 0.02 was not true"),
        (logs.LARGE, "Compilation failed: Compilation failed due to large activation tensors in model"),
        (logs.DYNAMIC, "Attempting to use a delegate that only supports static-sized tensors"),
        (logs.NOT_QUANTIZED, "Model not quantized"),
        (logs.ABORTING, "Internal compiler error. Aborting"),
        (logs.THROWN, "Internal compiler error. Aborting"),
        ("E AssertionError\n", "AssertionError"),
        ("no idea\n", "no idea"),
    ],
)
def test_the_first_line_that_tells_something_comes_first(log: str, told: str) -> None:
    assert complaints(log)[0].startswith(told)


def test_what_is_said_again_below_a_traceback_counts_once() -> None:
    assert len(complaints(logs.LOOP)) == 1


def test_where_in_a_librarys_code_and_where_to_update_is_not_told() -> None:
    assert "input_shape_size == size was false" in complaints(logs.RESHAPE)[0]
    assert "onnxruntime" not in complaints(logs.RESHAPE)[0]
    assert complaints(logs.CUMSUM) == ("Unsupport CPU op: CumSum in this librknnrt.so",)


@pytest.mark.parametrize(
    "log", ["", "\n \n", logs.ONLY_VERSION, "E RKNN: [1:2:3.4] Unkown op target: 0\n", "please try updating"]
)
def test_a_log_of_nothing_but_what_is_always_printed_tells_nothing(log: str) -> None:
    assert complaints(log) == ()


@given(st.text())
def test_a_line_is_as_short_as_messages_are(text: str) -> None:
    assert len(shortened(text)) <= LINE_CHARACTERS
