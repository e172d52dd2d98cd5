"""Compile for Rockchip's NPU with rknn-toolkit2, in the environment of its own that it needs."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path

from edgekit_converters.compile.blame import in_words, named
from edgekit_converters.compile.compilation import Compilation, Compiled, CompileError, Placed, not_run
from edgekit_converters.compile.refusal import refusal
from edgekit_converters.compile.vendor import run_vendor
from edgekit_targets.findings import Place
from edgekit_targets.graph.read import read_graph
from edgekit_targets.npu import Npu

PYTHON_VARIABLE = "EDGEKIT_RKNN_PYTHON"
COMPILER = "rknn-toolkit2"
PROGRAM = """
import json
import sys
from rknn.api import RKNN

model, output, platform, shapes = sys.argv[1:]
rknn = RKNN(verbose=False)
rknn.config(target_platform=platform)
load = rknn.load_onnx if model.endswith(".onnx") else rknn.load_tflite
if load(model=model, **json.loads(shapes)) or rknn.build(do_quantization=False) or rknn.export_rknn(output):
    sys.exit(1)
"""
WANTING = (
    f"it is not installed: make an environment with `pip install {COMPILER}`, and name its Python by {PYTHON_VARIABLE}"
)
NO_TENSORFLOW = "'import tensorflow' failed"  # it warns, and ends
NEWEST_OPSET = 19  # that 2.3.2 and 2.5.0 read
TOO_NEW = re.compile(r"Unsupport onnx opset \d+, need <= (?P<newest>\d{1,3})!?")
LEFT = re.compile(r"No lowering found for: (?P<name>.+), node type = (?P<kind>\w+), use CustomOperatorLower")
LEFT_STATUS = "it has no code for this one: the runtime refuses the file unless a custom operator is registered for it"


def compile_rockchip(model: Path, target: str, npu: Npu, folder: Path) -> Compiled:
    """Compile a model for a Rockchip NPU: an integer file as it is, a float one as float16.

    Args:
        model: A `.onnx` or `.tflite` file.
        target: The target's name, for what to do about a model that is not taken.
        npu: The accelerator; its compiler's name of the chip is Rockchip's, such as `rk3588`.
        folder: Where the compiled file goes.

    Raises:
        CompileError: The compiler refuses the model; the hint names the operator that it, or our rules, speak of.
    """
    assert npu.compiler is not None, "who calls this has looked"
    chip = npu.compiler.accelerator
    command = f"{PYTHON_VARIABLE}=PYTHON edgekit convert model{model.suffix} --target {target}"
    python = os.environ.get(PYTHON_VARIABLE)
    if not python:
        return not_run(chip, COMPILER, command, WANTING)
    made = folder / f"model.{chip}.rknn"
    given = _given(model, folder)
    status, log = run_vendor([python, "-c", PROGRAM, str(given.resolve()), str(made), chip, _shapes(model)], folder)
    if status or not made.is_file():
        raise _refusal(log, model, target, npu)
    places, kinds = _left(log, model)
    return Compiled(Compilation(chip, COMPILER, command, made.name, "", (), places, kinds=kinds), made)


def _given(model: Path, folder: Path) -> Path:
    """The file in an opset that the compiler reads, where that is the same model."""
    if model.suffix != ".onnx":
        return model
    from edgekit_converters.onnx.lower import lower

    return lower(model, NEWEST_OPSET, folder / f"opset{NEWEST_OPSET}.onnx")


def _shapes(model: Path) -> str:
    """What the loader is told of inputs, as JSON: it refuses an open batch, and takes one that it is given."""
    if model.suffix != ".onnx":
        return "{}"
    main = read_graph(model).main
    inputs = main.tensors_of(main.inputs)
    if not any(tensor.free_axes for tensor in inputs) or any(-1 in tensor.shape for tensor in inputs):
        return "{}"
    names, sizes = [tensor.name for tensor in inputs], [tensor.shape for tensor in inputs]
    return json.dumps({"inputs": names, "input_size_list": sizes})


def _refusal(log: str, model: Path, target: str, npu: Npu) -> CompileError:
    if NO_TENSORFLOW in log:
        hint = (
            f"Install it beside {COMPILER}: PYTHON -m pip install 'tensorflow<=2.14', PYTHON being {PYTHON_VARIABLE}'s."
        )
        return CompileError(f"{COMPILER} reads .tflite files with TensorFlow, which its environment lacks.", hint=hint)
    found = TOO_NEW.search(log)
    return _too_new(model, found) if found else refusal(COMPILER, log, model, target, npu)


def _too_new(model: Path, found: re.Match[str]) -> CompileError:
    """The error for an opset that the compiler does not read: the operators that need it."""
    from edgekit_converters.onnx.lower import newer

    newest, main = int(found["newest"]), read_graph(model).main
    kinds = newer(model, newest)
    first = next((i for i, operator in enumerate(main.operators) if operator.name in kinds), None)
    where = "" if first is None else f"Newer than that is {in_words(Place.of(main, first))}. "
    hint = f"{where}Export the source with opset_version={newest}, or convert it with --format tflite."
    return CompileError(f"{COMPILER} does not compile the model: {found[0].rstrip('!')}.", hint=hint)


def _left(log: str, model: Path) -> tuple[tuple[Place, ...], tuple[Placed, ...]]:
    """The operators that the compiler has no code for, though it writes a file; and how many of each kind."""
    found = list(LEFT.finditer(log))
    if not found:
        return (), ()
    graph, places, counts = read_graph(model), set[Place](), Counter[str]()
    for one in found:
        known = named(f"'{one['name']}'", graph)
        places.update(known)
        counts[known[0].name if known else one["kind"]] += 1
    kinds = tuple(Placed(kind, count, False, LEFT_STATUS) for kind, count in sorted(counts.items()))
    return tuple(sorted(places, key=lambda place: place.operator)), kinds
