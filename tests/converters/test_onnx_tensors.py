from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgekit_converters.onnx import tensors
from edgekit_converters.onnx.tensors import TensorReader, open_tensors
from edgekit_runtime.errors import ModelError
from edgekit_runtime.onnx import OnnxInterpreter
from tests.onnx_models import save_convolutions, save_two_inputs

X = np.random.default_rng(0).normal(size=(1, 3, 12, 12)).astype(np.float32)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_convolutions(tmp_path_factory.mktemp("tensors") / "model.onnx")


def test_every_operators_output_is_given_in_the_files_order_after_the_inputs(model: Path) -> None:
    reader = open_tensors(model)
    found = {spec.name: value for spec, value in reader.run((X,))}
    assert list(found) == ["x", "c1", "r1", "c2", "r2", "s", "p", "f", "y"]
    assert [spec.name for spec in reader.activations] == list(found)
    assert reader.operators["r2"] == "Clip"
    np.testing.assert_array_equal(found["r1"], np.maximum(found["c1"], 0))


def test_the_last_activation_is_what_the_interpreter_gives(model: Path) -> None:
    interpreter = OnnxInterpreter(str(model))
    interpreter.set_input(0, X)
    interpreter.invoke()
    found = {spec.name: value for spec, value in open_tensors(model).run((X,))}
    np.testing.assert_allclose(found["y"], interpreter.output(0), rtol=1e-5, atol=1e-6)


def test_a_model_with_more_activations_than_fit_is_run_in_parts(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {spec.name: value for spec, value in open_tensors(model).run((X,))}
    monkeypatch.setattr(tensors, "MOST_BYTES", 5000)
    parts = {spec.name: value for spec, value in open_tensors(model).run((X,))}
    assert list(parts) == list(whole)
    for name, value in parts.items():
        np.testing.assert_allclose(value, whole[name], rtol=1e-5, atol=1e-6)


def test_chosen_activations_alone_are_given(model: Path) -> None:
    reader = TensorReader(model, {"x", "r2"}, optimized=True)
    assert [spec.name for spec, _ in reader.run((X,))] == ["x", "r2"]


def test_several_inputs_are_taken_in_the_files_order(tmp_path: Path) -> None:
    reader = open_tensors(save_two_inputs(tmp_path / "two.onnx"))
    assert [spec.name for spec in reader.inputs] == ["left", "right"]
    values = np.ones((1, 2, 4, 4), np.float32), np.ones((1, 3), np.float32)
    assert {spec.name for spec, _ in reader.run(values)} >= {"l", "r", "first", "second"}


def test_a_value_of_another_shape_is_refused_in_one_line(model: Path) -> None:
    with pytest.raises(ModelError, match="onnxruntime cannot run it"):
        list(open_tensors(model).run((X[:, :2],)))
