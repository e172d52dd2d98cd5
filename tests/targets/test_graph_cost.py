"""edgekit_targets.graph.cost: multiply-accumulates by formula, or the reason why they are not known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_targets.graph.cost import Cost, operator_cost
from edgekit_targets.graph.graph import Operator, Subgraph, Tensor
from edgekit_targets.graph.kinds import NO_MACS

LENGTHS = st.integers(1, 5)


def cost_of(name, inputs, output, *, constants=(), dtype="float32", **fields) -> Cost:
    """The cost of one operator between tensors of these shapes; `None` for an input that is left out."""
    shapes = [shape for shape in inputs if shape is not None]
    tensors = [Tensor(f"t{i}", shape, dtype) for i, shape in enumerate([*shapes, output])]
    for place in constants:
        tensors[place] = Tensor("w", shapes[place], dtype, data=memoryview(b"\0"), storage=place)
    places = iter(range(len(shapes)))
    given = tuple(None if shape is None else next(places) for shape in inputs)
    operator = Operator(name, given, (len(shapes),), **fields)
    return operator_cost(operator, Subgraph("main", tuple(tensors), (), (), (operator,)))


@pytest.mark.parametrize(
    ("name", "inputs", "output", "macs"),
    [
        ("CONV_2D", [(1, 8, 8, 3), (16, 3, 3, 3), (16,)], (1, 6, 6, 16), 6 * 6 * 16 * 3 * 3 * 3),
        ("CONV_2D", [(1, 8, 8, 4), (16, 3, 3, 2)], (1, 8, 8, 16), 8 * 8 * 16 * 3 * 3 * 2),  # two groups
        ("DEPTHWISE_CONV_2D", [(1, 8, 8, 4), (1, 3, 3, 8)], (1, 4, 4, 8), 4 * 4 * 8 * 3 * 3),
        ("TRANSPOSE_CONV", [(4,), (6, 2, 2, 3), (1, 5, 5, 3)], (1, 10, 10, 6), 5 * 5 * 3 * 6 * 2 * 2),
        ("CONV_3D", [(1, 4, 4, 4, 2), (2, 3, 3, 2, 5)], (1, 3, 2, 2, 5), 3 * 2 * 2 * 5 * 2 * 3 * 3 * 2),
        ("CONV_3D_TRANSPOSE", [(5,), (2, 2, 2, 5, 3), (1, 2, 2, 2, 3)], (1, 4, 4, 4, 5), 8 * 3 * 2 * 2 * 2 * 5),
        ("FULLY_CONNECTED", [(7, 10), (4, 10), None], (7, 4), 7 * 4 * 10),
        ("BATCH_MATMUL", [(2, 3, 4), (2, 4, 5)], (2, 3, 5), 2 * 3 * 5 * 4),
        ("SVDF", [(2, 3), (4, 3), (4, 10)], (2, 4), 2 * (4 * 3 + 4 * 10)),
        ("UNIDIRECTIONAL_SEQUENCE_RNN", [(1, 6, 3), (4, 3), (4, 4), (4,)], (1, 6, 4), 6 * (4 * 3 + 4 * 4)),
        ("LSTM", [(1, 3), (1, 4), (16, 7), (16,), (1, 4)], (1, 4), 16 * 7),  # the basic form: one matrix for all gates
        ("Conv", [(1, 4, 8, 8), (16, 2, 3, 3)], (1, 16, 6, 6), 6 * 6 * 16 * 2 * 3 * 3),  # two groups
        ("Conv", [(1, 3, 9), (4, 3, 2)], (1, 4, 8), 8 * 4 * 3 * 2),
        ("ConvInteger", [(1, 3, 8, 8), (16, 3, 3, 3)], (1, 16, 6, 6), 6 * 6 * 16 * 27),
        ("QLinearConv", [(1, 3, 8, 8), (), (), (16, 3, 3, 3)], (1, 16, 6, 6), 6 * 6 * 16 * 27),
        ("ConvTranspose", [(1, 3, 5, 5), (3, 6, 2, 2)], (1, 6, 10, 10), 5 * 5 * 3 * 6 * 2 * 2),
        ("Gemm", [(7, 10), (10, 4)], (7, 4), 7 * 4 * 10),
        ("MatMul", [(2, 3, 4), (4, 5)], (2, 3, 5), 2 * 3 * 5 * 4),
        ("MatMul", [(4,), (4,)], (), 4),
        ("QLinearMatMul", [(3, 4), (), (), (4, 5)], (3, 5), 3 * 5 * 4),
        ("LSTM", [(6, 1, 3), (2, 16, 3), (2, 16, 4)], (6, 2, 1, 4), 6 * (2 * 16 * 3 + 2 * 16 * 4)),
        ("GRU", [(6, 2, 3), (1, 12, 3), (1, 12, 4)], (6, 1, 2, 4), 6 * 2 * (12 * 3 + 12 * 4)),
        ("RNN", [(6, 1, 3), (1, 4, 3), (1, 4, 4)], (6, 1, 1, 4), 6 * (4 * 3 + 4 * 4)),
        ("Attention", [(1, 2, 5, 8), (1, 2, 7, 8), (1, 2, 7, 6)], (1, 2, 5, 6), 2 * 5 * 7 * (8 + 6)),
        ("Attention", [(1, 5, 16), (1, 7, 16), (1, 7, 12)], (1, 5, 12), 5 * 7 * (16 + 12)),
        ("com.microsoft.MultiHeadAttention", [(1, 5, 16), (1, 7, 16), (1, 7, 16)], (1, 5, 16), 5 * 7 * 32),
        ("com.microsoft.Attention", [(1, 5, 8), (8, 24)], (1, 5, 8), 5 * 8 * 24 + 5 * 5 * 16),
    ],
)
def test_a_formula_counts_each_product_once(name, inputs, output, macs):
    assert cost_of(name, inputs, output).macs == macs


def test_an_lstm_takes_each_matrix_once_for_each_step_and_no_state():
    gates, recurrent, omitted = [(4, 3)] * 4, [(4, 4)] * 4, [None] * 3
    inputs = [(1, 6, 3), *gates, *recurrent, *omitted, *[(4,)] * 4, (2, 4), None, (1, 2), (1, 4)]
    assert cost_of("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (1, 6, 2)).macs == 6 * (4 * 12 + 4 * 16 + 8)


@given(st.tuples(LENGTHS, LENGTHS, LENGTHS), LENGTHS, st.booleans())
def test_a_matrix_product_counts_as_numpy_multiplies(sizes, batch, adjoint):
    rows, inner, columns = sizes
    left = np.ones((batch, rows, inner))
    right = np.ones((batch, inner, columns))
    shape = (batch, inner, rows) if adjoint else left.shape
    cost = cost_of("BATCH_MATMUL", [shape, right.shape], (batch, rows, columns), attributes={"adjoint_x": adjoint})
    assert cost.macs == (left @ right).sum()  # a sum of ones counts the products


@given(st.tuples(LENGTHS, LENGTHS), LENGTHS, LENGTHS)
def test_a_convolution_of_one_pixel_is_a_dense_layer_at_each_place(places, inputs, outputs):
    convolution = cost_of("CONV_2D", [(1, *places, inputs), (outputs, 1, 1, inputs)], (1, *places, outputs))
    dense = cost_of("FULLY_CONNECTED", [(1, inputs), (outputs, inputs)], (1, outputs))
    assert convolution.macs == dense.macs * places[0] * places[1]


@pytest.mark.parametrize(
    ("equation", "shapes", "output", "macs"),
    [
        ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)], (2, 3, 5), 2 * 3 * 4 * 5),
        ("...ij, ...jk -> ...ik", [(7, 2, 3, 4), (2, 4, 5)], (7, 2, 3, 5), 7 * 2 * 3 * 4 * 5),
        ("ij,jk", [(3, 4), (4, 5)], (3, 5), 3 * 4 * 5),
        ("i,j->ij", [(3,), (4,)], (3, 4), 0),
        ("bij->bji", [(2, 3, 4)], (2, 4, 3), 0),
        ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 5)], (2, 5), None),
        ("ij,jk->ik", [(2, -1), (3, 4)], (2, 4), 2 * 3 * 4),
    ],
)
def test_an_einsum_counts_each_combination_of_its_letters(equation, shapes, output, macs):
    assert cost_of("Einsum", shapes, output, attributes={"equation": equation}).macs == macs


def test_a_matrix_that_is_transposed_first_counts_the_same():
    assert cost_of("Gemm", [(10, 7), (10, 4)], (7, 4), attributes={"transA": 1}).macs == 7 * 4 * 10


@pytest.mark.parametrize("name", sorted(NO_MACS))
def test_operators_without_weights_and_matrices_have_none(name):
    assert cost_of(name, [(1, 4)], (1, 4)).macs == 0


@pytest.mark.parametrize(
    ("name", "fields", "inputs", "output", "words"),
    [
        ("Detect", {"custom": True}, [(1, 4)], (1, 4), "custom operator"),
        ("ADD", {"custom": True}, [(1, 4)], (1, 4), "custom operator"),
        ("WHILE", {"calls": (1, 2)}, [(1, 4)], (1, 4), "does not say how often"),
        ("RFFT2D", {}, [(1, 4)], (1, 4), "not known here"),
        ("CONV_2D", {}, [(1, 4)], (1, 4), "inputs are not those of CONV_2D"),
        ("FULLY_CONNECTED", {}, [(1, 4), (4,)], (1, 4), "inputs are not those"),
        ("FULLY_CONNECTED", {}, [(1, 4), (2, 4)], (-1, 2), "leaves a shape open"),
        ("SVDF", {}, [(2, 3), (4, -1), (4, 10)], (2, 4), "leaves a shape open"),
        ("Conv", {}, [(-1,), (8, 3, 3, 3)], (-1,), "leaves a shape open"),
        ("Attention", {}, [(1, 5, 8), (1, -1, 8), (1, -1, 8)], (1, 5, 8), "leaves a shape open"),
        ("LSTM", {}, [(1, 6)], (1, 4), "inputs are not those of LSTM"),
    ],
)
def test_what_is_not_known_says_why(name, fields, inputs, output, words):
    cost = cost_of(name, inputs, output, **fields)
    assert cost.macs is None
    assert words in cost.reason


def test_bytes_are_told_apart_by_where_they_come_from():
    cost = cost_of("FULLY_CONNECTED", [(1, 10), (4, 10)], (1, 4), constants=(1,))
    assert (cost.weight_bytes, cost.input_bytes, cost.output_bytes) == (160, 40, 16)


def test_bytes_of_texts_are_unknown():
    cost = cost_of("RESHAPE", [(1,)], (1,), dtype="string")
    assert (cost.weight_bytes, cost.input_bytes, cost.output_bytes) == (0, None, None)
