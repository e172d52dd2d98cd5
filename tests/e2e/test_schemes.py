"""Every scheme on models that others trained: converted, measured, and compared with float32."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgekit.pipeline.convert import Converted, convert
from edgekit.pipeline.request import Request
from edgekit_converters.settings import quantizing
from edgekit_runtime import load
from edgekit_runtime.errors import RecipeError

QUANTIZED = quantizing("tflite")
SIZE_RATIOS = {"float16": (0.5, 0.53)}
INT8_SIZE_RATIO = (0.25, 0.34)
# MobileNetV1 0.25 is hard to round: int8 keeps 17 % of its answers without correction of biases.
LEAST_AGREEMENT = {"float32": 1.0, "float16": 0.95, "int16x8": 0.7}
LEAST_INT8_AGREEMENT = 0.6
MAX_ERROR_RATIO = 1.01


def edgekit(*args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edgekit", *map(str, args)], capture_output=True, text=True, check=True
    )


def enlarged(pictures: np.ndarray) -> np.ndarray:
    """Pictures (N, 32, 32, 3) of 0..255 as (N, 224, 224, 3) of -1..1."""
    return (pictures.repeat(7, axis=1).repeat(7, axis=2) / 127.5 - 1).astype(np.float32)


@pytest.fixture(scope="module")
def mobilenet(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Request:
    folder = tmp_path_factory.mktemp("pictures")
    for name, source in (("calibrate", "cifar10_train_0000-0299.npz"), ("evaluate", "cifar10_test_0000-0499.npz")):
        with np.load(assets / "data" / source) as data:
            np.savez(folder / f"{name}.npz", x=enlarged(data["x"][:48]))
    return Request(
        assets / "st-apache/mobilenet_v1_0.25_224.h5",
        "raspberry-pi-4b",
        calibrate=folder / "calibrate.npz",
        evaluate=folder / "evaluate.npz",
    )


@pytest.fixture(scope="module")
def autoencoder(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Request:
    frames = np.fromfile(assets / "mlperf-tiny/normal_id_01_00000000_hist_librosa.bin", np.float32).reshape(-1, 128)
    x = np.stack([frames[i : i + 5].ravel() for i in range(len(frames) - 4)])
    windows = tmp_path_factory.mktemp("windows") / "windows.npz"
    np.savez(windows, x=x, y=x)
    return Request(assets / "mlperf-tiny/ad01.h5", "raspberry-pi-4b", calibrate=windows, evaluate=windows)


@pytest.fixture(scope="module")
def measure(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Request, str], tuple[Converted, Path]]:
    """Convert by a scheme and measure, each once."""
    folder, done = tmp_path_factory.mktemp("schemes"), {}

    def run(request: Request, scheme: str) -> tuple[Converted, Path]:
        name = f"{request.model.stem}-{scheme}"
        if name not in done:
            converted = convert(replace(request, quantize=scheme, output=folder / name))
            edgekit("bench", converted.path, "-o", folder / f"{name}.json", "--max-runs", 5)
            done[name] = converted, folder / f"{name}.json"
        return done[name]

    return run


def check_size(converted: Converted, scheme: str) -> None:
    least, most = SIZE_RATIOS.get(scheme, INT8_SIZE_RATIO)
    assert least < converted.model_size_bytes / converted.float_size_bytes < most


def check_comparison(reports: list[Path]) -> None:
    compared = json.loads(edgekit("compare", *reports, "--json").stdout)
    assert {row["metric"] for row in compared["rows"]} >= {"model_size", "latency_p50", "peak_rss"}


def check_warnings(converted: Converted, scheme: str) -> None:
    assert any("80 times slower" in warning for warning in converted.warnings) == (scheme == "int16x8")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", QUANTIZED)
def test_mobilenet_is_measured_and_compared_in_every_scheme(
    mobilenet: Request, measure: Callable[[Request, str], tuple[Converted, Path]], scheme: str
) -> None:
    float32, float_report = measure(mobilenet, "float32")
    converted, report = measure(mobilenet, scheme)
    check_size(converted, scheme)
    check_warnings(converted, scheme)
    for found, name in ((float32, "float32"), (converted, scheme)):
        assert found.evaluation is not None
        assert found.evaluation.agreement is not None
        assert found.evaluation.agreement.value is not None
        assert found.evaluation.agreement.value >= LEAST_AGREEMENT.get(name, LEAST_INT8_AGREEMENT)
    check_comparison([float_report, report])


@pytest.mark.slow
@pytest.mark.parametrize("scheme", QUANTIZED)
def test_the_anomaly_detector_is_measured_and_compared_in_every_scheme(
    autoencoder: Request, measure: Callable[[Request, str], tuple[Converted, Path]], scheme: str
) -> None:
    _, float_report = measure(autoencoder, "float32")
    converted, report = measure(autoencoder, scheme)
    check_size(converted, scheme)
    check_warnings(converted, scheme)
    evaluation = converted.evaluation
    assert evaluation is not None
    assert evaluation.source.value is not None
    assert evaluation.exported.value is not None
    assert evaluation.exported.value <= MAX_ERROR_RATIO * evaluation.source.value
    check_comparison([float_report, report])


@pytest.fixture
def two(keras_models: Path, tmp_path: Path) -> Request:
    data = keras_models / "two.npz"
    return Request(keras_models / "two.keras", "host", "int8", calibrate=data, output=tmp_path / "two")


def test_each_input_and_output_can_have_a_type_of_its_own(two: Request) -> None:
    converted = convert(replace(two, input_dtypes=("narrow=float32",), output_dtypes=("float32", "sign=int8")))
    manifest = converted.manifest
    assert {b.source.name: b.stored.dtype for b in manifest.inputs} == {"wide": "int8", "narrow": "float32"}
    assert {b.source.name: b.stored.dtype for b in manifest.outputs} == {"sign": "int8", "area": "float32"}
    assert two.calibrate is not None
    arrays = np.load(two.calibrate)
    outputs = load(converted.path)({"wide": arrays["wide"], "narrow": arrays["narrow"]})
    assert {name: value.dtype for name, value in outputs.items()} == {"sign": np.float32, "area": np.float32}


def test_an_output_that_the_model_lacks_is_refused_once_the_model_is_loaded(two: Request) -> None:
    stages: list[str] = []
    with pytest.raises(RecipeError, match=r"no output of this name; allowed: sign, area"):
        convert(replace(two, output_dtypes=("size=float32",)), progress=lambda stage, done, total: stages.append(stage))
    assert set(stages) == {"loading the model"}
    assert two.output is not None
    assert list(two.output.parent.iterdir()) == []


def test_weights_alone_are_quantized_without_samples_and_without_warnings(keras_models: Path, tmp_path: Path) -> None:
    request = Request(keras_models / "cnn.keras", "host", "int8-weight-only", output=tmp_path / "cnn")
    converted = convert(request)
    assert converted.warnings == ()
    assert converted.manifest.golden_data == "synthetic"
    edgekit("bench", converted.path, "-o", tmp_path / "report.json", "--max-runs", 5)
