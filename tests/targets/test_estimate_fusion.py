from __future__ import annotations

import pytest

from edgekit_targets.estimate.latency import Unpredictable
from edgekit_targets.estimate.work import Load, loads_of
from edgekit_targets.graph.graph import Operator
from tests.graphs import GraphMaker


def convolution(*behind: str, precision: str = "float32", readers: int = 1) -> tuple[Load, ...]:
    """A convolution of ONNX with operators behind it; in int8 between conversions from and to float."""
    made = GraphMaker("float32")
    source = made.tensor(1, 64, 28, 28)
    x, weights = source, made.weights(64, 64, 3, 3)
    if precision == "int8":
        x = made.operator("QuantizeLinear", (x,), 1, 64, 28, 28)
        x = made.operator("DequantizeLinear", (x,), 1, 64, 28, 28)
        weights = made.operator("DequantizeLinear", (weights,), 64, 64, 3, 3)
    x = made.operator("Conv", (x, weights), 1, 64, 28, 28)
    made.operators[-1] = Operator("Conv", made.operators[-1].inputs, (x,), attributes={"group": 1})
    for name in behind:
        last = x
        x = made.operator(name, (x,), 1, 64, 28, 28)
        for _ in range(readers - 1):
            made.operator("Neg", (last,), 1, 64, 28, 28)
    if precision == "int8":
        x = made.operator("QuantizeLinear", (x,), 1, 64, 28, 28)
        x = made.operator("DequantizeLinear", (x,), 1, 64, 28, 28)
    return loads_of(made.graph(source, x, "onnx"))


def test_what_onnxruntime_folds_into_a_convolution_takes_no_time():
    assert convolution("BatchNormalization", "Relu") == convolution()


def test_what_others_read_too_is_not_folded():
    assert [load.name for load in convolution("Relu", readers=2)] == ["Conv", "Relu", "Neg"]


def test_an_operator_between_conversions_runs_in_int8():
    (quantized,), (plain,) = convolution(precision="int8"), convolution()
    assert quantized.precision == "int8"
    assert quantized.dense_macs == plain.dense_macs > 0
    assert quantized.weight_bytes * 4 == plain.weight_bytes
    assert quantized.activation_bytes * 4 == plain.activation_bytes


def _behind(name: str, *, constant: bool, activation: bool = False) -> list[str]:
    """What takes time of a convolution, an activation where wanted, and an operator of two operands."""
    made = GraphMaker("float32")
    source = made.tensor(1, 64, 28, 28)
    x = made.operator("Conv", (source, made.weights(64, 64, 3, 3)), 1, 64, 28, 28)
    made.operators[-1] = Operator("Conv", made.operators[-1].inputs, (x,), attributes={"group": 1})
    x = made.operator("Relu", (x,), 1, 64, 28, 28) if activation else x
    other = made.weights(1, 64, 1, 1) if constant else source
    x = made.operator(name, (x, other), 1, 64, 28, 28)
    return [load.name for load in loads_of(made.graph(source, x, "onnx"))]


@pytest.mark.parametrize("name", ["Mul", "Add"])
def test_a_factor_and_a_bias_go_into_the_weights(name):
    assert _behind(name, constant=True) == ["Conv"]
    assert _behind(name, constant=False) == ["Conv", name]
    assert _behind(name, constant=True, activation=True) == ["Conv", name]


def products(*computed: bool, name: str = "MatMul") -> GraphMaker:
    """Products one behind the other, each of two computed values or of a value and a matrix of weights."""
    made = GraphMaker("float32")
    x = made.tensor(1, 128, 128)
    for both in computed:
        other = made.operator("Relu", (x,), 1, 128, 128) if both else made.weights(128, 128)
        x = made.operator(name, (x, other), 1, 128, 128)
    return made


@pytest.mark.parametrize("name", ["MatMul", "Gemm", "FULLY_CONNECTED"])
def test_products_of_two_computed_values_are_attention_and_not_predicted(name):
    made = products(False, True, name=name)
    with pytest.raises(Unpredictable, match="two computed values: no published figure of attention"):
        loads_of(made.graph(0, len(made.tensors) - 1, "tflite" if name.isupper() else "onnx"))


def test_a_matrix_of_weights_may_stand_on_either_side_and_come_from_constants():
    made = GraphMaker("float32")
    source = made.tensor(128, 128)
    turned = made.operator("Transpose", (made.weights(128, 128),), 128, 128)
    x = made.operator("MatMul", (turned, source), 128, 128)
    assert sum(load.dense_macs for load in loads_of(made.graph(source, x, "onnx"))) == 128**3


def test_float_values_by_weights_that_are_kept_as_integers_are_not_predicted():
    made = GraphMaker("float32")
    source = made.tensor(1, 64, 28, 28)
    weights = made.operator("DequantizeLinear", (made.weights(64, 64, 3, 3),), 64, 64, 3, 3)
    x = made.operator("Conv", (source, weights), 1, 64, 28, 28)
    with pytest.raises(Unpredictable, match="float values by integer weights"):
        loads_of(made.graph(source, x, "onnx"))


@pytest.mark.parametrize("name", ["DynamicQuantizeLinear", "MatMulInteger", "com.microsoft.MatMulNBits"])
def test_onnx_operators_of_dynamic_ranges_are_not_predicted(name):
    made = products(False, name=name)
    with pytest.raises(Unpredictable, match="int8-dynamic"):
        loads_of(made.graph(0, len(made.tensors) - 1, "onnx"))


def test_dense_layers_that_share_their_weights_are_an_unrolled_recurrent_layer_and_not_predicted():
    made = GraphMaker("float32")
    x = source = made.tensor(1, 128)
    weights = made.weights(128, 128)
    for _ in range(3):
        x = made.operator("MatMul", (x, weights), 1, 128)
    with pytest.raises(Unpredictable, match="3 dense layers share one matrix"):
        loads_of(made.graph(source, x, "onnx"))
