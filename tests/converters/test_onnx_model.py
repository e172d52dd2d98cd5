from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgekit_converters.framework import FrameworkSession
from edgekit_converters.onnx.model import OnnxModel
from edgekit_converters.settings import NamedShape, NamedType, SourceSettings
from edgekit_runtime.errors import ConversionError, MissingExtraError, ModelError, RecipeError
from edgekit_runtime.onnx import OnnxInterpreter
from tests.onnx_models import save_convolutions, save_graph, save_two_inputs, weights


def load(path: Path, **shapes: tuple[int, ...]) -> OnnxModel:
    named = tuple(NamedShape(name, shape) for name, shape in shapes.items())
    return OnnxModel(SourceSettings(str(path), "onnx", shapes=named))


def save_state(path: Path) -> Path:
    """A signal of any length and a state `(2, batch, 3)`; the rate is a scalar."""
    nodes = [
        helper.make_node("ReduceMean", ["signal"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Add", ["state", "mean"], ["next"]),
        helper.make_node("Cast", ["rate"], ["real"], to=1),
        helper.make_node("Mul", ["mean", "real"], ["y"]),
    ]
    inputs = {"signal": ["batch", "length"], "state": [2, "batch", 3], "rate": []}
    outputs = {"y": ["batch", 1], "next": [2, "b", "c"]}
    return save_graph(path, nodes, inputs, outputs, dtypes={"rate": TensorProto.INT64})


def test_a_free_batch_becomes_one_and_shapes_follow(tmp_path: Path) -> None:
    model = load(save_convolutions(tmp_path / "model.onnx", batch="N"))
    assert [(spec.name, spec.shape) for spec in model.info.inputs] == [("x", (1, 3, 12, 12))]
    assert [(spec.name, spec.shape) for spec in model.info.outputs] == [("y", (1, 5))]
    assert model.info.parameters == 8 * 27 + 8 + 8 * 72 + 8 + 40 + 5 + 2
    model.export(tmp_path / "float.onnx", "onnx")
    assert OnnxInterpreter(str(tmp_path / "float.onnx")).outputs == model.info.outputs


def test_each_sample_is_run_by_itself(tmp_path: Path) -> None:
    model = load(save_convolutions(tmp_path / "model.onnx", batch="N"))
    samples = np.random.default_rng(0).normal(size=(3, 3, 12, 12)).astype(np.float32)
    together = model.predict({"x": samples})["y"]
    assert together.shape == (3, 5)
    np.testing.assert_array_equal(together[1:2], model.predict({"x": samples[1:2]})["y"])


def test_a_free_axis_is_told_with_input_name_and_flag(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load(save_state(tmp_path / "model.onnx"))
    assert "axis 1 of signal, called length" in str(caught.value)
    assert "--shape signal=1,length" in str(caught.value)


def test_a_shape_settles_its_symbols_in_other_inputs(tmp_path: Path) -> None:
    info = load(save_state(tmp_path / "model.onnx"), signal=(1, 40)).info
    assert [spec.shape for spec in info.inputs] == [(1, 40), (2, 1, 3), ()]
    assert [spec.shape for spec in info.outputs] == [(1, 1), (2, 1, 3)]


def test_states_and_scalars_belong_to_one_sample(tmp_path: Path) -> None:
    model = load(save_state(tmp_path / "model.onnx"), signal=(1, 4))
    signal = np.arange(8, dtype=np.float32).reshape(2, 4)
    state = np.zeros((2, 2, 1, 3), np.float32)
    outputs = model.predict({"signal": signal, "state": state, "rate": np.array([2, 3])})
    np.testing.assert_allclose(outputs["y"].ravel(), [3.0, 16.5])
    assert outputs["next"].shape == (2, 2, 1, 3)
    np.testing.assert_allclose(outputs["next"][1], 5.5)


@pytest.mark.parametrize(
    ("shape", "fault"),
    [
        (NamedShape("signal", (1, 2, 3)), "signal has 2 axes, not 3; allowed: batch,length"),
        (NamedShape("state", (3, 1, 3)), "axis 0 of state is fixed in the model; allowed: 2,batch,3"),
        (NamedShape("sound", (1, 3)), "the model has no such input; allowed: NAME= with signal, state, rate"),
        (NamedShape("", (1, 3)), "the model has several inputs"),
    ],
)
def test_a_wrong_shape_is_refused(tmp_path: Path, shape: NamedShape, fault: str) -> None:
    with pytest.raises(RecipeError, match=fault):
        OnnxModel(SourceSettings(str(save_state(tmp_path / "model.onnx")), "onnx", shapes=(shape,)))


def test_a_type_that_the_file_does_not_have_is_refused(tmp_path: Path) -> None:
    settings = SourceSettings(
        str(save_state(tmp_path / "model.onnx")),
        "onnx",
        shapes=(NamedShape("signal", (1, 4)),),
        dtypes=(NamedType("rate", "int32"),),
    )
    with pytest.raises(RecipeError, match=r"rate=int32: types in a finished \.onnx file are fixed: .*int64"):
        OnnxModel(settings)


def test_an_old_opset_is_rewritten_and_the_trail_told(tmp_path: Path) -> None:
    nodes = [helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[2, 2])]
    path = save_graph(tmp_path / "old.onnx", nodes, {"x": [1, 1, 4, 4]}, {"y": [1, 1, 3, 3]}, opset=6)
    model = load(path)
    assert model.info.notes == ("rewritten from opset 6 to 13",)
    x = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    assert model.predict({"x": x})["y"][0, 0, 0, 0] == 2.5


def test_constants_that_stand_among_the_inputs_are_none(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    path = save_graph(tmp_path / "old.onnx", nodes, {"x": [1, 4], "w": [4, 2]}, {"y": [1, 2]}, {"w": weights(4, 2)})
    old = onnx.load_model(str(path))
    old.ir_version = 3
    path.write_bytes(old.SerializeToString())
    assert [spec.name for spec in load(path).info.inputs] == ["x"]


def test_an_output_whose_shape_depends_on_values_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("NonZero", ["x"], ["y"])]
    path = save_graph(tmp_path / "free.onnx", nodes, {"x": [4]}, {"y": [1, "n"]}, dtypes={"y": TensorProto.INT64})
    with pytest.raises(ModelError, match="the shape of output y depends on the input's values"):
        load(path)


def test_an_output_whose_shape_the_file_does_not_tell_is_found_by_running(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("SequenceConstruct", ["x", "x"], ["list"]),
        helper.make_node("ConcatFromSequence", ["list"], ["y"], axis=0),
    ]
    path = save_graph(tmp_path / "m.onnx", nodes, {"x": [2, 3]}, {"y": []})
    model = onnx.load_model(str(path))
    model.graph.output[0].type.tensor_type.ClearField("shape")
    path.write_bytes(model.SerializeToString())
    assert load(path).info.outputs[0].shape == (4, 3)


def test_outputs_and_inputs_that_are_no_tensors_are_refused(tmp_path: Path) -> None:
    split = helper.make_node("SplitToSequence", ["x"], ["y"], axis=0)
    path = save_graph(tmp_path / "list.onnx", [split], {"x": [4, 2]}, {"y": []})
    model = onnx.load_model(str(path))
    model.graph.output[0].CopyFrom(helper.make_tensor_sequence_value_info("y", 1, None))
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="y is a seq"):
        load(path)


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="does not become tflite; allowed: onnx"):
        load(save_convolutions(tmp_path / "model.onnx")).export(tmp_path / "x", "tflite")


def test_names_and_order_survive_the_session(tmp_path: Path) -> None:
    path = save_two_inputs(tmp_path / "two.onnx")
    with FrameworkSession("edgekit_converters.onnx") as session:
        info = session.load(SourceSettings(str(path), "onnx"))
        session.export(tmp_path / "float.onnx", "onnx")
    assert [spec.name for spec in info.inputs] == ["left", "right"]
    assert [spec.name for spec in info.outputs] == ["first", "second"]
    exported = OnnxInterpreter(str(tmp_path / "float.onnx"))
    assert (exported.inputs, exported.outputs) == (info.inputs, info.outputs)


@pytest.mark.parametrize("library", ["onnx", "onnxruntime"])
def test_a_missing_library_is_told_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    (tmp_path / f"{library}.py").write_text(f"raise ModuleNotFoundError('gone', name={library!r})")
    monkeypatch.syspath_prepend(tmp_path)
    path = save_convolutions(tmp_path / "m.onnx")
    with FrameworkSession("edgekit_converters.onnx") as session, pytest.raises(MissingExtraError) as caught:
        session.load(SourceSettings(str(path), "onnx"))
    assert f"{library} is not installed" in str(caught.value)
    assert "pip install 'edgekit[onnx]'" in str(caught.value)


def test_the_face_detector_and_the_voice_detector_load(assets: Path) -> None:
    face = load(assets / "ultra-light-face/version-slim-320_without_postprocessing.onnx").info
    assert [(spec.name, spec.shape) for spec in face.outputs] == [("scores", (1, 4420, 2)), ("boxes", (1, 4420, 4))]
    voice = load(assets / "silero-vad/silero_vad_16k_op15.onnx", input=(1, 576)).info
    assert [spec.shape for spec in voice.inputs] == [(1, 576), (2, 1, 128), ()]
    assert [spec.shape for spec in voice.outputs] == [(1, 1), (2, 1, 128)]
