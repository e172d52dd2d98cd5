"""ONNX bundles at work on emulated boards: what was converted on this machine, by Arm's onnxruntime."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edgekit.benching import bench
from edgekit.pipeline.convert import convert
from edgekit.pipeline.request import Request
from edgekit.reports.report import Report
from edgekit_runtime.counts import Counts

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("qemu-aarch64") is None, reason="qemu-aarch64 is not installed (package qemu-user)"
    ),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed"),
]
PI_3, PI_4, PI_5 = "raspberry-pi-3b-plus", "raspberry-pi-4b", "raspberry-pi-5"


@pytest.fixture(scope="module")
def report(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Report]:
    """The report of ResNet8 in a scheme on a board; each conversion and each report is made once."""
    folder = tmp_path_factory.mktemp("resnet8")

    @functools.cache
    def bundle(scheme: str) -> Path:
        request = Request(
            assets / "mlperf-tiny/pretrainedResnet.h5",
            PI_5,
            scheme,
            calibrate=assets / "data/cifar10_test_0000-0499.npz",
            samples=64,
            output=folder / scheme,
            model_format="onnx",
        )
        return convert(request).path

    @functools.cache
    def made(board: str, scheme: str) -> Report:
        return bench(bundle(scheme), device=f"emulated://{board}", target=board)

    return made


def counts_of(report: Report) -> Counts:
    assert report.record.counts is not None
    return report.record.counts


# With onnxruntime 1.31.1; an int8 file that it did not fuse would compute in float, between conversions.
@pytest.mark.parametrize(
    ("board", "scheme", "millions", "dot_products"),
    [
        (PI_3, "int8", 5.53, False),
        (PI_4, "int8", 5.52, False),
        (PI_5, "int8", 2.74, True),
        (PI_5, "float32", 6.57, False),
    ],
)
def test_the_golden_outputs_hold_and_integers_are_computed_as_such(report, board, scheme, millions, dot_products):
    made = report(board, scheme)
    assert made.record.environment.interpreter == "onnxruntime 1.31.1"
    assert made.record.golden.samples == 4
    assert made.record.golden.worst <= made.record.golden.limit
    counts = counts_of(made)
    assert counts.instructions / 1e6 == pytest.approx(millions, rel=0.02)
    assert bool(counts.dot_products) == dot_products


def test_dot_products_halve_the_instructions_of_int8_and_float_takes_more_than_twice_as_many(report):
    with_them, without = (counts_of(report(board, "int8")).instructions for board in (PI_5, PI_4))
    assert with_them / without == pytest.approx(0.50, abs=0.02)
    assert with_them / counts_of(report(PI_5, "float32")).instructions == pytest.approx(0.42, abs=0.02)
