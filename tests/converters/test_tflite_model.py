"""edgekit_converters.tflite: finished .tflite files as sources, in real numbers, as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.pipeline.convert import convert
from edgekit.pipeline.request import Request
from edgekit_converters.settings import NamedShape, NamedType, SourceSettings
from edgekit_converters.tflite.model import TfliteModel
from edgekit_runtime import load
from edgekit_runtime.errors import ConversionError, ModelError, RecipeError
from edgekit_runtime.litert import LiteRtInterpreter
from tests.tflite_files import (
    Operator,
    Tensor,
    constant,
    dense_samples,
    write_dense,
    write_tflite,
    write_two_by_two,
)


def opened(path: Path, **settings: Any) -> TfliteModel:
    return TfliteModel(SourceSettings(str(path), "tflite", **settings))


def test_inputs_and_outputs_have_their_names_in_the_signature(tmp_path: Path) -> None:
    info = opened(write_two_by_two(tmp_path / "m.tflite")).info
    assert {spec.name for spec in info.inputs} == set(LiteRtInterpreter(str(tmp_path / "m.tflite")).signature()[0])


def test_it_gives_what_the_interpreter_gives(tmp_path: Path) -> None:
    path = write_dense(tmp_path / "m.tflite")
    samples = dense_samples(5)
    found = opened(path).predict({"features": samples})["scores"]
    interpreter = LiteRtInterpreter(str(path))
    for sample, scores in zip(samples, found, strict=True):
        interpreter.set_input(0, sample[None])
        interpreter.invoke()
        np.testing.assert_array_equal(scores, interpreter.output(0)[0])


def test_a_file_without_signature_is_known_by_its_tensors(tmp_path: Path) -> None:
    info = opened(write_dense(tmp_path / "m.tflite", signature=False)).info
    assert (info.inputs[0].name, info.outputs[0].name, info.parameters) == ("x", "y", 75)


def test_the_file_itself_is_what_is_exported(tmp_path: Path) -> None:
    path = write_dense(tmp_path / "m.tflite")
    assert opened(path).export(tmp_path / "copy.tflite", "tflite") == ()
    assert (tmp_path / "copy.tflite").read_bytes() == path.read_bytes()
    with pytest.raises(ConversionError, match=r"does not become onnx; allowed: tflite"):
        opened(path).export(tmp_path / "copy.onnx", "onnx")


def test_shapes_and_types_must_be_the_files_own(tmp_path: Path) -> None:
    path = write_dense(tmp_path / "m.tflite")
    assert opened(path, shapes=(NamedShape("features", (1, 8)),)).info.inputs[0].shape == (1, 8)
    with pytest.raises(RecipeError, match=r"--dtype features=int8: types in a finished \.tflite file are fixed"):
        opened(path, dtypes=(NamedType("", "int8"),))
    with pytest.raises(RecipeError, match=r"the shapes in a \.tflite file are fixed: features is \(1, 8\)"):
        opened(path, shapes=(NamedShape("", (1, 9)),))


def test_all_custom_operators_are_named(tmp_path: Path, assets: Path) -> None:
    with pytest.raises(ModelError, match=r"the file has these custom ones: MTKEXT_CONV_2D\.") as caught:
        opened(assets / "tricky/tflite/litert__test__testdata__MTKEXT_CONV_2D.tflite")
    assert "runs only there" in caught.value.hint


def test_an_output_that_is_no_number_is_refused(assets: Path) -> None:
    with pytest.raises(ModelError, match=r"input is bytes, \(10,\); allowed: numbers of a fixed shape"):
        opened(assets / "tricky/tflite/litert__test__testdata__gather_string.tflite")


def test_a_quantized_file_is_bundled_as_it_is_and_takes_real_numbers(tmp_path: Path, assets: Path) -> None:
    path = assets / "mlperf-tiny/pretrainedResnet_quant.tflite"
    converted = convert(Request(path, "host", output=tmp_path / "out"))
    assert converted.manifest.scheme == "unchanged"
    assert (tmp_path / "out/model.tflite").read_bytes() == path.read_bytes()
    pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(np.float32)
    given = load(tmp_path / "out")(pictures)
    assert isinstance(given, np.ndarray)
    assert (given.shape, given.dtype) == ((3, 10), np.float32)
    with pytest.raises(RecipeError, match=r"--quantize int8: .* is quantized already; allowed: unchanged"):
        convert(Request(path, "host", "int8", output=tmp_path / "again"))


def test_a_float_file_is_quantized(tmp_path: Path) -> None:
    path = write_dense(tmp_path / "m.tflite")
    np.savez(tmp_path / "data.npz", features=dense_samples(64))
    converted = convert(Request(path, "host", "int8", calibrate=tmp_path / "data.npz", output=tmp_path / "out"))
    assert converted.manifest.inputs[0].stored.dtype == "int8"
    assert converted.equality.steps[0].outputs[0].max_error.value == 0
    assert converted.equality.steps[1].outputs[0].sqnr_db.value is not None
    assert converted.equality.steps[1].outputs[0].sqnr_db.value > 25


def test_weights_that_are_nan_are_refused_by_name(tmp_path: Path) -> None:
    weights, bias = np.ones((3, 4), np.float32), np.zeros(3, np.float32)
    weights[1, 2] = np.nan
    tensors = [
        Tensor("x", (1, 4)),
        constant("dense/kernel", weights),
        constant("dense/bias", bias),
        Tensor("y", (1, 3)),
    ]
    dense = Operator("FULLY_CONNECTED", ("x", "dense/kernel", "dense/bias"), ("y",))
    path = write_tflite(tmp_path / "nan.tflite", tensors, [dense], {"x": "x"}, {"y": "y"})
    with pytest.raises(ModelError, match=r"NaN among the weights of dense/kernel\."):
        convert(Request(path, "host", "float16", output=tmp_path / "out"))


def test_a_file_without_inputs_is_refused(assets: Path) -> None:
    with pytest.raises(ModelError, match=r"it has no inputs, so its answers are always the same"):
        opened(assets / "tricky/tflite/tflite__testdata__2_subgraphs.bin")


def test_unchanged_is_for_quantized_files(tmp_path: Path) -> None:
    path = write_dense(tmp_path / "m.tflite")
    with pytest.raises(RecipeError, match="--quantize unchanged is for quantized"):
        convert(Request(path, "host", "unchanged", output=tmp_path / "out"))


def test_a_tflite_file_becomes_no_onnx(tmp_path: Path) -> None:
    path = write_dense(tmp_path / "m.tflite")
    with pytest.raises(RecipeError, match=r"a \.tflite model does not become onnx; allowed: tflite"):
        convert(Request(path, "host", "float32", model_format="onnx", output=tmp_path / "out"))
