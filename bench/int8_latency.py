"""How fast the INT8 files are beside those that TensorFlow's own converter makes of the same models."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from figures import Row, Section, Target
from models import CACHE, REPOSITORY, Source, convert, mobilenet
from pairs import Pair, mean_ratio_row
from usage import PROGRAMS, run_program

LIMIT = Target(1.05)
PAIRS, QUICK_PAIRS = 10, 2
TRAINED = {
    "small_cnn": "CNN",
    "residual_cnn": "residual CNN",
    "vit": "ViT",
    "decoder": "decoder",
    "autoencoder": "autoencoder",
}


def int8_latency(quick: bool) -> Section:
    """Convert several models with both, then run the two files of each in turns."""
    cases = [(mobilenet(), "int8"), (mobilenet(), "int8-dynamic"), *((source, "int8") for source in _trained())]
    with tempfile.TemporaryDirectory() as folder:
        rows = [_row(*case, Path(folder), QUICK_PAIRS if quick else PAIRS) for case in cases]
    return Section(
        "Latency of INT8 files beside TensorFlow's converter's",
        "The same Keras model and samples through edgekit and through `tf.lite.TFLiteConverter`, both with int8 inputs "
        "and outputs where the scheme has them. A pair is one process with one thread that holds both files and runs "
        "them in turns, 20 ms each, 50 times; every second process opens the other file first.",
        (
            "edgekit --quiet convert MODEL.keras --target raspberry-pi-4b --quantize int8 --calibrate DATA.npz -o OUT",
            "python bench/programs/straight_conversion.py MODEL.keras DATA.npz OUT.tflite",
            "python bench/programs/latency_in_turns.py ANSWER.json OUT/model.tflite OUT.tflite",
        ),
        tuple(rows),
    )


def _row(source: Source, scheme: str, folder: Path, pairs: int) -> Row:
    name = f"{source.model.stem}-{scheme}"
    ours, theirs = convert(source, scheme, folder / name), folder / f"{name}.tflite"
    argv: list[str | Path] = [
        sys.executable,
        PROGRAMS / "straight_conversion.py",
        source.model,
        source.data,
        theirs,
        scheme,
    ]
    subprocess.run(argv, check=True, capture_output=True)
    found = [_in_turns(ours, theirs, swapped=bool(number % 2)) for number in range(pairs)]
    return mean_ratio_row(f"{source.name} {scheme}, median latency", "ms", found, LIMIT)


def _in_turns(ours: Path, theirs: Path, *, swapped: bool) -> Pair:
    answer = run_program("latency_in_turns.py", *((theirs, ours) if swapped else (ours, theirs)))
    first, second = answer["first_ms"], answer["second_ms"]
    return Pair(second, first) if swapped else Pair(first, second)


def _trained() -> list[Source]:
    """Models of the tests' matrix, trained once into `bench/.cache`, with calibration samples."""
    folder = CACHE / "matrix"
    missing = [name for name in TRAINED if not (folder / f"{name}.npz").exists()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        (CACHE / ".gitignore").write_text("*\n", encoding="utf-8")
        run_program("make_matrix.py", REPOSITORY / "tests", folder, *missing)
    return [Source(name, folder / f"{model}.keras", folder / f"{model}.npz") for model, name in TRAINED.items()]
