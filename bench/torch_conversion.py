"""What a conversion from PyTorch costs beside a straight script with litert-torch and ai-edge-quantizer."""

from __future__ import annotations

import itertools
import sys
import tempfile
from pathlib import Path

from conversion import MEGABYTE
from figures import Section, Target
from models import CACHE, EDGEKIT, REPOSITORY, TARGET
from pairs import Pair, interleave, ratio_row
from usage import PROGRAMS, Usage, run_counted, run_program

LIMIT = Target(1.1)
PAIRS, QUICK_PAIRS = 5, 1
SAMPLES = 64
MODELS = REPOSITORY / "tests/torch_models.py"
COMMAND = (
    "edgekit --quiet convert tests/torch_models.py:MobileNetV2 --weights mobilenet_v2.pt --target raspberry-pi-4b "
    "--quantize int8 --calibrate torch_224.npz -o OUT"
)
STRAIGHT_COMMAND = (
    "python bench/programs/straight_torch_conversion.py tests/torch_models.py mobilenet_v2.pt torch_224.npz OUT.tflite"
)


def convert_torch(quick: bool) -> Section:
    """Convert MobileNetV2 of PyTorch as static INT8 with both."""
    weights, data = _made()
    with tempfile.TemporaryDirectory() as folder:
        numbers = itertools.count()

        def edgekit() -> Usage:
            output = Path(folder, f"bundle-{next(numbers)}")
            options = ["--target", TARGET, "--quantize", "int8", "--calibrate", data, "-o", output]
            return run_counted([EDGEKIT, "--quiet", "convert", f"{MODELS}:MobileNetV2", "--weights", weights, *options])

        def straight() -> Usage:
            script = PROGRAMS / "straight_torch_conversion.py"
            output = Path(folder, f"straight-{next(numbers)}.tflite")  # ai-edge-quantizer writes over none
            return run_counted([sys.executable, script, MODELS, weights, data, output])

        pairs = interleave(edgekit, straight, QUICK_PAIRS if quick else PAIRS)
    cpu = [Pair(ours.cpu_s, theirs.cpu_s) for ours, theirs in pairs]
    peak = [Pair(ours.peak_rss_bytes / MEGABYTE, theirs.peak_rss_bytes / MEGABYTE) for ours, theirs in pairs]
    wall = [Pair(ours.wall_s, theirs.wall_s) for ours, theirs in pairs]
    return Section(
        "Conversion of MobileNetV2 from PyTorch to static INT8",
        f"Whole trees of processes, with {SAMPLES} calibration samples and without evaluation; beside edgekit a script "
        "with `litert_torch.convert`, channels last, then ai-edge-quantizer. The script ends with the file; edgekit "
        "also checks the weights, holds the file against the module, and writes a bundle.",
        (COMMAND, STRAIGHT_COMMAND),
        (
            ratio_row("processor time of all processes", "s", cpu, LIMIT),
            ratio_row("peak memory of the largest process", "MB", peak, LIMIT),
            ratio_row("time from start to end", "s", wall, None),
        ),
    )


def _made() -> tuple[Path, Path]:
    """Weights and samples, made once into `bench/.cache`."""
    weights, data = CACHE / "mobilenet_v2.pt", CACHE / "torch_224.npz"
    if not weights.exists():
        CACHE.mkdir(exist_ok=True)
        (CACHE / ".gitignore").write_text("*\n", encoding="utf-8")
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            made = Path(folder, "made.pt"), Path(folder, "made.npz")
            run_program("make_torch_mobilenet.py", MODELS, *made)
            made[1].rename(data)
            made[0].rename(weights)
    return weights, data
