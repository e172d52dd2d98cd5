"""edgekit_converters.detect: a source model's format by its content, and every other file refused in one line."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit_converters.detect import HDF5_MAGIC, detect_source
from edgekit_runtime.errors import ModelError
from tests.tflite_files import write_dense

patient = settings(deadline=None)  # files and models take the time they take


def write_zip(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "{}")
    return path


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory) -> Path:
    return write_zip(tmp_path_factory.mktemp("zip") / "model.keras", "config.json", "metadata.json", "model.weights.h5")


def refusal(path: Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        detect_source(path)
    assert str(path) in caught.value.message
    return caught.value


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model", "model.tflite"])
def test_a_keras_file_is_known_by_its_content_not_by_its_suffix(tmp_path, name):
    assert detect_source(write_zip(tmp_path / name, "metadata.json", "config.json")) == "keras"
    (tmp_path / name).write_bytes(HDF5_MAGIC + bytes(100))
    assert detect_source(tmp_path / name) == "keras-h5"


@pytest.mark.parametrize("content", [b"", b"text", HDF5_MAGIC[:7], b"PK", b"\0" * 100, b"\x80\x04pickle"])
def test_what_is_no_model_is_refused_with_what_is_allowed(tmp_path, content):
    (tmp_path / "model.keras").write_bytes(content)
    error = refusal(tmp_path / "model.keras")
    assert "it is not a model; allowed: a Keras model as .keras or .h5" in error.message
    assert "model.save" in error.hint


def test_a_zip_of_something_else_is_refused_as_a_zip(tmp_path):
    assert "it is a zip, but no model" in refusal(write_zip(tmp_path / "a.keras", "config.json")).message


@patient
@given(st.integers(4, 300))
def test_a_truncated_keras_file_is_refused_as_perhaps_damaged(keras_file, length):
    whole = keras_file.read_bytes()
    cut = keras_file.with_name("cut.keras")
    cut.write_bytes(whole[: min(length, len(whole) - 1)])
    assert "or a damaged one" in refusal(cut).message


@patient
@given(st.integers(0, 1 << 16), st.integers(1, 255))
def test_a_changed_byte_gives_a_format_or_a_refusal(keras_file, position, change):
    changed = bytearray(keras_file.read_bytes())
    changed[position % len(changed)] ^= change
    path = keras_file.with_name("changed.keras")
    path.write_bytes(changed)
    try:
        assert detect_source(path) == "keras"
    except ModelError as error:
        assert str(path) in error.message  # noqa: PT017  # either may happen


def test_finished_files_are_sources_too(tmp_path, assets):
    assert detect_source(write_dense(tmp_path / "model.keras")) == "tflite"
    assert detect_source(assets / "ort-examples/mnist.onnx") == "onnx"


@pytest.mark.parametrize("name", ["model.py:make", "zoo.nets:Net", "zoo:Net", "../models/net.py:make_net"])
def test_code_is_told_by_its_form(name):
    assert detect_source(Path(name)) == "torch-code"


@pytest.mark.parametrize("name", ["weights.pt", "checkpoint.pth", "resnet.th", "weights.safetensors"])
def test_weights_alone_are_refused_with_how_to_name_the_code(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x80\x02pickle")
    error = refusal(tmp_path / name)
    assert "it holds weights, or a pickled or scripted module" in error.message
    assert error.hint.endswith(f"edgekit convert file.py:function --weights {tmp_path / name}")


def test_a_zip_of_weights_is_told_by_its_content(tmp_path):
    assert "it holds weights" in refusal(write_zip(tmp_path / "a.bin", "archive/data.pkl")).message


def test_a_folder_is_refused_with_how_to_save_a_file(tmp_path):
    error = refusal(tmp_path)
    assert "it is a folder" in error.message
    assert "allowed: a Keras model" in error.message
    assert "model.save" in error.hint


def test_a_bundle_is_called_one_as_a_folder_and_as_a_zip(tmp_path):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle/manifest.json").touch()
    for path in (tmp_path / "bundle", write_zip(tmp_path / "model.edgekit", "manifest.json")):
        error = refusal(path)
        assert "it is a bundle, whose model was exported already" in error.message
        assert "what the bundle was made from" in error.hint


def test_a_missing_file_is_refused(tmp_path):
    assert "no such file" in refusal(tmp_path / "missing.keras").message


@pytest.mark.parametrize("name", ["x" * 300, "model.keras/inside"])
def test_a_path_the_system_cannot_open_is_refused(tmp_path, name):
    (tmp_path / "model.keras").write_bytes(b"")
    assert "it cannot be read" in refusal(tmp_path / name).message


def test_real_files_are_known(assets):
    assert detect_source(assets / "mlperf-tiny/pretrainedResnet.h5") == "keras-h5"
    assert detect_source(assets / "keras/pre_pr22362_nested_container.keras") == "keras"
