"""What a conversion costs beside a straight script with TensorFlow's own converter."""

from __future__ import annotations

import itertools
import sys
import tempfile
from pathlib import Path
from statistics import median

from figures import Row, Section, Target, alone
from models import conversion, mobilenet
from pairs import Pair, interleave, ratio_row
from usage import PROGRAMS, Usage, run_counted, run_program

LIMIT = Target(0.95)
PAIRS, QUICK_PAIRS = 5, 1
STAGED_RUNS, QUICK_STAGED_RUNS = 3, 1
MEGABYTE = 1e6
COMMAND = (
    "edgekit --quiet convert mobilenet_v2.keras --target raspberry-pi-4b --quantize int8 --calibrate samples_224.npz "
    "--samples 100 -o OUT"
)
STRAIGHT_COMMAND = "python bench/programs/straight_conversion.py mobilenet_v2.keras samples_224.npz OUT.tflite"


def convert_int8(quick: bool) -> Section:
    """Convert MobileNetV2 as static INT8 with both, then take edgekit's part by part."""
    source = mobilenet()
    with tempfile.TemporaryDirectory() as folder:
        numbers = itertools.count()

        def edgekit() -> Usage:
            return run_counted(conversion(source, "int8", Path(folder, f"bundle-{next(numbers)}")))

        def straight() -> Usage:
            script = PROGRAMS / "straight_conversion.py"
            return run_counted([sys.executable, script, source.model, source.data, Path(folder, "straight.tflite")])

        pairs = interleave(edgekit, straight, QUICK_PAIRS if quick else PAIRS)
        stages = _stages(source.model, source.data, folder, QUICK_STAGED_RUNS if quick else STAGED_RUNS)
    cpu = [Pair(ours.cpu_s, theirs.cpu_s) for ours, theirs in pairs]
    peak = [Pair(ours.peak_rss_bytes / MEGABYTE, theirs.peak_rss_bytes / MEGABYTE) for ours, theirs in pairs]
    wall = [Pair(ours.wall_s, theirs.wall_s) for ours, theirs in pairs]
    rows = (
        ratio_row("processor time of all processes", "s", cpu, LIMIT),
        ratio_row("peak memory of the largest process", "MB", peak, LIMIT),
        ratio_row("time from start to end", "s", wall, None),
    )
    return Section(
        "Conversion of MobileNetV2 to static INT8",
        "Whole trees of processes, with 100 calibration samples and without evaluation; beside edgekit a script with "
        "`tf.lite.TFLiteConverter.from_keras_model`. The script ends with the file; edgekit also runs the source and "
        "the file, compares their tensors and writes a bundle. Below: where edgekit's processor time goes, by stage.",
        (COMMAND, STRAIGHT_COMMAND),
        rows + stages,
    )


def _stages(model: Path, data: Path, folder: str, runs: int) -> tuple[Row, ...]:
    taken = [run_program("stages.py", model, data, Path(folder, f"staged-{run}")) for run in range(runs)]
    return tuple(
        alone(f"— {stage}", median(run[stage] for run in taken), "s", "median, processor time of the stage", runs)
        for stage in taken[0]
    )
