"""Three models, as float32 and int8, as TFLite and ONNX: converted here, then run and counted on three processors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgekit.pipeline.request import Request
from edgekit.reports.report import Report
from tests.devices.emulated_boards import NEEDS, PI_3, PI_4, PI_5, counts_of, kept_by

pytestmark = NEEDS
BOARDS = (PI_3, PI_4, PI_5)
SOURCES = {
    "resnet8": "mlperf-tiny/pretrainedResnet.h5",
    "kws": "mlperf-tiny-results/kws_model.h5",
    "vww": "mlperf-tiny/vww_96.h5",
}
INTERPRETERS = {"tflite": "ai-edge-litert 2.3.0", "onnx": "onnxruntime 1.31.1"}
SAMPLES = 64
# Millions of instructions of an inference on Cortex-A53, A72 and A76, as edgekit's plugin of QEMU 7.2 counts them.
MILLIONS = {
    ("resnet8", "float32", "tflite"): (7.06, 4.89, 4.71),
    ("resnet8", "float32", "onnx"): (6.57, 6.57, 6.57),
    ("resnet8", "int8", "tflite"): (5.01, 4.32, 1.50),
    ("resnet8", "int8", "onnx"): (5.53, 5.53, 2.74),
    ("kws", "float32", "tflite"): (2.00, 1.41, 1.35),
    ("kws", "float32", "onnx"): (3.05, 3.05, 3.05),
    ("kws", "int8", "tflite"): (1.34, 1.94, 0.71),
    ("kws", "int8", "onnx"): (1.55, 1.55, 0.95),
    ("vww", "float32", "tflite"): (5.51, 3.63, 3.52),
    ("vww", "float32", "onnx"): (7.65, 7.65, 7.65),
    ("vww", "int8", "tflite"): (4.02, 3.62, 1.93),
    ("vww", "int8", "onnx"): (4.99, 4.99, 3.27),
}
CELLS = [(*way, board, millions) for way, row in MILLIONS.items() for board, millions in zip(BOARDS, row, strict=True)]


def samples_of(assets: Path, model: str) -> np.ndarray:
    """Calibration samples as the model takes them; for VWW, which has no data at hand, enlarged pictures."""
    if model == "kws":
        stored = np.load(assets / "data/kws01_mfcc_000-499.npz")["x"][:SAMPLES]
        return (stored.astype(np.float32) - 83) * np.float32(0.584703)
    pictures = np.load(assets / "data/cifar10_test_0000-0499.npz")["x"][:SAMPLES].astype(np.float32)
    return pictures if model == "resnet8" else pictures.repeat(3, axis=1).repeat(3, axis=2) / 255


@pytest.fixture(scope="module")
def report(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str, str, str], Report]:
    """The report of a model in a scheme and a format on a board; each conversion and each report is made once."""
    kept, data = kept_by(tmp_path_factory, "models"), tmp_path_factory.mktemp("samples")

    def made(model: str, scheme: str, model_format: str, board: str) -> Report:
        np.savez(data / f"{model}.npz", x=samples_of(assets, model))
        request = Request(
            assets / SOURCES[model], PI_5, scheme, calibrate=data / f"{model}.npz", model_format=model_format
        )
        return kept.report(kept.bundle(f"{model}-{scheme}-{model_format}", request), board)

    return made


@pytest.mark.parametrize(("model", "scheme", "model_format", "board", "millions"), CELLS)
def test_it_gives_its_golden_outputs_and_takes_the_instructions_of_the_kernels_for_it(
    report, model, scheme, model_format, board, millions
):
    made = report(model, scheme, model_format, board)
    record = made.record
    assert made.target == board
    assert record.environment.interpreter == INTERPRETERS[model_format]
    assert record.environment.kernels == ("xnnpack" if model_format == "tflite" else "cpu")
    assert record.golden.samples == 4
    assert record.golden.worst <= record.golden.limit
    counts = counts_of(made)
    assert counts.operators
    # int8 files compute in integers: without dot products where the processor has none, with them where it has.
    assert bool(counts.dot_products) == (scheme == "int8" and board == PI_5)
    assert counts.instructions / 1e6 == pytest.approx(millions, rel=0.02)


def instructions(report, *cell) -> int:
    return counts_of(report(*cell)).instructions


@pytest.mark.parametrize(("model_format", "on_a76", "on_a72"), [("tflite", 0.55, 1.0), ("onnx", 0.43, 0.65)])
def test_dot_products_halve_the_instructions_of_int8(report, model_format, on_a76, on_a72):
    """MobileNetV1 0.25 with 96 x 96 pixels, beside float32: XNNPACK's int8 saves none without dot products."""
    for board, ratio in ((PI_5, on_a76), (PI_4, on_a72)):
        int8, float32 = (instructions(report, "vww", scheme, model_format, board) for scheme in ("int8", "float32"))
        assert int8 / float32 == pytest.approx(ratio, abs=0.02)
