"""What the runtime's measuring process costs beside a bare script with the interpreter."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from figures import Section, Target
from measuring import Measuring
from models import convert, mobilenet
from pairs import Pair, difference_row, interleave
from usage import PROGRAMS, Usage, run_counted

from edgekit_runtime.runs import BenchSettings

CPU_MS, MEMORY_MB = Target(60), Target(8)
PAIRS, QUICK_PAIRS = 15, 3
INFERENCES = 50
SETTINGS = BenchSettings(warmup_s=0.0, sample_s=0.0, min_samples=INFERENCES - 1)  # one more is timed as the first


def overhead(quick: bool) -> Section:
    """Run MobileNetV2 equally often with both."""
    with tempfile.TemporaryDirectory() as folder:
        model = convert(mobilenet(), "int8", Path(folder, "bundle"))
        measuring = Measuring(model, folder, SETTINGS)
        bare = [sys.executable, PROGRAMS / "bare_inference.py", model, measuring.inputs[0], str(INFERENCES)]

        def run_bare() -> Usage:
            return run_counted(bare)

        pairs = interleave(measuring.run, run_bare, QUICK_PAIRS if quick else PAIRS)
    peak = [Pair(ours.peak_rss_bytes / 1e6, theirs.peak_rss_bytes / 1e6) for ours, theirs in pairs]
    cpu = [Pair(ours.cpu_s * 1e3, theirs.cpu_s * 1e3) for ours, theirs in pairs]
    return Section(
        "Overhead of measuring",
        f"One process each that loads MobileNetV2 int8 and runs it {INFERENCES} times with one thread: edgekit's "
        "measuring process beside a script that imports the interpreter and nothing else.",
        (
            "python -m edgekit_runtime measure-process",
            f"python bench/programs/bare_inference.py MODEL.tflite INPUT.npy {INFERENCES}",
        ),
        (
            difference_row("peak memory of the process", "MB", peak, MEMORY_MB),
            difference_row("processor time of the process", "ms", cpu, CPU_MS),
        ),
    )
