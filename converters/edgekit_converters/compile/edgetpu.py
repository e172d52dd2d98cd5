"""Compile for the Edge TPU with Google's edgetpu_compiler, where it is installed."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from edgekit_converters.compile.compilation import (
    Compilation,
    Compiled,
    CompilerFigure,
    Placed,
    not_run,
    predicted,
)
from edgekit_converters.compile.refusal import refusal
from edgekit_converters.compile.vendor import run_vendor
from edgekit_targets.check import judge
from edgekit_targets.findings import Place
from edgekit_targets.graph.read import read_graph
from edgekit_targets.npu import Npu

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
ROW = re.compile(r"^(?P<kind>[A-Z]\w*)[ \t]+(?P<count>\d{1,9})[ \t]+(?P<status>[A-Z][^\n]*?)[ \t\r]*$", re.MULTILINE)
"""A row of the table that `-s` asks for: `PAD   17   More than one subgraph is not supported`."""
MAPPED = "Mapped to Edge TPU"
COUNTS = {
    "Number of Edge TPU subgraphs": ("partitions", "partition"),
    "Number of operations that will run on Edge TPU": ("operators_on_npu", "operator"),
    "Number of operations that will run on CPU": ("operators_on_cpu", "operator"),
}


def compile_edgetpu(model: Path, target: str, npu: Npu, folder: Path) -> Compiled:
    """Compile a `.tflite` file for the Edge TPU.

    Args:
        model: The file.
        target: The target's name, for what to do about a model that is not taken.
        npu: The accelerator.
        folder: Where the compiler's files go.

    Raises:
        CompileError: The compiler refuses the model; the hint names the operator that it, or our rules, speak of.
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
        raise refusal(COMPILER, log, model, target, npu)
    kinds = tuple(_kinds(log))
    compilation = Compilation(
        accelerator="edgetpu",
        compiler=_version(log),
        command=COMMAND,
        file="model.edgetpu.tflite",
        reason="",
        figures=tuple(_figures(log)),
        on_cpu=_on_cpu(model, npu, kinds),
        kinds=kinds,
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


def _kinds(log: str) -> Iterator[Placed]:
    for found in ROW.finditer(log):
        yield Placed(found["kind"], int(found["count"]), found["status"] == MAPPED, found["status"])


def _on_cpu(model: Path, npu: Npu, kinds: Sequence[Placed]) -> tuple[Place, ...]:
    """The operators on the processor, as many of each kind as the compiler says; by our rules where it says nothing."""
    graph = read_graph(model)
    refused = {one.place for one in judge(graph, model, npu).refused}
    if not kinds:
        return _in_order(refused)
    places: dict[str, list[Place]] = {}
    for index, operator in enumerate(graph.main.operators):
        places.setdefault("CUSTOM" if operator.custom else operator.name, []).append(Place.of(graph.main, index))
    left = Counter[str]()
    for row in kinds:
        left[row.kind] += 0 if row.on_npu else row.count
    # One part of a model runs on an Edge TPU, and that is its beginning: of a kind, the last are left.
    likely = {kind: sorted(same, key=lambda p: (p not in refused, -p.operator)) for kind, same in places.items()}
    return _in_order(place for kind, count in left.items() for place in likely.get(kind, [])[:count])


def _in_order(places: Iterable[Place]) -> tuple[Place, ...]:
    return tuple(sorted(places, key=lambda place: place.operator))
