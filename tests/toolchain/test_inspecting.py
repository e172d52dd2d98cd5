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
from edgekit_runtime.errors import BundleError, ModelError
from edgekit_runtime.manifest import MANIFEST_FILE, Manifest
from tests.bundle_files import dense_bundle
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


@pytest.mark.parametrize("name", ["none.tflite", "model.h5"])
def test_what_is_no_finished_model_is_a_model_error(tmp_path, name):
    (tmp_path / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(ModelError, match=name):
        inspect(tmp_path / name)


def test_a_folder_that_is_no_bundle_says_so(tmp_path):
    with pytest.raises(BundleError, match=r"it has no manifest\.json"):
        inspect(tmp_path)


def test_it_is_a_document(tmp_path):
    tree = json.loads(dumps_document(inspect(dense_bundle(tmp_path, "int8"))))
    assert (tree["schema"], tree["version"]) == ("edgekit/inspection", 1)
    assert tree["graph"]["inputs"][0]["quantization"]["axis"] is None
    assert tree["bundle"]["manifest"]["scheme"] == "int8"
