"""Networks that others trained, made smaller on the way to int8: half of their MACs gone, the whole one teaching."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from edgekit.pipeline.convert import Converted, convert
from edgekit.pipeline.request import Request
from edgekit_runtime.figure import Figure

pytestmark = pytest.mark.slow
TARGET = "raspberry-pi-4b"
IMAGENET_MEAN, IMAGENET_DEVIATION = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


def known(figure: Figure | None) -> float:
    assert figure is not None
    assert figure.value is not None
    assert math.isfinite(figure.value)
    return figure.value


def check(converted: Converted) -> None:
    """Half of the MACs are gone, every row has all its columns, and the file answers far better than by chance."""
    assert converted.trail is not None
    rows = {step.step: step for step in converted.trail.steps}
    assert list(rows) == ["source", "prune", "distil", "export", "quantize"]
    for row in rows.values():
        assert row.parameters is not None
        assert row.latency_range_ms is not None
        assert known(row.metric) > 0
    for step in ("prune", "distil", "export", "quantize"):
        assert 0.4 * known(rows["source"].macs) <= known(rows[step].macs) <= 0.5 * known(rows["source"].macs)
    assert known(rows["distil"].metric) > known(rows["prune"].metric)
    assert known(rows["quantize"].metric) > 0.25
    assert rows["quantize"].size_bytes < 0.4 * rows["export"].size_bytes
    assert converted.equality.samples > 0


def test_resnet8_of_mlperf_tiny(assets: Path, tmp_path: Path) -> None:
    data = assets / "data/cifar10_train_0000-0299.npz", assets / "data/cifar10_test_0000-0499.npz"
    model = assets / "mlperf-tiny/pretrainedResnet.h5"
    check(convert(request(model, *data, tmp_path / "out")))


def test_resnet20_of_pytorch(assets: Path, repository: Path, tmp_path: Path) -> None:
    paths = []
    for name in ("train_0000-0299", "test_0000-0499"):
        stored = np.load(assets / f"data/cifar10_{name}.npz")
        x = (stored["x"].astype(np.float32) / 255 - IMAGENET_MEAN) / IMAGENET_DEVIATION
        paths.append(tmp_path / f"{name}.npz")
        np.savez(paths[-1], x=np.ascontiguousarray(x.transpose(0, 3, 1, 2)), y=stored["y"].astype(np.int64))
    model, weights = f"{repository}/tests/torch_models.py:ResNet20", "pytorch-resnet-cifar10/resnet20-12fca82f.th"
    check(convert(request(Path(model), *paths, tmp_path / "out", assets / weights)))


def request(model: Path, train: Path, evaluate: Path, output: Path, weights: Path | None = None) -> Request:
    return Request(
        model,
        TARGET,
        quantize="int8",
        weights=weights,
        calibrate=train,
        evaluate=evaluate,
        train=train,
        prune=0.5,
        teacher="source",
        epochs=4,
        output=output,
    )
