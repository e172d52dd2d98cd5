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
