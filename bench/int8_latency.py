"""How fast the INT8 files are beside those that the libraries' own quantizers make of the same models."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from figures import Row, Section, Target
from models import CACHE, EDGEKIT, REPOSITORY, Source, convert, mobilenet
from pairs import Pair, mean_ratio_row
from usage import PROGRAMS, run_program

LIMIT = Target(1.05)
PAIRS, QUICK_PAIRS = 10, 2
TRAINED = {
    "small_cnn": "CNN",
    "residual_cnn": "residual CNN",
    "lstm": "LSTM",
    "gru": "GRU",
    "text_classifier": "text classifier",
    "vit": "ViT",
    "decoder": "decoder",
    "autoencoder": "autoencoder",
    "two_in_three_out": "two inputs, three outputs",
}


def int8_latency(quick: bool) -> Section:
    """Convert several models with edgekit and without, then run the two files of each in turns."""
    pairs, trained = QUICK_PAIRS if quick else PAIRS, _trained()
    cases = [(mobilenet(), "int8"), (mobilenet(), "int8-dynamic"), *((source, "int8") for source in trained)]
    with tempfile.TemporaryDirectory() as folder:
        rows = [_row(*case, Path(folder), pairs) for case in cases]
        rows += [_onnx_row(source, Path(folder), pairs) for source in trained]
    return Section(
        "Latency of INT8 files beside TensorFlow's converter's and onnxruntime's",
        "The same Keras model and samples through edgekit and through `tf.lite.TFLiteConverter`, both with int8 inputs "
        "and outputs where the scheme has them, recurrent layers unrolled for both; and the same float .onnx through "
        "edgekit and through `quantize_static` as it comes. A pair is one process with one thread that holds both "
        "files and runs them in turns, 20 ms each, 50 times; every second process opens the other file first.",
        (
            "edgekit --quiet convert MODEL.keras --target raspberry-pi-4b --quantize int8 --calibrate DATA.npz -o OUT",
            "python bench/programs/straight_conversion.py MODEL.keras DATA.npz OUT.tflite",
            "edgekit --quiet convert MODEL.onnx --target host --quantize int8 --calibrate DATA.npz -o OUT",
            "python bench/programs/straight_onnx_quantization.py MODEL.onnx DATA.npz OUT.onnx",
            "python bench/programs/latency_in_turns.py ANSWER.json OUT/model.tflite OUT.tflite",
        ),
        tuple(rows),
    )


def _row(source: Source, scheme: str, folder: Path, pairs: int) -> Row:
    name = f"{source.model.stem}-{scheme}"
    ours, theirs = convert(source, scheme, folder / name), folder / f"{name}.tflite"
    _run(sys.executable, PROGRAMS / "straight_conversion.py", source.model, source.data, theirs, scheme)
    return _latency_row(f"{source.name} {scheme}, median latency", ours, theirs, pairs)


def _onnx_row(source: Source, folder: Path, pairs: int) -> Row:
    name = source.model.stem
    exported, ours, theirs = folder / f"{name}-float", folder / f"{name}-onnx", folder / f"{name}.onnx"
    host = ("--target", "host", "--format", "onnx")
    _run(EDGEKIT, "--quiet", "convert", source.model, *host, "--quantize", "float32", "-o", exported)
    model = exported / "model.onnx"
    scheme = ("--quantize", "int8", "--calibrate", source.data)
    _run(EDGEKIT, "--quiet", "convert", model, *host, *scheme, "-o", ours)
    _run(sys.executable, PROGRAMS / "straight_onnx_quantization.py", model, source.data, theirs)
    return _latency_row(f"{source.name} int8 .onnx, median latency", ours / "model.onnx", theirs, pairs)


def _run(*argv: str | Path) -> None:
    subprocess.run(argv, check=True, capture_output=True)


def _latency_row(what: str, ours: Path, theirs: Path, pairs: int) -> Row:
    found = [_in_turns(ours, theirs, swapped=bool(number % 2)) for number in range(pairs)]
    return mean_ratio_row(what, "ms", found, LIMIT)


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
