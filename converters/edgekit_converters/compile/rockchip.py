"""Compile for Rockchip's NPU with rknn-toolkit2, in the environment of its own that it needs."""

from __future__ import annotations

import os
from pathlib import Path

from edgekit_converters.compile.compilation import Compilation, Compiled, CompileError, not_run
from edgekit_converters.compile.vendor import last_line, run_vendor

PYTHON_VARIABLE = "EDGEKIT_RKNN_PYTHON"
COMPILER = "rknn-toolkit2"
PROGRAM = """
import sys
from rknn.api import RKNN

model, output, platform = sys.argv[1:]
rknn = RKNN(verbose=False)
rknn.config(target_platform=platform)
load = rknn.load_onnx if model.endswith(".onnx") else rknn.load_tflite
for status in (load(model=model), rknn.build(do_quantization=False), rknn.export_rknn(output)):
    if status:
        sys.exit(1)
"""
WANTING = (
    f"it is not installed: make an environment with `pip install {COMPILER}`, and name its Python by {PYTHON_VARIABLE}"
)


def compile_rockchip(model: Path, accelerator: str, folder: Path) -> Compiled:
    """Compile a model for a Rockchip NPU: an integer file as it is, a float one as float16.

    Args:
        model: A `.onnx` or `.tflite` file.
        accelerator: Rockchip's name of the chip, such as `rk3588`.
        folder: Where the compiled file goes.

    Raises:
        CompileError: The compiler refuses the model; the message is its last line.
    """
    command = f"{PYTHON_VARIABLE}=PYTHON edgekit convert {model.name} --target TARGET"
    python = os.environ.get(PYTHON_VARIABLE)
    if not python:
        return not_run(accelerator, COMPILER, command, WANTING)
    made = folder / f"model.{accelerator}.rknn"
    status, log = run_vendor([python, "-c", PROGRAM, str(model.resolve()), str(made), accelerator], folder)
    if status or not made.is_file():
        raise CompileError(f"{COMPILER} does not compile the model: {last_line(log)}.")
    return Compiled(Compilation(accelerator, COMPILER, command, made.name, "", (), ()), made)
