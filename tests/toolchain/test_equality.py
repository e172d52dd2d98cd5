"""edgekit.pipeline.equality: a float export that computes something else is refused with the place."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from edgekit.pipeline.convert import convert
from edgekit.pipeline.equality import compare_files
from edgekit.pipeline.request import Request
from edgekit_converters.binding import Border
from edgekit_converters.equality import EQUALITY_FILE, FLOAT_LIMIT, Equality
from edgekit_runtime.bundle import open_bundle
from edgekit_runtime.codec import loads_document
from edgekit_runtime.errors import ConversionError, ModelError
from edgekit_runtime.manifest import Binding
from edgekit_runtime.tensor import TensorSpec
from tests.onnx_models import save_graph
from tests.tflite_files import write_log

# Each time that TensorFlow traces it, it becomes another function: what is exported is not what was run.
FICKLE = """
import keras

@keras.saving.register_keras_serializable("fickle")
class Fickle(keras.layers.Layer):
    count = 0

    def call(self, inputs):
        Fickle.count += 1
        return inputs * float(Fickle.count)
"""
SAVE = """
import sys
sys.path.insert(0, sys.argv[1])
import keras
from fickle_layers import Fickle
keras.utils.set_random_seed(0)
inputs = keras.Input((4,), name="x")
left = keras.layers.Dense(5, name="first", activation="relu")(inputs)
outputs = keras.layers.Dense(3, name="last")(Fickle(name="odd_one")(left))
keras.Model(inputs, outputs).save(sys.argv[2])
"""


@pytest.mark.slow
@pytest.mark.parametrize("model_format", ["tflite", "onnx"])
def test_the_operator_where_source_and_file_part_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_format: str
) -> None:
    import subprocess

    (tmp_path / "fickle_layers.py").write_text(textwrap.dedent(FICKLE))
    model = tmp_path / "model.keras"
    subprocess.run([sys.executable, "-c", SAVE, str(tmp_path), str(model)], check=True, capture_output=True)
    monkeypatch.syspath_prepend(str(tmp_path))
    request = Request(
        model,
        "host",
        "float32",
        output=tmp_path / "out",
        trust=True,
        custom=("fickle_layers",),
        model_format=model_format,
    )
    with pytest.raises(ConversionError) as caught:
        convert(request)
    assert "the float file does not compute what its source does: output last differs by" in caught.value.message
    assert "They part at Fickle odd_one of the source, and at " in caught.value.message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("model_format", ["tflite", "onnx"])
def test_a_bundle_records_how_equal_it_is(keras_models: Path, tmp_path: Path, model_format: str) -> None:
    request = Request(keras_models / "cnn.keras", "host", "float32", output=tmp_path / "cnn", model_format=model_format)
    converted = convert(request)
    with open_bundle(tmp_path / "cnn") as bundle:
        equality = loads_document(Equality, (bundle.folder / EQUALITY_FILE).read_text())
        assert bundle.manifest.format == model_format
    assert equality == converted.equality
    assert (equality.samples, equality.data, equality.limit) == (4, "synthetic", FLOAT_LIMIT)
    (step,) = equality.steps
    assert step.step == "export"
    for output in step.outputs:
        assert output.max_error.value is not None
        assert output.max_error.value < FLOAT_LIMIT


def test_a_source_that_answers_nan_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=-1 - np.eye(4, dtype=np.float32))
    model = write_log(tmp_path / "log.tflite")
    request = Request(model, "host", "float32", calibrate=tmp_path / "data.npz", output=tmp_path / "out")
    with pytest.raises(ModelError, match=r"output y has NaN for finite inputs \(calibration samples\)"):
        convert(request)
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_source_that_answers_infinity_alone_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    constants = {"w": np.full((4, 3), np.inf, np.float32)}
    model = save_graph(tmp_path / "inf.onnx", nodes, {"x": (1, 4)}, {"y": (1, 3)}, constants)
    with pytest.raises(ModelError, match="output y is infinite throughout for finite inputs") as caught:
        convert(Request(model, "host", "float32", output=tmp_path / "out"))
    assert "--calibrate" in caught.value.hint


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_an_output_with_some_infinity_is_taken(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=1 - np.eye(4, dtype=np.float32))
    model = write_log(tmp_path / "log.tflite")
    converted = convert(Request(model, "host", "float32", calibrate=tmp_path / "data.npz", output=tmp_path / "out"))
    (output,) = converted.equality.steps[0].outputs
    assert output.max_error.value == 0
    assert output.sqnr_db.reason == "an output is NaN or infinite"


def test_nan_that_quantization_made_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "source.npz", y=np.ones((4, 3), np.float32))
    np.savez(tmp_path / "quantized.npz", y=np.full((4, 3), np.nan, np.float32))
    spec = TensorSpec("y", (-1, 3), "float32")
    border = Border((), (Binding(spec, spec),), ())
    files = tmp_path / "source.npz", tmp_path / "quantized.npz"
    with pytest.raises(ConversionError, match="in the quantized file, output y has NaN where the source has numbers"):
        compare_files("quantize", *files, border)


TWO_FACED = """
import torch

class Odd(torch.nn.Module):
    def forward(self, x):
        return x * (2.0 if torch.compiler.is_exporting() else 3.0)

def make():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), Odd(), torch.nn.Linear(5, 3))
"""


@pytest.mark.slow
def test_the_part_of_a_pytorch_module_is_named(tmp_path: Path) -> None:
    code = tmp_path / "two_faced.py"
    code.write_text(TWO_FACED)
    request = Request(
        Path(f"{code}:make"), "host", "float32", output=tmp_path / "out", shapes=("1,4",), model_format="onnx"
    )
    with pytest.raises(ConversionError, match=r"They part at mul 2, operator \d+ of the source, and at "):
        convert(request)
