"""What pictures cost: the memory of calibrating on many, and the time of preparing them."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from figures import Section, Target
from models import CACHE, convert, mobilenet
from pairs import Pair, interleave, ratio_row
from PIL import Image
from usage import PROGRAMS, Usage, run_counted, run_program

MEMORY, TIME = Target(1.05), Target(1.10)
MANY, FEW = 1000, 100
SIZE = 256
MEMORY_PAIRS, TIME_PAIRS = 2, 9
QUICK_MEMORY_PAIRS, QUICK_TIME_PAIRS = 1, 3


def pictures(quick: bool) -> Section:
    """Calibrate on 1,000 and on 100 pictures of one folder; prepare 1,000 with edgekit and with a bare loop."""
    folder = _pictures()
    memory_pairs, time_pairs = (QUICK_MEMORY_PAIRS, QUICK_TIME_PAIRS) if quick else (MEMORY_PAIRS, TIME_PAIRS)
    with tempfile.TemporaryDirectory() as scratch:
        bundle = Path(scratch, "bundle")
        convert(mobilenet(), "float32", bundle)

        def calibrate(samples: int) -> Usage:
            program = PROGRAMS / "quantize_pictures.py"
            return run_counted([sys.executable, program, bundle, folder, str(samples), Path(scratch, "int8.tflite")])

        memory = interleave(lambda: calibrate(MANY), lambda: calibrate(FEW), memory_pairs)
    time = interleave(
        lambda: run_program("prepare_pictures.py", folder), lambda: run_program("bare_pictures.py", folder), time_pairs
    )
    return Section(
        "Pictures",
        f"{MANY:,} made JPEG pictures of {SIZE} x {SIZE} in a folder, for MobileNetV2 of 224 x 224. Memory: the "
        f"largest process while static INT8 is calibrated on {MANY:,} of them, beside {FEW}. Time: of the loop that "
        "prepares all of them, edgekit's beside a bare one of Pillow and numpy, in processes of their own.",
        (
            f"python bench/programs/quantize_pictures.py BUNDLE FOLDER {MANY} OUT.tflite",
            f"python bench/programs/quantize_pictures.py BUNDLE FOLDER {FEW} OUT.tflite",
            "python bench/programs/prepare_pictures.py ANSWER.json FOLDER",
            "python bench/programs/bare_pictures.py ANSWER.json FOLDER",
        ),
        (
            ratio_row(
                f"peak memory of calibration, {MANY:,} pictures beside {FEW}",
                "MB",
                [Pair(many.peak_rss_bytes / 1e6, few.peak_rss_bytes / 1e6) for many, few in memory],
                MEMORY,
            ),
            ratio_row(
                "processor time of preparation",
                "s",
                [Pair(edgekit["cpu_s"], loop["cpu_s"]) for edgekit, loop in time],
                TIME,
            ),
        ),
    )


def _pictures() -> Path:
    folder = CACHE / "pictures"
    if not folder.exists():
        random = np.random.default_rng(0)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            made = Path(scratch, "pictures")
            (made / "some").mkdir(parents=True)
            for number in range(MANY):
                pixels = random.integers(0, 256, (SIZE // 8, SIZE // 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).resize((SIZE, SIZE)).save(made / f"some/{number:04}.jpg", quality=90)
            made.rename(folder)
    return folder
