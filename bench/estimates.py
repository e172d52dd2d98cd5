"""What an estimate costs: processor time and memory of the command, and how its time grows with the operators."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

from figures import Row, Section, Target
from models import EDGEKIT, convert, mobilenet
from usage import compiled_modules, run_counted, run_program

from edgekit_runtime.figure import measured

RUNS, QUICK_RUNS = 9, 3
ONE_S, ALL_S, MEMORY_MB = Target(0.5), Target(1.5), Target(120)
LINEAR = Target(1.3)
ONE = ["--target", "raspberry-pi-4b"]
ALL = ["--target", "all"]


def estimates(quick: bool) -> Section:
    """Estimate MobileNetV2 on one target and on all, and made graphs of three sizes."""
    runs = QUICK_RUNS if quick else RUNS
    with tempfile.TemporaryDirectory() as folder:
        model = convert(mobilenet(), "float32", Path(folder, "bundle"))
        with compiled_modules(folder):
            rows = (
                *_command(model, ONE, "one target", ONE_S, runs),
                *_command(model, ALL, "every target", ALL_S, runs),
            )
    return Section(
        "Estimates",
        "Whole processes of `edgekit estimate` on MobileNetV2 as float32, with modules compiled as an install has "
        "them: medians. Below: the processor time of an estimate alone for made graphs of 300 and 3,000 operators, for "
        "each operator, beside one of 30.",
        ("edgekit estimate model.tflite --target raspberry-pi-4b", "edgekit estimate model.tflite --target all"),
        (*rows, *growth("estimate", "raspberry-pi-4b")),
    )


def _command(model: Path, options: list[str], what: str, limit: Target, runs: int) -> tuple[Row, Row]:
    usages = [run_counted([EDGEKIT, "estimate", model, *options]) for _ in range(runs + 1)][1:]
    cpu = measured(median(usage.cpu_s for usage in usages), "s", "processor time of the process, median")
    peak = measured(
        max(usage.peak_rss_bytes for usage in usages) / 1e6, "MB", "highest resident memory, largest of all"
    )
    return (
        Row(f"estimate for {what}, processor time", cpu, None, cpu, limit, runs),
        Row(f"estimate for {what}, peak memory", peak, None, peak, MEMORY_MB, runs),
    )


def growth(verb: str, target: str) -> tuple[Row, ...]:
    """How the time of an `estimate` or a `check` grows with the operators of a model."""
    taken = run_program("estimate_made.py", verb, target)
    first = taken["1"]
    rows = []
    for times in ("10", "100"):
        ratio = measured(taken[times] / first / int(times), "times", "smallest of 5, for each operator")
        what = f"{verb} for {target}, time for each operator, {times} times as many"
        rows.append(Row(what, ratio, None, ratio, LINEAR, 5))
    return tuple(rows)
