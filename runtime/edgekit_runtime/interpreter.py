"""One face for every library that runs a model; each library has one adapter."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Callable, Protocol

import numpy as np

from edgekit_runtime.errors import MissingExtraError, ModelError
from edgekit_runtime.formats import is_onnx, is_tflite
from edgekit_runtime.tensor import TensorSpec

if TYPE_CHECKING:
    from pathlib import Path  # the measuring process does without it


class Interpreter(Protocol):
    """A loaded model, ready to run.

    Attributes:
        inputs: Inputs in the file's order.
        outputs: Outputs in the file's order.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @property
    def library(self) -> str:
        """The library that runs it, with version."""
        ...

    @property
    def kernels(self) -> str:
        """The kernels that it takes: `xnnpack` or `builtin`; `cpu` under onnxruntime."""
        ...

    def signature(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """From the names by which inputs, and outputs, are called to the file's tensors.

        Raises:
            ModelError: The file has several signatures.
        """
        ...

    def set_input(self, index: int, value: np.ndarray) -> None:
        """Copy a value of the input's shape and type in; what an earlier run left as state is cleared."""
        ...

    def invoke(self) -> None:
        """Run the model once."""
        ...

    def output(self, index: int) -> np.ndarray:
        """A copy of an output."""
        ...


def detect_format(path: str | Path) -> str:
    """Tell a model file's format by its content.

    Raises:
        ModelError: There is no such file, or no interpreter reads it.
    """
    try:
        with open(path, "rb") as file:
            found = next((name for name, fits in FORMATS.items() if fits(file)), None)
    except OSError as error:
        raise ModelError(f"{path}: {os.strerror(error.errno or 0).lower()}.", hint="Check the path.") from error
    if found is not None:
        return found
    raise ModelError(
        f"{path}: not a model that runs on a device; allowed: a .tflite or .onnx file, or a bundle.",
        hint="Make one with `edgekit convert`.",
    )


def open_interpreter(path: str | Path, model_format: str, threads: int = 1, batch: int = 1) -> Interpreter:
    """Load a model with the library that runs its format.

    Args:
        path: The file.
        model_format: `tflite` or `onnx`.
        threads: Threads of the kernels.
        batch: Samples in one inference; above 1 only for models with a free batch axis.

    Raises:
        ModelError: The library refuses the file or the batch.
        MissingExtraError: It is not installed.
    """
    if model_format not in LOADERS:
        raise ModelError(f"{path}: its format is {model_format}, which is not run here; allowed: {', '.join(LOADERS)}.")
    return LOADERS[model_format]()(str(path), threads, batch)


def _tflite() -> Callable[[str, int, int], Interpreter]:
    try:
        from edgekit_runtime.litert import LiteRtInterpreter
    except MissingExtraError:
        from edgekit_runtime.tflite_runtime import TfliteRuntimeInterpreter

        return TfliteRuntimeInterpreter
    return LiteRtInterpreter


def _onnx() -> Callable[[str, int, int], Interpreter]:
    from edgekit_runtime.onnx import OnnxInterpreter
    from edgekit_runtime.onnx_exact import cuts_off_sums

    cuts_off_sums()  # found here, like the library, so that no load time holds it
    return OnnxInterpreter


FORMATS: Mapping[str, Callable[[IO[bytes]], bool]] = {"tflite": is_tflite, "onnx": is_onnx}
LOADERS: Mapping[str, Callable[[], Callable[[str, int, int], Interpreter]]] = {"tflite": _tflite, "onnx": _onnx}
