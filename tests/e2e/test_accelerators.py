"""From a source model to a bundle for an accelerator."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit import check, convert
from edgekit.pipeline.request import Request
from edgekit_converters.compile.compilation import COMPILATION_FILE, Compilation, CompileError
from edgekit_runtime.bundle import open_bundle
from edgekit_runtime.codec import loads_document
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


@pytest.mark.slow
def test_a_float_model_for_an_ethos_u_writes_nothing_and_says_what_to_do(keras_models: Path, tmp_path: Path) -> None:
    output = tmp_path / "bundle"
    request = Request(keras_models / "cnn.keras", "ethos-u55-256", quantize="float32", output=output)

    with pytest.raises(CompileError, match="--quantize int8 --calibrate DATA"):
        convert(request)
    assert not output.exists()
