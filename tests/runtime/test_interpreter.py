"""edgekit_runtime.interpreter: which library runs a file, told by its content."""

from __future__ import annotations

import pytest

from edgekit_runtime.errors import ModelError
from edgekit_runtime.interpreter import detect_format, open_interpreter
from tests.tflite_files import write_dense


def test_a_tflite_file_is_known_by_its_content_not_by_its_suffix(tmp_path):
    path = write_dense(tmp_path / "model.onnx")
    assert detect_format(path) == "tflite"
    assert open_interpreter(path, detect_format(path)).inputs[0].name == "x"


@pytest.mark.parametrize("content", [b"", b"TFL3", b"not a model", b"TFL3\0\0\0\0", b"PK\x03\x04 a zip"])
def test_other_content_is_refused_with_what_is_allowed(tmp_path, content):
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"not a model .*; allowed: a \.tflite file or a bundle") as caught:
        detect_format(path)
    assert "edgekit convert" in caught.value.hint


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ModelError, match="missing: no such file or directory"):
        detect_format(tmp_path / "missing")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ModelError, match="is a directory"):
        detect_format(tmp_path)


def test_a_name_longer_than_the_system_takes_is_refused(tmp_path):
    with pytest.raises(ModelError, match="file name too long"):
        detect_format(tmp_path / ("x" * 300))


def test_a_format_without_interpreter_is_refused_with_those_allowed(tmp_path):
    with pytest.raises(ModelError, match=r"its format is onnx, .*; allowed: tflite"):
        open_interpreter(tmp_path / "model.onnx", "onnx")


def test_threads_are_passed_on(tmp_path):
    path = write_dense(tmp_path / "model.tflite")
    assert open_interpreter(path, "tflite", threads=2).outputs[0].name == "y"
    with pytest.raises(ModelError):
        open_interpreter(path, "tflite", threads=0)
