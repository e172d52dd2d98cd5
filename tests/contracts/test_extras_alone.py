"""Each extra works alone: no route needs a library of another; a missing one is a line that says what to install."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.onnx_models import save_convolutions
from tests.tflite_files import write_dense

KERAS = ("tensorflow", "keras", "tf_keras", "h5py")
TORCH = ("torch", "litert_torch", "torchao", "torch_pruning", "jax", "safetensors")
ONNX = ("onnx", "onnxruntime", "onnxscript", "tf2onnx")
TFLITE = ("ai_edge_litert", "ai_edge_quantizer", "flatbuffers")
# These are not found in the process, nor in its children, as where they are not installed.
SITE = """
from importlib.machinery import PathFinder

find = PathFinder.find_spec


def find_others(name, path=None, target=None):
    return None if name.partition(".")[0] in {absent!r} else find(name, path, target)


PathFinder.find_spec = find_others
"""
MODULES = (
    "import importlib, pkgutil, sys\n"
    "for package in sys.argv[1:]:\n"
    "    for module in pkgutil.iter_modules(importlib.import_module(package).__path__, package + '.'):\n"
    "        if not module.name.endswith('.__main__'):\n"
    "            importlib.import_module(module.name)\n"
)


def run(folder: Path, absent: Sequence[str], *argv: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Python where these libraries are missing."""
    (folder / "sitecustomize.py").write_text(SITE.replace("{absent!r}", repr(set(absent))))
    env = {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    return subprocess.run([sys.executable, *argv], env=env, cwd=folder, capture_output=True, text=True, check=False)


def edgekit(folder: Path, absent: Sequence[str], *argv: str | Path) -> subprocess.CompletedProcess[str]:
    return run(folder, absent, "-m", "edgekit", "-q", *argv)


@pytest.mark.parametrize(
    ("package", "absent"),
    [
        ("edgekit.pipeline", (*KERAS, *TORCH, *ONNX, *TFLITE)),
        ("edgekit_converters", (*KERAS, *TORCH, *ONNX, *TFLITE)),
        ("edgekit_converters.data", (*KERAS, *TORCH, *ONNX, *TFLITE)),
        ("edgekit_converters.onnx", (*KERAS, *TORCH, *TFLITE)),
        ("edgekit_converters.onnx.quantize", (*KERAS, *TORCH, *TFLITE)),
        ("edgekit_converters.tflite", (*KERAS, *TORCH, *ONNX)),
        pytest.param("edgekit_converters.keras", (*TORCH, "onnx", "onnxruntime"), marks=pytest.mark.slow),
        pytest.param("edgekit_converters.torch", (*KERAS, *ONNX), marks=pytest.mark.slow),
    ],
)
def test_no_part_needs_a_library_of_another(tmp_path, package, absent):
    done = run(tmp_path, absent, "-c", MODULES, package)
    assert done.returncode == 0, done.stderr


def test_the_runtime_needs_no_framework_to_run_a_file(tmp_path):
    code = "import sys; from edgekit_runtime.interpreter import open_interpreter as o; print(o(*sys.argv[1:]).library)"
    for path, kind in (
        (write_dense(tmp_path / "m.tflite"), "tflite"),
        (save_convolutions(tmp_path / "m.onnx"), "onnx"),
    ):
        done = run(
            tmp_path, (*KERAS, *TORCH, "onnx", "click", "pydantic", "rich", "flatbuffers"), "-c", code, path, kind
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("model", "absent", "words"),
    [
        ("model.h5", KERAS, "pip install 'edgekit[keras]'"),
        ("mine.py:make", TORCH, "pip install 'edgekit[torch]'"),
        ("model.onnx", ONNX, "pip install 'edgekit[onnx]'"),
        ("model.tflite", TFLITE, "pip install 'edgekit[tflite]'"),
    ],
)
def test_a_missing_library_is_one_line_with_the_command_that_brings_it(tmp_path, model, absent, words):
    (tmp_path / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (tmp_path / "mine.py").write_text("def make():\n    pass\n")
    save_convolutions(tmp_path / "model.onnx")
    write_dense(tmp_path / "model.tflite")
    for argv in (
        ("inspect", model),
        ("convert", model, "--target", "raspberry-pi-4b", "--quantize", "float32", "-o", "out"),
    ):
        done = edgekit(tmp_path, absent, *argv)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["float32", "int8-dynamic"])
def test_an_onnx_file_is_converted_where_nothing_else_is_installed(tmp_path, scheme):
    save_convolutions(tmp_path / "model.onnx")
    argv = ("convert", "model.onnx", "--target", "raspberry-pi-4b", "--format", "onnx", "--quantize", scheme)
    done = edgekit(tmp_path, (*KERAS, *TORCH, *TFLITE), *argv, "-o", "out")
    assert done.returncode == 0, done.stderr
    shown = edgekit(tmp_path, (*KERAS, *TORCH, *TFLITE), "inspect", "out")
    assert "Conv" in shown.stdout, shown.stderr
