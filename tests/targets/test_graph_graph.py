"""edgekit_targets.graph.graph: types that refuse what points nowhere."""

from __future__ import annotations

import pytest

from edgekit_runtime.tensor import Quantization, TensorSpec
from edgekit_targets.graph.graph import Graph, Operator, Subgraph, Tensor

X = Tensor("x", (1, 4), "float32")


@pytest.mark.parametrize(
    ("shape", "dtype", "size_bytes"),
    [
        ((2, 3), "float32", 24),
        ((), "float64", 8),
        ((3,), "int4", 2),
        ((5,), "int2", 2),
        ((0, 7), "int8", 0),
        ((2,), "string", None),
        ((-1, 2), "int8", None),
    ],
)
def test_a_tensor_knows_what_it_takes(shape, dtype, size_bytes):
    assert Tensor("t", shape, dtype).size_bytes == size_bytes


def test_at_the_border_free_axes_are_minus_one():
    quantization = Quantization((0.5,), (3,))
    tensor = Tensor("x", (1, 4), "int8", free_axes=(0,), quantization=quantization)
    assert tensor.spec == TensorSpec("x", (-1, 4), "int8", quantization)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"shape": (1, -2)}, "allowed: lengths of 0 and more, or -1"),
        ({"shape": (1 << 30, 1 << 30)}, "more than any memory holds"),
        ({"shape": (1,), "free_axes": (1,)}, "lets choose"),
        ({"shape": (1,), "data": memoryview(b"abcd")}, "both or neither"),
    ],
)
def test_a_tensor_that_contradicts_itself_is_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        Tensor("t", dtype="float32", **fields)


@pytest.mark.parametrize(
    ("inputs", "outputs", "operators", "words"),
    [
        ((1,), (0,), (), "the inputs of a graph of 1 tensors: tensor 1 is not there"),
        ((0,), (-1,), (), "the outputs"),
        ((0,), (0,), (Operator("ADD", (0, 2), (0,)),), r"operator 0 \(ADD\)"),
        ((0,), (0,), (Operator("ADD", (0,), (3,)),), r"operator 0 \(ADD\)"),
    ],
)
def test_a_graph_that_names_a_missing_tensor_is_refused(inputs, outputs, operators, words):
    with pytest.raises(ValueError, match=words):
        Subgraph("main", (X,), inputs, outputs, operators)


def test_an_optional_input_may_be_left_out():
    operator = Operator("FULLY_CONNECTED", (0, None), (0,))
    assert Subgraph("main", (X,), (0,), (0,), (operator,)).tensors_of(operator.inputs) == (X,)


def test_a_file_without_a_graph_is_refused():
    with pytest.raises(ValueError, match="there is no graph in it"):
        Graph("tflite", ())


def test_an_operator_that_runs_a_missing_graph_is_refused():
    main = Subgraph("main", (X,), (0,), (0,), (Operator("WHILE", (0,), (0,), calls=(0, 1)),))
    with pytest.raises(ValueError, match="WHILE runs graph 1 of 1"):
        Graph("tflite", (main,))
