"""From a source model to a bundle for an accelerator."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edgekit import check, convert
from edgekit.pipeline.request import Request
from edgekit_converters.compile.compilation import COMPILATION_FILE, Compilation
from edgekit_converters.compile.compile import compile_for
from edgekit_runtime.bundle import open_bundle
from edgekit_runtime.codec import loads_document
from edgekit_runtime.errors import RecipeError
from edgekit_targets.catalog import load_profile
from edgekit_targets.graph.read import read_graph


@pytest.mark.slow
def test_a_bundle_for_an_ethos_u_holds_the_compiled_file_beside_the_plain_one(
    keras_models: Path, tmp_path: Path
) -> None:
    data = keras_models / "calibrate.npz"
    request = Request(
        keras_models / "cnn.keras", "ethos-u55-256", calibrate=data, samples=16, output=tmp_path / "bundle"
    )

    converted = convert(request)

    with open_bundle(converted.path) as bundle:
        assert bundle.manifest.compiled == "model.ethos-u55-256.tflite"
        compilation = loads_document(Compilation, (bundle.folder / COMPILATION_FILE).read_text())
        graphs = [read_graph(bundle.folder / name) for name in ("model.tflite", bundle.manifest.compiled)]
    assert compilation == converted.compilation
    assert "ethos-u" not in {operator.name for operator in graphs[0].main.operators}
    assert "ethos-u" in {operator.name for operator in graphs[1].main.operators}
    assert check(converted.path, "ethos-u55-256").fits
    assert not converted.benchable


def test_a_float_model_for_an_ethos_u_writes_nothing_and_says_what_to_do(keras_models: Path, tmp_path: Path) -> None:
    output, model = tmp_path / "bundle", keras_models / "cnn.keras"

    with pytest.raises(RecipeError, match=r"Ethos-U55-256 .* does not take it; allowed: int8, int16x8") as caught:
        convert(Request(model, "ethos-u55-256", quantize="float32", output=output))
    assert f"edgekit convert {model} --target ethos-u55-256 --quantize int8 --calibrate DATA" in caught.value.hint
    assert not output.exists()


MAKE_MOBILENET = """
import sys
import keras, numpy as np
keras.utils.set_random_seed(0)
x = np.random.default_rng(0).uniform(-1, 1, (8, 96, 96, 3)).astype("float32")
model = keras.applications.MobileNetV2(weights=None, alpha=0.35, input_shape=(96, 96, 3), classes=10)
for layer in model.layers:  # with the statistics that they begin with, activations vanish from layer to layer
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.momentum = 0.0
model(x, training=True)
model.save(sys.argv[1])
np.savez(sys.argv[2], x=x)
"""


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small MobileNetV2 of random weights as a bundle for the Ethos-U55."""
    folder = tmp_path_factory.mktemp("mobilenet")
    model, data = folder / "mobilenet.keras", folder / "data.npz"
    subprocess.run([sys.executable, "-c", MAKE_MOBILENET, model, data], check=True, capture_output=True)
    return convert(Request(model, "ethos-u55-256", calibrate=data, output=folder / "bundle")).path


@pytest.mark.slow
@pytest.mark.parametrize("target", ["ethos-u55-256", "ethos-u65-512", "ethos-u85-256"])
def test_a_mobilenet_runs_whole_on_each_ethos_u(target: str, mobilenet: Path, tmp_path: Path) -> None:
    compiled = compile_for(mobilenet / "model.tflite", load_profile(target).profile, tmp_path)
    held = check(mobilenet, target)

    assert compiled is not None
    assert compiled.path is not None
    assert [operator.name for operator in read_graph(compiled.path).main.operators] == ["ethos-u"]
    figures = {one.name: one.figure.value for one in compiled.compilation.figures}
    assert figures["operators_on_npu"] == held.operators.value
    assert held.fits
    assert held.placement is not None
    assert held.placement.partitions.value == figures["partitions"] == 1
