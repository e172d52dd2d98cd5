"""Real .tflite files as sources: quantized to INT8, with hardly an answer changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgekit.pipeline.convert import convert
from edgekit.pipeline.request import Request

pytestmark = pytest.mark.slow
CALIBRATED, EVALUATED = 200, 500


def test_a_trained_lstm_becomes_int8(assets: Path, tmp_path: Path) -> None:
    with np.load(assets / "data/mnist_t10k_even_2500.npz") as digits:
        pictures, labels = (digits["x"].reshape(-1, 28, 28) / 255).astype(np.float32), digits["y"]
    np.savez(tmp_path / "calibrate.npz", x=pictures[EVALUATED : EVALUATED + CALIBRATED])
    np.savez(tmp_path / "evaluate.npz", x=pictures[:EVALUATED], y=labels[:EVALUATED])
    converted = convert(
        Request(
            assets / "tflite-micro/trained_lstm.tflite",
            "host",
            "int8",
            calibrate=tmp_path / "calibrate.npz",
            evaluate=tmp_path / "evaluate.npz",
            output=tmp_path / "int8",
        )
    )
    assert converted.evaluation is not None
    assert converted.evaluation.flips is not None
    assert converted.evaluation.flips.total <= 5
    assert converted.model_size_bytes < 0.7 * converted.float_size_bytes


def test_a_file_of_before_2020_which_calls_its_operators_otherwise_becomes_int8(assets: Path, tmp_path: Path) -> None:
    with np.load(assets / "data/cifar10_train_0000-0299.npz") as data:
        pictures = data["x"][:16].repeat(7, axis=1).repeat(7, axis=2)
    np.savez(tmp_path / "pictures.npz", x=(pictures / 127.5 - 1).astype(np.float32))
    converted = convert(
        Request(
            assets / "tflite-support/mobilenet_v1_0.25_224_1_default_1.tflite",
            "raspberry-pi-4b",
            "int8",
            calibrate=tmp_path / "pictures.npz",
            evaluate=tmp_path / "pictures.npz",
            output=tmp_path / "int8",
        )
    )
    assert converted.evaluation is not None
    assert converted.evaluation.sqnr_db.value is not None
    assert converted.evaluation.sqnr_db.value > 12
    assert converted.model_size_bytes < 0.34 * converted.float_size_bytes
