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


Latencies = tuple[float, float]  # of 5 % and of half of the inferences


def latency(quick: bool) -> Section:
    """Measure four models with both, in fresh processes and with one thread."""
    pairs = QUICK_PAIRS if quick else PAIRS
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for scheme in SCHEMES for row in _mobilenet(scheme, folder, pairs)]
        rows += [row for scheme in SCHEMES for row in _resnet8(scheme, folder, pairs)]
    return Section(
        "Latency",
        "Fresh processes with one thread: a measuring process of edgekit with the settings of `edgekit bench`, and "
        "litert-benchmark with as many inferences, counted and not. litert-benchmark tells its figures to 0.01 ms. "
        "What else the machine does meets the median before it meets the fastest 5 %.",
        (
            "python -m edgekit_runtime measure-process (what `edgekit bench` starts for each run)",
            "litert-benchmark --model MODEL.tflite --num_threads 1 --warmup_runs N --num_runs N --result_json OUT.json",
        ),
        tuple(rows),
    )


def _mobilenet(scheme: str, folder: str, pairs: int) -> tuple[Row, Row]:
    fast, middle = _measure(mobilenet(), scheme, folder, pairs)
    what = f"MobileNetV2 {scheme}"
    return (
        mean_ratio_row(f"{what}, median latency", "ms", middle, RATIO),
        mean_ratio_row(f"{what}, 5 % quantile", "ms", fast, None),
    )


def _resnet8(scheme: str, folder: str, pairs: int) -> tuple[Row, ...]:
    what = f"ResNet8 {scheme}"
    try:
        source = resnet8()
    except FileNotFoundError as missing:
        return (skipped(f"{what}, median latency", "ms", DIFFERENCE, str(missing)),)
    fast, middle = _measure(source, scheme, folder, pairs)
    return (
        difference_row(f"{what}, median latency", "ms", middle, DIFFERENCE),
        difference_row(f"{what}, 5 % quantile", "ms", fast, None),
    )


def _measure(source: Source, scheme: str, folder: str, count: int) -> tuple[list[Pair], list[Pair]]:
    """Pairs of 5 % quantiles, and pairs of medians."""
    model = convert(source, scheme, Path(folder, f"{source.name}-{scheme}"))
    measuring = Measuring(model, folder)

    def edgekit() -> Latencies:
        measured = measuring.run()
        return measured.p5_ms, measured.p50_ms

    first = measuring.run()  # tells how many inferences the settings give, and warms the file up for both
    beside = _litert_benchmark(model, first.warmups, first.samples, folder)
    pairs = interleave(edgekit, beside, count)
    fast, middle = ([Pair(ours[k], theirs[k]) for ours, theirs in pairs] for k in (0, 1))
    return fast, middle


def _litert_benchmark(model: Path, warmups: int, samples: int, folder: str) -> Callable[[], Latencies]:
    result = Path(folder, "litert-benchmark.json")
    counts = ["--num_threads", "1", "--warmup_runs", str(warmups), "--num_runs", str(samples)]
    argv = [str(LITERT_BENCHMARK), "--model", str(model), *counts, "--result_json", str(result)]

    def run() -> Latencies:
        subprocess.run(argv, check=True, capture_output=True)
        found = json.loads(result.read_text(encoding="utf-8"))["latency"]
        return float(found["p5_ms"]), float(found["median_ms"])

    return run
