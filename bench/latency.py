"""The latency that edgekit measures beside what litert-benchmark, of the interpreter's own wheel, measures."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from figures import Row, Section, Target, skipped
from measuring import Measuring
from models import Source, convert, mobilenet, resnet8
from pairs import Pair, difference_row, interleave, mean_ratio_row

LITERT_BENCHMARK = Path(sys.executable).with_name("litert-benchmark")
RATIO = Target(1.03, 0.97)
DIFFERENCE = Target(0.01, -0.01)
PAIRS, QUICK_PAIRS = 10, 2
SCHEMES = ("float32", "int8")


def latency(quick: bool) -> Section:
    """Measure four models with both, in fresh processes and with one thread."""
    pairs = QUICK_PAIRS if quick else PAIRS
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            mean_ratio_row(
                f"median latency, MobileNetV2 {scheme}", "ms", _measure(mobilenet(), scheme, folder, pairs), RATIO
            )
            for scheme in SCHEMES
        ]
        rows += [_resnet8(scheme, folder, pairs) for scheme in SCHEMES]
    return Section(
        "Latency",
        "Fresh processes with one thread: a measuring process of edgekit with the settings of `edgekit bench`, and "
        "litert-benchmark with as many inferences, counted and not. litert-benchmark tells its median to 0.01 ms.",
        (
            "python -m edgekit_runtime measure-process (what `edgekit bench` starts for each run)",
            "litert-benchmark --model MODEL.tflite --num_threads 1 --warmup_runs N --num_runs N --result_json OUT.json",
        ),
        tuple(rows),
    )


def _resnet8(scheme: str, folder: str, pairs: int) -> Row:
    what = f"median latency, ResNet8 {scheme}"
    try:
        source = resnet8()
    except FileNotFoundError as missing:
        return skipped(what, "ms", DIFFERENCE, str(missing))
    return difference_row(what, "ms", _measure(source, scheme, folder, pairs), DIFFERENCE)


def _measure(source: Source, scheme: str, folder: str, pairs: int) -> list[Pair]:
    model = convert(source, scheme, Path(folder, f"{source.name}-{scheme}"))
    measuring = Measuring(model, folder)
    first = measuring.run()  # tells how many inferences the settings give, and warms the file up for both
    other = _litert_benchmark(model, first.warmups, first.samples, folder)
    return [Pair(*pair) for pair in interleave(lambda: measuring.run().p50_ms, other, pairs)]


def _litert_benchmark(model: Path, warmups: int, samples: int, folder: str) -> Callable[[], float]:
    result = Path(folder, "litert-benchmark.json")
    counts = ["--num_threads", "1", "--warmup_runs", str(warmups), "--num_runs", str(samples)]
    argv = [str(LITERT_BENCHMARK), "--model", str(model), *counts, "--result_json", str(result)]

    def run() -> float:
        subprocess.run(argv, check=True, capture_output=True)
        return float(json.loads(result.read_text(encoding="utf-8"))["latency"]["median_ms"])

    return run
