"""What a check costs: processor time and memory of the command, for a processor and for an accelerator."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

from estimates import growth
from figures import Row, Section, Target
from models import EDGEKIT, convert, mobilenet
from usage import compiled_modules, run_counted

from edgekit_runtime.figure import measured

RUNS, QUICK_RUNS = 9, 3
CPU_S, MEMORY_MB = Target(0.5), Target(120)
GROWN = ("raspberry-pi-4b", "coral-edgetpu-usb")
TARGETS = ("raspberry-pi-4b", "coral-edgetpu-usb", "ethos-u55-256")


def checks(quick: bool) -> Section:
    """Check MobileNetV2 on a processor, on an accelerator by our rules, and on one by Vela."""
    runs = QUICK_RUNS if quick else RUNS
    with tempfile.TemporaryDirectory() as folder:
        model = convert(mobilenet(), "int8", Path(folder, "bundle"))
        with compiled_modules(folder):
            rows = tuple(row for target in TARGETS for row in _command(model, target, runs))
    grown = tuple(row for target in GROWN for row in growth("check", target))
    return Section(
        "Checks",
        "Whole processes of `edgekit check` on MobileNetV2 as int8, Vela's among them, with modules compiled as an "
        "install has them: medians. Below: the processor time of a check alone for made graphs of 300 and 3,000 "
        "operators, for each operator, beside one of 30.",
        tuple(f"edgekit check model.tflite --target {target}" for target in TARGETS),
        (*rows, *grown),
    )


def _command(model: Path, target: str, runs: int) -> tuple[Row, Row]:
    argv = [EDGEKIT, "check", model, "--target", target]
    usages = [run_counted(argv) for _ in range(runs + 1)][1:]
    cpu = measured(median(usage.cpu_s for usage in usages), "s", "processor time of the process, median")
    largest = max(usage.peak_rss_bytes for usage in usages) / 1e6
    peak = measured(largest, "MB", "highest resident memory, largest of all")
    return (
        Row(f"check for {target}, processor time", cpu, None, cpu, CPU_S, runs),
        Row(f"check for {target}, peak memory", peak, None, peak, MEMORY_MB, runs),
    )
