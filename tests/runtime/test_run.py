"""edgekit_runtime.run: a bundle's answer to a picture or to arrays, on the device's own command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgekit.pipeline.write_bundle import list_files, write_document
from edgekit_runtime import load
from edgekit_runtime.agent import run_agent
from edgekit_runtime.bundle import open_bundle
from edgekit_runtime.errors import DataError
from edgekit_runtime.manifest import LABELS_FILE, MANIFEST_FILE, InputBinding
from edgekit_runtime.preparation import Preparation
from tests.bundle_files import dense_bundle, two_by_two_bundle
from tests.tflite_files import dense_samples

NAMES = "cat\ndog\nbird\n"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return dense_bundle(tmp_path)


def with_names(bundle: Path) -> Path:
    with open_bundle(bundle) as opened:
        manifest = opened.manifest
    (bundle / LABELS_FILE).write_text(NAMES)
    write_document(bundle, MANIFEST_FILE, replace(manifest, labels=LABELS_FILE, files=list_files(bundle)))
    return bundle


def ran(capsys: pytest.CaptureFixture[str], *arguments: object, status: int = 0) -> str:
    assert run_agent(["run", *map(str, arguments)]) == status
    told = capsys.readouterr()
    return told.out if status == 0 else told.err


def test_an_npy_file_gives_real_outputs(bundle, tmp_path, capsys):
    np.save(tmp_path / "x.npy", dense_samples(1)[0])
    answer = json.loads(ran(capsys, bundle, tmp_path / "x.npy", "--json"))
    assert answer["schema"] == "edgekit/answer"
    ((output,),) = answer["samples"]
    assert output["values"] == pytest.approx(load(bundle)(dense_samples(1)[0]).tolist())
    assert output["best"] == []
    assert "scores (3,)" in ran(capsys, bundle, tmp_path / "x.npy")


def test_classes_go_by_their_names_best_first(bundle, tmp_path, capsys):
    np.savez(tmp_path / "x.npz", x=dense_samples(1)[0])
    lines = ran(capsys, with_names(bundle), tmp_path / "x.npz").splitlines()
    scores = load(bundle)(dense_samples(1)[0])
    assert [line.split()[-1] for line in lines] == [NAMES.split()[i] for i in np.argsort(-scores)]


def test_several_samples_are_answered_one_after_the_other(bundle, tmp_path, capsys):
    np.save(tmp_path / "x.npy", dense_samples(3))
    assert len(json.loads(ran(capsys, bundle, tmp_path / "x.npy", "--json"))["samples"]) == 3
    assert "sample 2" in ran(capsys, bundle, tmp_path / "x.npy")


def test_several_inputs_go_by_name(tmp_path, capsys):
    bundle = two_by_two_bundle(tmp_path)
    np.savez(tmp_path / "x.npz", a=np.ones(4), b=np.zeros(4))
    (outputs,) = json.loads(ran(capsys, bundle, tmp_path / "x.npz", "--json"))["samples"]
    assert {one["name"]: one["values"] for one in outputs} == {"sum": [1] * 4, "difference": [1] * 4}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "no such file or directory"),
        (b"text", "does not say how pictures become its inputs"),
        (b"\x93NUMPY broken", "no file of plain arrays"),
        (b"PK\x03\x04 broken", "no file of plain arrays"),
    ],
)
def test_what_cannot_be_run_is_refused(bundle, tmp_path, capsys, content, text):
    if content is not None:
        (tmp_path / "x").write_bytes(content)
    assert text in ran(capsys, bundle, tmp_path / "x", status=2)


def test_a_wrong_shape_is_refused(bundle, tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.zeros(7))
    assert "allowed: (8,)" in ran(capsys, bundle, tmp_path / "x.npy", status=2)


def test_names_of_classes_that_were_taken_out_of_the_bundle_are_missed(bundle):
    (with_names(bundle) / LABELS_FILE).unlink()
    with pytest.raises(Exception, match=r"labels\.txt is missing"):
        load(bundle)


def test_the_names_of_classes_come_with_the_model(bundle):
    assert load(bundle).labels == ()
    assert load(with_names(bundle)).labels == ("cat", "dog", "bird")


def test_pixels_are_prepared_and_other_numbers_are_not(bundle):
    model = load(bundle)
    binding = model.manifest.inputs[0]
    plain = Preparation((2, 4), (2, 4), "stretch", "gray", (0.0, 1.0), (0.0,), (1.0,), "NHWC")
    model.manifest = replace(model.manifest, inputs=(InputBinding(binding.source, binding.stored, None, plain),))
    with pytest.raises(DataError, match=r"has shape \(2, 4, 1\)"):  # prepared first; the dense model takes no pictures
        model(np.zeros((2, 4), np.uint8))
    values = dense_samples(1)[0]
    assert np.array_equal(model(values), load(bundle)(values))
