"""A folder of pictures, from the data to the answer on the device."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgekit.pipeline.convert import Converted, convert
from edgekit.pipeline.request import Request
from edgekit_converters.settings import PictureSettings
from edgekit_runtime import load
from edgekit_runtime.errors import DataError

Image = pytest.importorskip("PIL.Image")
CLASSES = ("bee", "cat", "dog")
SETTINGS = PictureSettings(pixel_range=(-1.0, 1.0))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures of each of three classes, larger than the model's input."""
    folder, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for name in CLASSES:
        (folder / name).mkdir()
        for i in range(12):
            Image.fromarray(random.integers(0, 256, (9, 12), dtype=np.uint8)).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def converted(keras_models: Path, pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Converted:
    output = tmp_path_factory.mktemp("out") / "cnn"
    return convert(
        Request(
            keras_models / "cnn.keras", "host", "int8", calibrate=pictures, evaluate=pictures,
            pictures=SETTINGS, output=output,
        )
    )  # fmt: skip


def test_the_bundle_keeps_preparation_and_names_but_no_picture(converted: Converted) -> None:
    preparation = converted.manifest.inputs[0].preparation
    assert preparation is not None
    assert (preparation.size, preparation.channels, preparation.pixel_range) == ((6, 6), "gray", (-1.0, 1.0))
    assert (converted.path / "labels.txt").read_text().split() == list(CLASSES)
    assert converted.manifest.golden_data == "synthetic"


def test_a_model_that_only_guesses_is_told(converted: Converted) -> None:
    assert any("guessing among 3 classes" in warning for warning in converted.warnings)


def test_the_device_prepares_a_picture_as_the_host_did(converted: Converted, pictures: Path) -> None:
    path = pictures / "cat" / "3.png"
    small = Image.open(path).resize((6, 6), Image.Resampling.BILINEAR)
    expected = load(converted.path)(np.asarray(small, np.float32)[..., None] / 127.5 - 1)
    argv = [sys.executable, "-m", "edgekit_runtime", "run", str(converted.path), str(path), "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    ((output,),) = json.loads(done.stdout)["samples"]
    assert output["values"] == pytest.approx(expected.tolist())
    assert output["best"][0]["label"] == CLASSES[int(np.argmax(expected))]
    assert np.array_equal(load(converted.path)(np.asarray(small)), expected)  # pixels, resized already


def test_data_in_another_range_is_told_with_the_evidence(keras_models: Path, pictures: Path, tmp_path: Path) -> None:
    request = Request(
        keras_models / "cnn.keras", "host", "int8", calibrate=pictures, evaluate=keras_models / "evaluate.npz",
        output=tmp_path / "cnn",
    )  # fmt: skip
    (warning,) = [text for text in convert(request).warnings if "calibration data" in text]
    assert "input picture spans" in warning
    assert "in the calibration data, but -3.899 to 3.066 in the evaluation data" in warning


def test_folders_for_too_few_classes_are_refused(keras_models: Path, pictures: Path, tmp_path: Path) -> None:
    for name in CLASSES[:2]:
        (tmp_path / "few" / name).mkdir(parents=True)
        (tmp_path / "few" / name / "0.png").write_bytes((pictures / name / "0.png").read_bytes())
    with pytest.raises(DataError, match=r"it tells 2 classes; the model gives 3.*labels\.txt"):
        convert(
            Request(keras_models / "cnn.keras", "host", "float32", evaluate=tmp_path / "few", output=tmp_path / "o")
        )
    assert not (tmp_path / "o").exists()
