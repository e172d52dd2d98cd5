"""Real models that others trained: from their files to a comparison."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgekit.pipeline.convert import Converted, convert
from edgekit.pipeline.request import Request

MAX_RESNET8_BYTES = 98_500
MAX_NET_LOSS = 5
MAX_FLIPS = 20
MAX_ERROR_RATIO = 1.10


def edgekit(*args: object, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "edgekit", *map(str, args)], capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stderr
    return done


def resnet8(assets: Path, output: Path, scheme: str) -> Converted:
    return convert(
        Request(
            assets / "mlperf-tiny/pretrainedResnet.h5",
            "raspberry-pi-4b",
            scheme,
            calibrate=assets / "data/cifar10_train_0000-0299.npz",
            evaluate=assets / "data/cifar10_test_0000-0499.npz",
            output=output,
        )
    )


@pytest.fixture(scope="module")
def windows(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 196 windows of five spectrogram frames that the anomaly detector was made for."""
    frames = np.fromfile(assets / "mlperf-tiny/normal_id_01_00000000_hist_librosa.bin", np.float32).reshape(-1, 128)
    x = np.stack([frames[i : i + 5].ravel() for i in range(len(frames) - 4)])
    path = tmp_path_factory.mktemp("windows") / "windows.npz"
    np.savez(path, x=x, y=x)
    return path


def test_resnet8_keeps_its_answers_as_int8_then_is_measured_and_compared(assets: Path, tmp_path: Path) -> None:
    int8, float32 = resnet8(assets, tmp_path / "int8", "int8"), resnet8(assets, tmp_path / "float32", "float32")
    assert int8.model_size_bytes <= MAX_RESNET8_BYTES
    for converted in (int8, float32):
        assert converted.evaluation is not None
        assert converted.evaluation.source.value == 0.89
    assert float32.evaluation is not None
    assert float32.evaluation.exported.value == 0.89
    assert int8.evaluation is not None
    flips = int8.evaluation.flips
    assert flips is not None
    assert flips.lost is not None
    assert flips.gained is not None
    assert flips.lost - flips.gained <= MAX_NET_LOSS
    assert flips.total <= MAX_FLIPS
    reports = []
    for converted in (float32, int8):
        report = tmp_path / f"{converted.manifest.scheme}.json"
        edgekit("bench", converted.path, "-o", report, "--max-runs", 5)
        reports.append(report)
    compared = json.loads(edgekit("compare", *reports, "--json").stdout)
    assert {row["metric"] for row in compared["rows"]} >= {"accuracy", "model_size", "latency_p50", "peak_rss"}
    edgekit("compare", *reports, "--fail-if", "model_size > 0.5x")
    edgekit("compare", *reversed(reports), "--fail-if", "model_size > 1.5x", status=1)


def test_the_anomaly_detector_keeps_its_error_as_int8(assets: Path, windows: Path, tmp_path: Path) -> None:
    converted = convert(
        Request(
            assets / "mlperf-tiny/ad01.h5",
            "raspberry-pi-4b",
            "int8",
            calibrate=windows,
            evaluate=windows,
            output=tmp_path / "ad01",
        )
    )
    evaluation = converted.evaluation
    assert evaluation is not None
    assert evaluation.metric == "mean_squared_error"
    assert evaluation.source.value is not None
    assert evaluation.exported.value is not None
    assert evaluation.source.value == pytest.approx(9.49, abs=0.01)
    assert evaluation.exported.value <= MAX_ERROR_RATIO * evaluation.source.value


@pytest.mark.parametrize(
    ("name", "words"),
    [("blockwise_quantized", "SIGABRT"), ("nested_while", "no answer within 3 s")],
)
def test_a_file_that_kills_or_hangs_the_interpreter_is_one_clear_line(assets: Path, name: str, words: str) -> None:
    (path,) = (assets / "tricky/tflite").glob(f"*{name}*")
    done = edgekit("bench", path, "--timeout", 3, status=2)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert path.name in line
    assert words in line
    assert done.stdout == ""
