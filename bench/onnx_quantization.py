"""What quantizing an .onnx file costs beside onnxruntime's own way, and how fast the files are."""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from pathlib import Path

from figures import Row, Section, Target, alone
from models import EDGEKIT
from pairs import Pair, interleave, mean_ratio_row, ratio_row
from usage import PROGRAMS, Usage, run_counted, run_program

FEW, MORE, MOST = 32, 256, 1024
CPU, GROWTH, LATENCY = Target(1.1), Target(1.1), Target(1.05)
PAIRS, QUICK_PAIRS = 3, 1
LATENCY_PAIRS, INFERENCES = 10, 200
MEGABYTE = 1e6
COMMAND = (
    "edgekit --quiet convert mobilenet_v2.onnx --target host --format onnx --quantize int8 --calibrate "
    "blotches:pictures --calibration percentile --samples N -o OUT"
)
STRAIGHT_COMMAND = "python bench/programs/straight_onnx_quantization.py mobilenet_v2.onnx 32 OUT.onnx percentile"


def onnx_quantization(quick: bool) -> Section:
    """Quantize MobileNetV2 by percentiles of ever more samples, then measure the file beside onnxruntime's."""
    with tempfile.TemporaryDirectory() as folder:
        model, numbers = Path(folder, "mobilenet_v2.onnx"), itertools.count()
        run_program("make_mobilenet_onnx.py", model)

        def edgekit(samples: int = FEW) -> Usage:
            return run_counted(_conversion(model, samples, Path(folder, f"bundle-{next(numbers)}")))

        def straight() -> Usage:
            script = PROGRAMS / "straight_onnx_quantization.py"
            return run_counted([sys.executable, script, model, str(FEW), Path(folder, "own.onnx"), "percentile"])

        pairs = interleave(edgekit, straight, QUICK_PAIRS if quick else PAIRS)
        rows = [
            *_cost_rows(pairs),
            *_growth_rows(pairs[0][0], {n: edgekit(n) for n in ((MORE,) if quick else (MORE, MOST))}),
        ]
        rows.append(_latency_row(model, folder, QUICK_PAIRS if quick else LATENCY_PAIRS))
    return Section(
        "Quantization of an ONNX MobileNetV2",
        "Whole trees of processes, beside edgekit a script with `onnxruntime.quantization`, which ends with the file; "
        "edgekit also runs source and file, compares their tensors and writes a bundle. onnxruntime's own percentile "
        "keeps every activation of every sample, and was not run with more than 32 samples: 256 took 16 GB. Latency: "
        "one thread, fresh processes, edgekit's INT8 file beside that of `quantize_static` as it comes.",
        (COMMAND, STRAIGHT_COMMAND),
        tuple(rows),
    )


def _conversion(model: Path, samples: int, output: Path) -> list[str | Path]:
    os.environ |= {"PYTHONPATH": str(PROGRAMS), "BLOTCHES": str(samples)}  # for the pictures
    scheme = ["--quantize", "int8", "--calibrate", "blotches:pictures", "--calibration", "percentile"]
    where = ["--target", "host", "--format", "onnx", "--samples", str(samples), "-o", output]
    return [EDGEKIT, "--quiet", "convert", model, *scheme, *where]


def _cost_rows(pairs: tuple[tuple[Usage, Usage], ...]) -> list[Row]:
    cpu = [Pair(ours.cpu_s, theirs.cpu_s) for ours, theirs in pairs]
    peak = [Pair(ours.peak_rss_bytes / MEGABYTE, theirs.peak_rss_bytes / MEGABYTE) for ours, theirs in pairs]
    return [
        ratio_row(f"{FEW} samples: processor time of all processes", "s", cpu, CPU),
        ratio_row(f"{FEW} samples: peak memory of the largest process", "MB", peak, None),
    ]


def _growth_rows(few: Usage, more: dict[int, Usage]) -> list[Row]:
    rows = []
    for samples, usage in more.items():
        rows.append(alone(f"{samples} samples: processor time of all processes", usage.cpu_s, "s", "one run", 1))
        peak = Pair(usage.peak_rss_bytes / MEGABYTE, few.peak_rss_bytes / MEGABYTE)
        what = f"peak memory with {samples} samples, beside it edgekit's own with {FEW}"
        rows.append(ratio_row(what, "MB", [peak], GROWTH))
    return rows


def _latency_row(model: Path, folder: str, pairs: int) -> Row:
    own = Path(folder, "own-default.onnx")
    script = PROGRAMS / "straight_onnx_quantization.py"
    run_counted([sys.executable, script, model, str(FEW), own])
    bundle = Path(folder, "default")
    argv = [one for one in _conversion(model, FEW, bundle) if one not in ("--calibration", "percentile")]
    run_counted(argv)

    def taken(file: Path) -> float:
        return run_program("onnx_latency.py", file, str(INFERENCES))["median_ms"]

    found = interleave(lambda: taken(bundle / "model.onnx"), lambda: taken(own), pairs)
    return mean_ratio_row("MobileNetV2 int8 .onnx, median latency", "ms", [Pair(*pair) for pair in found], LATENCY)
