"""The demo: train a small CNN, convert it as float and as INT8, measure both, compare."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from edgekit.benching import bench
from edgekit.pipeline.convert import Converted, convert
from edgekit.pipeline.request import Request
from edgekit.pipeline.staging import check_output, publish, staging_beside
from edgekit.reports.compare import Comparison, compare
from edgekit.reports.report import Report, write_report
from edgekit_runtime.child import Child
from edgekit_runtime.progress import Progress, silent
from edgekit_runtime.record import BenchSettings

TARGET = "raspberry-pi-4b"
SCHEMES = ("float32", "int8")
MODEL, CALIBRATION, EVALUATION = "digits.keras", "calibrate.npz", "evaluate.npz"


@dataclass(frozen=True)
class Demo:
    """What the demo left in its folder.

    Attributes:
        folder: The trained model, its data, the bundles and the reports.
        comparison: INT8 against float.
    """

    folder: Path
    comparison: Comparison


def demo(
    output: Path, *, settings: BenchSettings | None = None, force: bool = False, progress: Progress = silent
) -> Demo:
    """Train, convert, measure and compare a small model.

    Args:
        output: A folder to make.
        settings: How to measure.
        force: Whether the folder is replaced if it is there.
        progress: Told how far it is.

    Raises:
        OutputError: The folder is in the way.
        MissingExtraError: A library of the `demo` extra is missing.
    """
    check_output(output, force=force)
    with staging_beside(output) as scratch:
        folder = scratch / "demo"
        folder.mkdir()
        _train(folder, progress)
        reports = [_run(folder, scheme, settings, progress) for scheme in SCHEMES]
        comparison = compare(reports, SCHEMES)
        publish(folder, output)
    return Demo(output, comparison)


def _train(folder: Path, progress: Progress) -> None:
    stage = "training a small CNN on scikit-learn's digits"
    progress(stage, 0, 0)
    with Child([sys.executable, "-m", "edgekit_converters.keras.digits"], stage=stage) as child:
        payload = {"folder": str(folder), "seed": 0}
        child.call("train", payload, on_progress=lambda p: progress(stage, p["done"], p["total"]))


def _run(folder: Path, scheme: str, settings: BenchSettings | None, progress: Progress) -> Report:
    def told(stage: str, done: int, total: int) -> None:
        progress(f"{scheme}: {stage}", done, total)

    bundle = _convert(folder, scheme, told).path
    report = bench(bundle, settings=settings, progress=told)
    write_report(report, folder / f"{scheme}.json")
    return report


def _convert(folder: Path, scheme: str, progress: Progress) -> Converted:
    request = Request(
        model=folder / MODEL,
        target=TARGET,
        quantize=scheme,
        calibrate=folder / CALIBRATION,
        evaluate=folder / EVALUATION,
        output=folder / f"digits-{scheme}",
    )
    return convert(request, progress=progress)
