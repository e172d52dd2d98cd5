"""edgekit_targets.graph.onnx: what .onnx files say, and one clear error for those that say nothing sensible."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgekit_runtime.errors import ModelError
from edgekit_runtime.tensor import Quantization
from edgekit_targets.graph.graph import Opset, Tensor
from edgekit_targets.graph.onnx import read_onnx
from edgekit_targets.graph.read import read_graph
from edgekit_targets.graph.summary import summarize
from tests.graphs import tensor_named
from tests.onnx_models import save_attention, save_convolutions, save_graph, weights
from tests.tflite_files import write_dense


def values(tensor: Tensor) -> np.ndarray:
    return np.frombuffer(tensor.data, tensor.dtype).reshape(tensor.shape)


def branch(name: str, node: object, output: str) -> object:
    return helper.make_graph([node], name, [], [helper.make_tensor_value_info(output, 1, [1, 4])])


def save_choice(path: Path) -> Path:
    """`y = x + w` where a flag says so, else `relu(x)`."""
    then = branch("then", helper.make_node("Add", ["x", "w"], ["sum"]), "sum")
    other = branch("else", helper.make_node("Relu", ["x"], ["positive"]), "positive")
    node = helper.make_node("If", ["flag"], ["y"], then_branch=then, else_branch=other)
    borders = {"flag": (), "x": (1, 4)}, {"y": (1, 4)}
    return save_graph(path, [node], *borders, {"w": weights(4)}, dtypes={"flag": TensorProto.BOOL})


@pytest.fixture
def convolutions(tmp_path) -> Path:
    return save_convolutions(tmp_path / "convolutions.onnx")


def test_operators_and_tensors_are_those_of_the_file(convolutions):
    graph = read_onnx(convolutions)
    main = graph.main
    assert (graph.format, graph.opsets, graph.notes) == ("onnx", (Opset("ai.onnx", 17),), ())
    assert [operator.name for operator in main.operators][:3] == ["Conv", "Relu", "Conv"]
    assert [operator.label for operator in main.operators][:3] == ["first", "relu", "second"]
    assert [tensor.name for tensor in main.tensors_of(main.operators[0].inputs)] == ["x", "w1", "b1"]
    assert [tensor.shape for tensor in main.tensors_of(main.inputs + main.outputs)] == [(1, 3, 12, 12), (1, 5)]
    assert tensor_named(graph, "c1").shape == (1, 8, 12, 12)  # told by no one, found by onnx
    assert main.operators[0].attributes == {"pads": (1, 1, 1, 1)}
    np.testing.assert_array_equal(values(tensor_named(graph, "w1")), weights(8, 3, 3, 3))


def test_graphs_that_operators_run_are_there_and_take_from_around_them(tmp_path):
    graph = read_onnx(save_choice(tmp_path / "if.onnx"))
    assert [part.name for part in graph.subgraphs] == ["graph", "else", "then"]  # as the attributes lie in the file
    operator = graph.main.operators[0]
    assert operator.calls == (1, 2)
    assert [tensor.name for tensor in graph.main.tensors_of(operator.inputs)] == ["flag", "x", "w"]
    inner, outer = (next(t for t in part.tensors if t.name == "w") for part in (graph.subgraphs[2], graph.main))
    assert inner.storage == outer.storage
    assert summarize(graph).parameters.value == 4  # not twice


def test_scales_belong_to_the_tensors_of_integers(tmp_path):
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"]),
        helper.make_node("DequantizeLinear", ["w", "scales", "zeros"], ["f"], axis=-1),
        helper.make_node("MatMul", ["d", "f"], ["y"]),
    ]
    constants = {
        "scale": np.float32(0.5),
        "zero": np.int8(3),
        "w": np.ones((4, 2), np.int8),
        "scales": np.array([0.25, 0.75], np.float32),
        "zeros": np.zeros(2, np.int8),
    }
    graph = read_onnx(save_graph(tmp_path / "qdq.onnx", nodes, {"x": (1, 4)}, {"y": (1, 2)}, constants))
    assert tensor_named(graph, "q").quantization == Quantization((0.5,), (3,))
    assert tensor_named(graph, "w").quantization == Quantization((0.25, 0.75), (0, 0), 1)
    assert tensor_named(graph, "x").quantization is None
    assert summarize(graph).parameters.value == 8  # scales are none


def test_scales_of_operators_on_integers_are_found_too(tmp_path):
    inputs = ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"]
    node = helper.make_node("QLinearConv", inputs, ["y"])
    constants = {name: np.array(value, np.float32) for name, value in (("xs", 0.5), ("ws", [0.1, 0.2]), ("ys", 2.0))}
    constants |= {"xz": np.uint8(7), "wz": np.zeros(2, np.int8), "yz": np.uint8(9), "w": np.ones((2, 3, 1, 1), np.int8)}
    types = dict.fromkeys(("x", "y"), TensorProto.UINT8)
    borders = {"x": (1, 3, 4, 4)}, {"y": (1, 2, 4, 4)}
    graph = read_onnx(save_graph(tmp_path / "q.onnx", [node], *borders, constants, dtypes=types))
    assert tensor_named(graph, "x").spec.quantization == Quantization((0.5,), (7,))
    assert tensor_named(graph, "w").quantization.axis == 0
    assert tensor_named(graph, "y").quantization == Quantization((2.0,), (9,))
    assert summarize(graph).macs.value == 4 * 4 * 2 * 3


def test_weights_of_integers_and_packed_ones_are_learned(tmp_path):
    nodes = [
        helper.make_node("MatMulInteger", ["x", "w", "xz", "wz"], ["i"]),
        helper.make_node("Cast", ["i"], ["f"], to=1),
        helper.make_node(
            "MatMulNBits", ["f", "packed", "scales"], ["y"], domain="com.microsoft", K=32, N=2, bits=4, block_size=32
        ),
    ]
    constants = {"w": np.ones((4, 32), np.uint8), "xz": np.uint8(1), "wz": np.uint8(2)}
    constants |= {"packed": np.zeros((2, 1, 16), np.uint8), "scales": np.ones(2, np.float32)}
    borders, types = ({"x": (1, 4)}, {"y": (1, 2)}), {"x": TensorProto.UINT8}
    path = save_graph(tmp_path / "n.onnx", nodes, *borders, constants, dtypes=types, domains=["com.microsoft"])
    graph = read_onnx(path)
    packed = tensor_named(graph, "packed")
    assert (packed.shape, packed.dtype, packed.block_size, packed.size_bytes) == ((2, 32), "uint4", 32, 32)
    summary = summarize(graph)
    assert summary.parameters.value == 4 * 32 + 2 * 32
    assert summary.macs.value == 4 * 32 + 2 * 32


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"value": numpy_helper.from_array(weights(1, 4))}, weights(1, 4)),
        ({"value_floats": [1.0, 2.0, 3.0, 4.0]}, np.array([1, 2, 3, 4], np.float32)),
        ({"value_float": 2.0}, np.array(2, np.float32)),
    ],
)
def test_constant_nodes_are_constants_and_no_operators(tmp_path, attributes, expected):
    nodes = [helper.make_node("Constant", [], ["c"], **attributes), helper.make_node("Add", ["x", "c"], ["y"])]
    graph = read_onnx(save_graph(tmp_path / "c.onnx", nodes, {"x": (1, 4)}, {"y": (1, 4)}))
    assert [operator.name for operator in graph.main.operators] == ["Add"]
    np.testing.assert_array_equal(values(tensor_named(graph, "c")), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int8", "uint16", "int64", "uint32", "bool"])
def test_values_that_are_not_raw_are_the_same_values(tmp_path, dtype):
    expected = np.array([0, 1, 1, 0]).astype(dtype)
    kind = helper.np_dtype_to_tensor_dtype(expected.dtype)
    tensor = helper.make_tensor("w", kind, [4], expected)
    assert not tensor.HasField("raw_data")
    nodes = [helper.make_node("Constant", [], ["w"], value=tensor), helper.make_node("Cast", ["w"], ["c"], to=1)]
    graph = read_onnx(save_graph(tmp_path / "t.onnx", [*nodes], {"x": (1,)}, {"c": (4,)}))
    np.testing.assert_array_equal(values(tensor_named(graph, "w")), expected)


def test_custom_operators_are_marked_and_those_of_onnxruntime_are_not(tmp_path):
    nodes = [
        helper.make_node("Detect", ["x"], ["a"], domain="vendor"),
        helper.make_node("ATen", ["a"], ["b"]),
        helper.make_node("Gelu", ["b"], ["c"], domain="com.microsoft"),
        helper.make_node("Relu", ["c"], ["y"]),
    ]
    path = save_graph(tmp_path / "c.onnx", nodes, {"x": (1,)}, {"y": (1,)}, domains=("vendor", "com.microsoft"))
    operators = read_onnx(path).main.operators
    assert [(operator.name, operator.custom) for operator in operators] == [
        ("vendor.Detect", True),
        ("ATen", True),
        ("com.microsoft.Gelu", False),
        ("Relu", False),
    ]


def test_functions_stand_in_place_of_their_calls(tmp_path):
    body = [helper.make_node("MatMul", ["a", "b"], ["m"]), helper.make_node("Relu", ["m"], ["o"])]
    function = helper.make_function("local", "Dense", ["a", "b"], ["o"], body, [helper.make_opsetid("", 17)], [])
    path = save_graph(
        tmp_path / "f.onnx",
        [helper.make_node("Dense", ["x", "w"], ["y"], domain="local")],
        {"x": (1, 32)},
        {"y": (1, 16)},
        {"w": weights(32, 16)},
        domains=("local",),
    )
    model = onnx.load(path)
    model.functions.append(function)
    onnx.save(model, path)
    graph = read_onnx(path)
    assert [operator.name for operator in graph.main.operators] == ["MatMul", "Relu"]
    assert summarize(graph).macs.value == 32 * 16
    np.testing.assert_array_equal(values(tensor_named(graph, "w")), weights(32, 16))  # large: set apart, found again


def outside(path: Path, change=lambda entries: None) -> Path:
    """The model with its constants in a file beside it."""
    model = onnx.load(save_attention(path))
    onnx.save_model(model, path, save_as_external_data=True, location="data.bin", size_threshold=0)
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        change({entry.key: entry for entry in tensor.external_data})
    path.write_bytes(model.SerializeToString())
    return path


def test_constants_beside_the_file_are_found(tmp_path):
    inside = read_onnx(save_attention(tmp_path / "inside.onnx"))
    apart = read_onnx(outside(tmp_path / "apart.onnx"))
    assert summarize(apart) == summarize(inside)
    for tensor in inside.main.tensors:
        if tensor.data is not None:
            assert bytes(tensor_named(apart, tensor.name).data) == bytes(tensor.data)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("location", "lost.bin", "no such file"),
        ("location", "../secret", "outside the model's folder"),
        ("location", "/etc/passwd", "outside the model's folder"),
        ("offset", "99999999", "lies at byte"),
        ("offset", "many", "does not say where"),
        ("length", "3", "has 3 bytes"),
    ],
)
def test_constants_that_are_not_beside_the_file_are_told(tmp_path, key, value, words):
    path = outside(tmp_path / "apart.onnx", lambda entries: setattr(entries[key], "value", value))
    with pytest.raises(ModelError, match=words) as caught:
        read_onnx(path)
    assert caught.value.message.startswith(str(path))


def test_an_opset_from_the_future_is_told(tmp_path):
    path = save_graph(tmp_path / "f.onnx", [helper.make_node("Relu", ["x"], ["y"])], {"x": (1,)}, {"y": (1,)}, opset=99)
    assert any("opset 99 is from the future" in note for note in read_onnx(path).notes)


def test_operators_in_another_order_are_the_same_graph(convolutions):
    told = read_onnx(convolutions)
    model = onnx.load(convolutions)
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in reversed(model.graph.node)]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    convolutions.write_bytes(model.SerializeToString())
    graph = read_onnx(convolutions)
    assert {operator.name for operator in graph.main.operators} == {operator.name for operator in told.main.operators}
    assert summarize(graph).macs == summarize(told).macs


def test_what_a_graph_within_reads_comes_before_it(tmp_path):
    path = save_choice(tmp_path / "choice.onnx")
    model = onnx.load(path)
    model.graph.node.append(helper.make_node("Neg", ["v"], ["w"]))
    model.graph.initializer[0].name = "v"
    path.write_bytes(model.SerializeToString())
    assert [operator.name for operator in read_onnx(path).main.operators] == ["Neg", "If"]


def test_an_output_that_nobody_reads_is_left_out(tmp_path):
    node = helper.make_node("Dropout", ["x"], ["y", "mask"])
    graph = read_onnx(save_graph(tmp_path / "d.onnx", [node], {"x": (1, 4)}, {"y": (1, 4)}))
    assert graph.main.operators[0].outputs[1:] == (None,)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda model: model.graph.initializer[0].dims.append(7), "has 864 bytes; its shape"),
        (lambda model: model.graph.initializer[0].dims.__setitem__(0, -8), "damaged"),
        (lambda model: model.graph.node[1].output.__setitem__(0, "c1"), "made twice"),
        (lambda model: model.graph.node[0].input.__setitem__(0, "s"), "wait for each other in a circle"),
        (lambda model: model.graph.node[0].op_type.__class__, None),
    ],
)
def test_a_damaged_file_is_one_line(convolutions, change, words):
    model = onnx.load(convolutions)
    change(model)
    convolutions.write_bytes(model.SerializeToString())
    if words is None:
        assert read_onnx(convolutions)
        return
    with pytest.raises(ModelError, match=words):
        read_onnx(convolutions)


@settings(max_examples=15)
@given(data=st.data())
def test_whatever_bytes_are_wrong_the_answer_is_a_graph_or_one_line(tmp_path_factory, data):
    path = save_convolutions(tmp_path_factory.mktemp("fuzz") / "m.onnx")
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    try:
        summarize(read_graph(path))
    except ModelError as error:
        assert "\n" not in str(error)  # noqa: PT017  # either way is right


def test_a_cut_file_is_no_model(convolutions):
    convolutions.write_bytes(convolutions.read_bytes()[:-100])
    with pytest.raises(ModelError):
        read_graph(convolutions)


def test_formats_are_told_apart_by_content(tmp_path, convolutions):
    disguised = write_dense(tmp_path / "dense.onnx")
    assert read_graph(disguised).format == "tflite"
    assert read_graph(convolutions.rename(tmp_path / "model.tflite")).format == "onnx"
    with pytest.raises(ModelError, match=r"shapes in a \.tflite file are fixed"):
        read_graph(disguised, {"x": (1, 4)})


def test_no_interpreter_is_loaded_to_read(convolutions):
    code = (
        "import sys; from edgekit_targets.graph.onnx import read_onnx; read_onnx(sys.argv[1]);"
        "print([name for name in ('onnxruntime', 'torch', 'tensorflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, convolutions], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_real_model_costs_what_its_layers_say(assets):
    summary = summarize(read_graph(assets / "ort-examples/mnist.onnx"))
    assert summary.macs.value == 28 * 28 * 8 * 5 * 5 + 14 * 14 * 16 * 8 * 5 * 5 + 256 * 10
    assert summary.not_counted == ()


def test_operators_of_graphs_within_graphs_are_counted(assets):
    graph = read_graph(assets / "silero-vad/silero_vad_16k_op15.onnx")
    assert len(graph.subgraphs) > 20
    assert tensor_named(graph, "state").spec.shape == (2, -1, 128)
    assert sum(operator.name == "LSTM" for part in graph.subgraphs for operator in part.operators) == 2
