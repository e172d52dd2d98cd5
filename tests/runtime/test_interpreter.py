"""edgekit_runtime.interpreter: which library runs a file, told by its content."""

from __future__ import annotations

import sys

import ai_edge_litert.interpreter
import pytest

from edgekit_runtime.errors import MissingExtraError, ModelError
from edgekit_runtime.interpreter import detect_format, open_interpreter
from tests.onnx_models import save_convolutions
from tests.tflite_files import write_dense


def test_a_tflite_file_is_known_by_its_content_not_by_its_suffix(tmp_path):
    path = write_dense(tmp_path / "model.onnx")
    assert detect_format(path) == "tflite"
    assert open_interpreter(path, detect_format(path)).inputs[0].name == "x"


@pytest.mark.parametrize("content", [b"", b"TFL3", b"not a model", b"TFL3\0\0\0\0", b"PK\x03\x04 a zip"])
def test_other_content_is_refused_with_what_is_allowed(tmp_path, content):
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"not a model .*; allowed: a \.tflite or \.onnx file, or a bundle") as caught:
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
    with pytest.raises(ModelError, match=r"its format is gguf, .*; allowed: tflite, onnx"):
        open_interpreter(tmp_path / "model.gguf", "gguf")


def test_an_onnx_file_is_known_by_its_fields(tmp_path):
    path = save_convolutions(tmp_path / "model.tflite")
    assert detect_format(path) == "onnx"
    assert open_interpreter(path, "onnx").inputs[0].name == "x"
    path.write_bytes(path.read_bytes() + b"and more")
    with pytest.raises(ModelError, match="not a model"):
        detect_format(path)


def test_without_any_interpreter_the_hint_says_what_to_install(tmp_path, monkeypatch):
    for name in ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("litert", "tflite_runtime", "onnx"):
        monkeypatch.delitem(sys.modules, f"edgekit_runtime.{name}", raising=False)
    with pytest.raises(MissingExtraError, match="pip install ai-edge-litert"):
        open_interpreter(tmp_path / "m", "tflite")
    with pytest.raises(MissingExtraError, match="pip install onnxruntime"):
        open_interpreter(tmp_path / "m", "onnx")


def test_tflite_runtime_stands_in_where_there_is_no_litert(tmp_path, monkeypatch):
    """With LiteRT's own interpreter under its name: it runs in its own environment in test_interpreters.py."""
    monkeypatch.setitem(sys.modules, "tflite_runtime", ai_edge_litert)
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", ai_edge_litert.interpreter)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    for name in ("litert", "tflite_runtime"):
        monkeypatch.delitem(sys.modules, f"edgekit_runtime.{name}", raising=False)
    model = open_interpreter(write_dense(tmp_path / "m.tflite"), "tflite")
    assert type(model).__name__ == "TfliteRuntimeInterpreter"


def test_threads_are_passed_on(tmp_path):
    path = write_dense(tmp_path / "model.tflite")
    assert open_interpreter(path, "tflite", threads=2).outputs[0].name == "y"
    with pytest.raises(ModelError):
        open_interpreter(path, "tflite", threads=0)
