"""edgekit.inspecting: what finished models and bundles say of themselves."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.inspecting import inspect
from edgekit.pipeline.write_bundle import list_files, write_document, zip_folder
from edgekit_converters.evaluation import EVALUATION_FILE
from edgekit_runtime.codec import dumps_document, loads_document
from edgekit_runtime.errors import BundleError, ModelError, RecipeError
from edgekit_runtime.manifest import MANIFEST_FILE, Manifest
from tests.bundle_files import dense_bundle
from tests.onnx_models import save_convolutions
from tests.runtime.conformance_models import write_models
from tests.tflite_files import write_dense


def manifest_of(folder: Path) -> Manifest:
    return loads_document(Manifest, (folder / MANIFEST_FILE).read_text())


def seal_again(folder: Path, **changes) -> None:
    write_document(folder, MANIFEST_FILE, replace(manifest_of(folder), files=list_files(folder), **changes))


def test_a_bare_file_has_a_graph_and_no_bundle(tmp_path):
    path = write_dense(tmp_path / "dense.tflite")
    inspection = inspect(path)
    assert inspection.path == str(path)
    assert inspection.model_size.value == path.stat().st_size
    assert inspection.graph.macs.value == 66
    assert inspection.bundle is None


@pytest.mark.parametrize("packed", [False, True])
def test_a_bundle_says_what_it_is(tmp_path, packed):
    path = folder = dense_bundle(tmp_path)
    if packed:
        path = tmp_path / "dense.edgekit"
        zip_folder(folder, path)
    inspection = inspect(path)
    assert inspection.path == str(path)
    assert inspection.graph.macs.value == 66
    assert inspection.bundle.manifest == manifest_of(folder)
    assert len(inspection.bundle.digest) == 64
    assert inspection.bundle.evaluation is None


def test_a_bundles_borders_have_the_names_of_its_source(tmp_path):
    folder = dense_bundle(tmp_path)
    manifest = manifest_of(folder)
    graph = inspect(folder).graph
    assert [spec.name for spec in graph.inputs] == [one.source.name for one in manifest.inputs]
    assert [spec.name for spec in graph.outputs] == [one.source.name for one in manifest.outputs]
    assert graph.inputs[0].name != manifest.inputs[0].stored.name


def test_a_bundles_evaluation_is_read(tmp_path, made):
    folder = dense_bundle(tmp_path)
    write_document(folder, EVALUATION_FILE, made.evaluation())
    seal_again(folder)
    assert inspect(folder).bundle.evaluation == made.evaluation()


def test_an_evaluation_that_cannot_be_read_is_a_bundle_error(tmp_path):
    folder = dense_bundle(tmp_path)
    (folder / EVALUATION_FILE).write_text("{}")
    seal_again(folder)
    with pytest.raises(BundleError, match=r"trail/evaluation\.json: schema: is None"):
        inspect(folder)


def test_a_model_card_must_be_in_the_bundle_that_names_it(tmp_path):
    folder = dense_bundle(tmp_path)
    seal_again(folder, model_card="model-card.md")
    with pytest.raises(BundleError, match=r"model-card\.md is not in the manifest's files"):
        inspect(folder)
    (folder / "model-card.md").write_text("# For tests\n")
    seal_again(folder)
    assert inspect(folder).bundle.manifest.model_card == "model-card.md"


def test_a_changed_bundle_is_refused(tmp_path):
    folder = dense_bundle(tmp_path)
    (folder / "model.tflite").write_bytes(b"changed")
    with pytest.raises(BundleError, match="the bundle is damaged"):
        inspect(folder)


@pytest.mark.parametrize("name", ["none.tflite", "notes.txt", "weights.pth"])
def test_what_is_no_model_is_a_model_error(tmp_path, name):
    (tmp_path / "notes.txt").write_text("no model")
    (tmp_path / "weights.pth").write_bytes(b"\x80\x02 a pickle")
    with pytest.raises(ModelError, match=name):
        inspect(tmp_path / name)


def test_an_onnx_file_is_read_as_it_is_with_the_shapes_asked_for(tmp_path):
    path = save_convolutions(tmp_path / "model.onnx", batch="batch")
    inspection = inspect(path)
    assert (inspection.graph.format, inspection.source) == ("onnx", None)
    assert inspect(path, shapes=("x=4,3,12,12",)).graph.macs.value == 4 * inspection.graph.macs.value
    assert inspect(path, shapes=("4,3,12,12",)).graph.macs.value == 4 * inspection.graph.macs.value
    with pytest.raises(RecipeError, match="--shape x=a,b: not a shape"):
        inspect(path, shapes=("x=a,b",))


def test_the_same_layers_cost_the_same_in_both_formats(tmp_path):
    dense = write_models("onnx", tmp_path) / "dense.onnx"
    one, other = inspect(dense).graph, inspect(write_dense(tmp_path / "dense.tflite")).graph
    assert (one.macs.value, one.parameters.value) == (other.macs.value, other.parameters.value) == (66, 75)


@pytest.mark.parametrize(
    "options", [{"weights": Path("w.pth")}, {"trust": True}, {"model_format": "onnx"}, {"dtypes": ("int8",)}]
)
def test_nothing_is_asked_of_a_finished_file_that_it_cannot_follow(tmp_path, options):
    with pytest.raises(RecipeError, match=r"dense\.tflite is finished, and not exported; allowed with a source model"):
        inspect(write_dense(tmp_path / "dense.tflite"), **options)


def test_a_bundle_has_its_shapes(tmp_path):
    with pytest.raises(RecipeError, match=r"--shape: .* is finished"):
        inspect(dense_bundle(tmp_path), shapes=("1,8",))


@pytest.mark.slow
@pytest.mark.parametrize(("model_format", "operator"), [(None, "CONV_2D"), ("onnx", "Conv")])
def test_a_source_model_is_exported_first(keras_models, model_format, operator):
    told = []
    inspection = inspect(
        keras_models / "cnn.keras", model_format=model_format, progress=lambda *stage: told.append(stage)
    )
    assert inspection.source.source_format == "keras"
    assert "keras" in [library.name for library in inspection.source.libraries]
    assert inspection.graph.format == (model_format or "tflite")
    assert operator in [row.name for row in inspection.graph.operators]
    assert inspection.graph.macs.value > 0
    assert told[-1][1:] == (1, 1)


@pytest.mark.slow
def test_code_that_makes_a_model_is_exported_with_its_shape(tmp_path):
    code = tmp_path / "mine.py"
    code.write_text("from torch import nn\n\n\ndef make():\n    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())\n")
    path = Path(f"{code}:make")
    inspection = inspect(path, model_format="onnx", shapes=("1,3,8,8",))
    assert inspection.source.source_format == "torch-code"
    assert inspection.graph.macs.value == 4 * 6 * 6 * 3 * 3 * 3
    with pytest.raises(RecipeError, match="--format gguf: unknown format; allowed: tflite, onnx"):
        inspect(path, model_format="gguf")


@pytest.mark.slow
def test_a_damaged_source_is_a_model_error(tmp_path):
    (tmp_path / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(ModelError, match=r"model\.h5"):
        inspect(tmp_path / "model.h5")


def test_a_folder_that_is_no_bundle_says_so(tmp_path):
    with pytest.raises(BundleError, match=r"it has no manifest\.json"):
        inspect(tmp_path)


def test_it_is_a_document(tmp_path):
    tree = json.loads(dumps_document(inspect(dense_bundle(tmp_path, "int8"))))
    assert (tree["schema"], tree["version"]) == ("edgekit/inspection", 1)
    assert tree["graph"]["inputs"][0]["quantization"]["axis"] is None
    assert tree["bundle"]["manifest"]["scheme"] == "int8"
