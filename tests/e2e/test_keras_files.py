"""Keras files that others trained, back to Keras 2.1: each loads, and keeps its answers as INT8."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgekit.pipeline.convert import Converted, convert
from edgekit.pipeline.request import Request

MAX_NET_LOSS = 5  # of 500
MIN_AGREEMENT = 0.95
CIFAR_MEAN, CIFAR_DEVIATION = np.float32([125.307, 122.95, 113.865]), np.float32([62.9932, 62.0887, 66.7048])


def save(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


def kept(converted: Converted, accuracy: float) -> None:
    evaluation = converted.evaluation
    assert evaluation is not None
    assert evaluation.samples == 500
    assert evaluation.source.value == pytest.approx(accuracy)
    flips = evaluation.flips
    assert flips is not None
    assert flips.lost is not None
    assert flips.gained is not None
    assert flips.lost - flips.gained <= MAX_NET_LOSS


@pytest.mark.slow
def test_keyword_spotting_of_keras_2_2_keeps_its_answers(assets: Path, tmp_path: Path) -> None:
    stored = np.load(assets / "data/kws01_mfcc_000-499.npz")
    x = (stored["x"].astype(np.float32) - 83) * np.float32(0.584703)
    converted = convert(
        Request(
            assets / "mlperf-tiny-results/kws_model.h5",
            "raspberry-pi-4b",
            "int8",
            calibrate=save(tmp_path / "calibrate.npz", x=x[::5]),
            evaluate=save(tmp_path / "evaluate.npz", x=x, y=stored["y"].astype(np.int64)),
            output=tmp_path / "kws",
        )
    )
    kept(converted, 0.908)


@pytest.mark.slow
def test_a_lenet_of_keras_2_1_keeps_its_answers(assets: Path, tmp_path: Path) -> None:
    train, test = (np.load(assets / f"data/cifar10_{name}.npz") for name in ("train_0000-0299", "test_0000-0499"))
    x = (test["x"] - CIFAR_MEAN) / CIFAR_DEVIATION
    converted = convert(
        Request(
            assets / "one-pixel-attack-keras/lenet.h5",
            "raspberry-pi-4b",
            "int8",
            calibrate=save(tmp_path / "calibrate.npz", x=(train["x"] - CIFAR_MEAN) / CIFAR_DEVIATION),
            evaluate=save(tmp_path / "evaluate.npz", x=x, y=test["y"].astype(np.int64)),
            output=tmp_path / "lenet",
        )
    )
    kept(converted, 0.746)


def crops(assets: Path, size: int, scaled: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Nine square crops in each of three sizes from each of the eight photos, `(216, size, size, 3)`."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    photos = [*sorted((assets / "coral/images").iterdir())]
    photos += [assets / "tflite-micro/person.bmp", assets / "tflite-micro/no_person.bmp"]
    found = []
    for photo in photos:
        picture = image.open(photo).convert("RGB")
        for share in (1.0, 0.8, 0.6):
            side = int(min(picture.size) * share)
            for x in (0.0, 0.5, 1.0):
                for y in (0.0, 0.5, 1.0):
                    left, top = int((picture.size[0] - side) * x), int((picture.size[1] - side) * y)
                    part = picture.crop((left, top, left + side, top + side)).resize((size, size), image.BILINEAR)
                    found.append(scaled(np.asarray(part, np.float32)))
    return np.stack(found)


@pytest.mark.slow
def test_visual_wake_words_agrees_with_its_source_on_photos(assets: Path, tmp_path: Path) -> None:
    x = crops(assets, 96, lambda pixels: pixels / 255)
    third = np.arange(len(x)) % 3 == 0
    converted = convert(
        Request(
            assets / "mlperf-tiny/vww_96.h5",
            "raspberry-pi-4b",
            "int8",
            calibrate=save(tmp_path / "calibrate.npz", x=x[third]),
            evaluate=save(tmp_path / "evaluate.npz", x=x[~third]),
            output=tmp_path / "vww",
        )
    )
    assert converted.evaluation is not None
    assert converted.evaluation.agreement is not None
    assert converted.evaluation.agreement.value is not None
    assert converted.evaluation.agreement.value >= MIN_AGREEMENT


@pytest.mark.slow
def test_mobilenet_of_keras_2_8_gives_as_float_what_its_source_gives(assets: Path, tmp_path: Path) -> None:
    x = crops(assets, 224, lambda pixels: pixels / 127.5 - 1)[::9]
    converted = convert(
        Request(
            assets / "st-apache/mobilenet_v1_0.25_224.h5",
            "raspberry-pi-4b",
            "float32",
            evaluate=save(tmp_path / "evaluate.npz", x=x),
            output=tmp_path / "mobilenet",
        )
    )
    assert converted.evaluation is not None
    assert converted.evaluation.sqnr_db.value is not None
    assert converted.evaluation.sqnr_db.value > 100


def test_a_class_that_nobody_can_find_is_named(assets: Path, tmp_path: Path) -> None:
    path = assets / "keras/pre_pr22362_nested_container.keras"
    argv = [sys.executable, "-m", "edgekit", "convert", str(path), "--target", "host", "--quantize", "float32"]
    argv += ["-o", str(tmp_path / "out")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "layer 'nested_dense_model' is of the class NestedDenseModel" in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []
