"""edgekit_runtime.onnx_weights: every operator has int8 weights of its own, and the model answers as before."""

from __future__ import annotations

import contextlib
from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from edgekit_runtime.onnx_weights import part_weights
from tests.onnx_models import save_convolutions, save_graph

WEIGHTS = np.random.default_rng(0).integers(-127, 128, (16, 16)).astype(np.int8)
X = np.random.default_rng(1).normal(size=(1, 16)).astype(np.float32)


def save_products(path, times):
    """A product with the same integers, several times over; the zero point is shared, too."""
    nodes, x = [], "x"
    for k in range(times):
        nodes += [
            helper.make_node("DynamicQuantizeLinear", [x], [f"q{k}", f"s{k}", f"z{k}"], f"quantize_{k}"),
            helper.make_node("MatMulInteger", [f"q{k}", "w", f"z{k}", "zero"], [f"i{k}"], f"product_{k}"),
            helper.make_node("Cast", [f"i{k}"], [f"f{k}"], f"cast_{k}", to=1),
            helper.make_node("Mul", [f"f{k}", f"s{k}"], [f"y{k}"], f"scale_{k}"),
        ]
        x = f"y{k}"
    nodes.append(helper.make_node("Identity", [x], ["y"], "last"))
    return save_graph(path, nodes, {"x": [1, 16]}, {"y": [1, 16]}, {"w": WEIGHTS, "zero": np.int8(0)})


def save_restored(path, times):
    """A product with the same weights, restored by one `DequantizeLinear`, several times over."""
    nodes = [helper.make_node("DequantizeLinear", ["w", "scale", "zero"], ["restored"], "restore")]
    for k in range(times):
        product = ["x" if k == 0 else f"y{k - 1}", "restored"]
        nodes.append(helper.make_node("MatMul", product, [f"y{k}"], f"product_{k}"))
    nodes.append(helper.make_node("Identity", [f"y{times - 1}"], ["y"], "last"))
    constants = {"w": WEIGHTS, "scale": np.float32(0.01), "zero": np.int8(0)}
    return save_graph(path, nodes, {"x": [1, 16]}, {"y": [1, 16]}, constants)


def readers(model):
    """How many operators read each int8 constant, at once or by an operator that restores it."""
    inputs = Counter(name for node in model.graph.node for name in node.input)
    found = {t.name: inputs[t.name] for t in model.graph.initializer if t.data_type == onnx.TensorProto.INT8}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear":
            found[node.input[0]] += inputs[node.output[0]] - 1
    return found


def answer(content, x=X):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


@pytest.mark.parametrize("save", [save_products, save_restored])
@pytest.mark.parametrize("times", [1, 2, 5])
def test_each_operator_has_weights_of_its_own_and_the_answers_stay(save, times, tmp_path):
    content = save(tmp_path / "m.onnx", times).read_bytes()
    parted = part_weights(content)
    model = onnx.load_from_string(parted)
    onnx.checker.check_model(model, full_check=True)
    assert max(readers(model).values()) == 1
    assert sum(numpy_helper.to_array(t).shape == (16, 16) for t in model.graph.initializer) == times
    assert (answer(parted) == answer(content)).all()


def test_a_model_without_int8_weights_stays_as_it_is(tmp_path):
    content = save_convolutions(tmp_path / "m.onnx").read_bytes()
    assert onnx.load_from_string(part_weights(content)) == onnx.load_from_string(content)


@given(st.data())
def test_a_file_that_is_cut_off_is_refused(tmp_path_factory, data):
    content = save_products(tmp_path_factory.mktemp("cut") / "m.onnx", 2).read_bytes()
    end = data.draw(st.integers(10, len(content) - 10))
    with pytest.raises(ValueError, match=r"cut off|ends behind it"):
        part_weights(content[:end])


@given(st.data())
def test_a_damaged_file_is_refused_or_taken(tmp_path_factory, data):
    content = bytearray(save_restored(tmp_path_factory.mktemp("damaged") / "m.onnx", 2).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError):  # any other error would be one of ours
        part_weights(bytes(content))


def test_an_operator_without_inputs_stays_as_it_is():
    graph = helper.make_graph([helper.make_node("DequantizeLinear", [], ["y"])], "graph", [], [])
    model = helper.make_model(graph).SerializeToString()
    assert onnx.load_from_string(part_weights(model)) == onnx.load_from_string(model)
