"""edgekit.pipeline.assemble: what the user gives beside the model comes into the bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgekit.pipeline.convert import convert
from edgekit.pipeline.plan import make_plan
from edgekit.pipeline.request import Request
from edgekit_runtime.bundle import open_bundle
from edgekit_runtime.errors import RecipeError
from edgekit_runtime.golden import read_golden


@pytest.fixture
def cnn(keras_models: Path, tmp_path: Path) -> Request:
    return Request(keras_models / "cnn.keras", "raspberry-pi-4b", "float32", output=tmp_path / "cnn")


def test_licence_and_model_card_are_kept_and_named_in_the_manifest(cnn, tmp_path):
    card = tmp_path / "about this model.txt"
    card.write_bytes(b"# What it is for\r\n")
    convert(replace(cnn, license="CC-BY-4.0", model_card=card))
    with open_bundle(cnn.output) as bundle:
        assert bundle.manifest.license == "CC-BY-4.0"
        assert bundle.manifest.model_card == "model-card.txt"
        assert "model-card.txt" in [entry.path for entry in bundle.manifest.files]
        assert (bundle.folder / "model-card.txt").read_bytes() == b"# What it is for\r\n"


def test_golden_outputs_of_builtin_kernels_lie_beside_those_of_xnnpack(cnn):
    convert(cnn)
    with open_bundle(cnn.output) as bundle:
        assert bundle.manifest.kernels == "xnnpack"
        golden = read_golden(bundle.golden_path, bundle.manifest)
    ((xnnpack,), (builtin,)) = golden.outputs, golden.builtin
    np.testing.assert_allclose(builtin, xnnpack, atol=1e-5)


@pytest.mark.parametrize("name", ["none.md", ""])
def test_a_model_card_that_is_no_file_is_told_before_the_work(cnn, tmp_path, name):
    with pytest.raises(RecipeError, match=r"--model-card .*: no such file\."):
        make_plan(replace(cnn, model_card=tmp_path / name))
