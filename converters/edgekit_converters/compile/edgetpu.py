"""Compile for the Edge TPU with Google's edgetpu_compiler, where it is installed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from edgekit_converters.compile.compilation import (
    Compilation,
    Compiled,
    CompileError,
    CompilerFigure,
    not_run,
    predicted,
)
from edgekit_converters.compile.vendor import last_line, run_vendor
from edgekit_targets.check import judge
from edgekit_targets.findings import Place
from edgekit_targets.graph.read import read_graph
from edgekit_targets.profile import Npu

COMPILER = "edgetpu_compiler"
COMMAND = f"{COMPILER} -s model.tflite"
WANTING = "it is not installed here: Debian package edgetpu-compiler of packages.cloud.google.com/apt, x86-64 only"
METHOD = "edgetpu_compiler's own summary"
ATTEMPTS = 3  # it fails now and then on a model that it takes the next time (google-coral/edgetpu issues 189, 309)
UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
SIZE = re.compile(
    r"^(?P<what>On-chip|Off-chip) memory used for [^:]*: (?P<size>[\d.]+)(?P<unit>B|KiB|MiB|GiB)", re.MULTILINE
)
COUNT = re.compile(r"^(?P<what>Number of [^:]*|Total number of operations): (?P<count>\d+)", re.MULTILINE)
COUNTS = {
    "Number of Edge TPU subgraphs": ("partitions", "partition"),
    "Number of operations that will run on Edge TPU": ("operators_on_npu", "operator"),
    "Number of operations that will run on CPU": ("operators_on_cpu", "operator"),
}


def compile_edgetpu(model: Path, npu: Npu, folder: Path) -> Compiled:
    """Compile a `.tflite` file for the Edge TPU.

    Args:
        model: The file.
        npu: The accelerator.
        folder: Where the compiler's files go.

    Raises:
        CompileError: The compiler refuses the model; the message names the first operator that our rules refuse.
    """
    program = shutil.which(COMPILER)
    if program is None:
        return not_run("edgetpu", COMPILER, COMMAND, WANTING)
    for _ in range(ATTEMPTS):
        status, log = run_vendor([program, "-s", "-o", str(folder), str(model.resolve())], folder)
        made = folder / f"{model.stem}_edgetpu.tflite"
        if status == 0 and made.is_file():
            break
    else:
        raise CompileError(f"{COMPILER} does not compile the model: {last_line(log)}.", hint=_suspect(model, npu))
    compilation = Compilation(
        accelerator="edgetpu",
        compiler=_version(log),
        command=COMMAND,
        file="model.edgetpu.tflite",
        reason="",
        figures=tuple(_figures(log)),
        on_cpu=_refused(model, npu),
    )
    return Compiled(compilation, made)


def _figures(log: str) -> Iterator[CompilerFigure]:
    for found in COUNT.finditer(log):
        if found["what"] in COUNTS:
            name, unit = COUNTS[found["what"]]
            yield predicted(name, int(found["count"]), unit, METHOD)
    for found in SIZE.finditer(log):
        name = "weights_on_chip" if found["what"] == "On-chip" else "weights_streamed"
        yield predicted(name, float(found["size"]) * UNITS[found["unit"]], "byte", METHOD)


def _version(log: str) -> str:
    found = re.search(r"Edge TPU Compiler version (\S+)", log)
    return f"{COMPILER} {found[1]}" if found else COMPILER


def _refused(model: Path, npu: Npu) -> tuple[Place, ...]:
    verdict = judge(read_graph(model), model, npu)
    return tuple(sorted({one.place for one in verdict.refused}, key=lambda place: place.operator))


def _suspect(model: Path, npu: Npu) -> str:
    """The operator that is likely to blame: the compiler names none."""
    places = _refused(model, npu)
    if not places:
        return "By edgekit's rules it takes every operator; a large one may not fit on the chip."
    first = places[0]
    return f"By edgekit's rules it does not take operator {first.operator}, {first.name} ({first.tensor})."
