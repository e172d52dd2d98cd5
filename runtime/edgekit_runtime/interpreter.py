"""One face for every library that runs a model; each library has one adapter."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Callable, Protocol

import numpy as np

from edgekit_runtime.errors import ModelError
from edgekit_runtime.tensor import TensorSpec

if TYPE_CHECKING:
    from pathlib import Path  # the measuring process does without it

TFLITE_MAGIC = b"TFL3"  # at byte 4: the identifier in TensorFlow Lite's schema.fbs


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
        """The kernels that it takes: `xnnpack` or `builtin`."""
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
            head = file.read(8)
    except OSError as error:
        raise ModelError(f"{path}: {os.strerror(error.errno or 0).lower()}.", hint="Check the path.") from error
    if head[4:8] == TFLITE_MAGIC:
        return "tflite"
    raise ModelError(
        f"{path}: not a model that runs on a device; allowed: a .tflite file or a bundle.",
        hint="Make one with `edgekit convert`.",
    )


def open_interpreter(path: str | Path, model_format: str, threads: int = 1, batch: int = 1) -> Interpreter:
    """Load a model with the library that runs its format.

    Args:
        path: The file.
        model_format: `tflite`.
        threads: Threads of the kernels.
        batch: Samples in one inference; above 1 only for models with a free batch axis.

    Raises:
        ModelError: The library is missing, or refuses the file or the batch.
    """
    if model_format not in LOADERS:
        raise ModelError(f"{path}: its format is {model_format}, which is not run here; allowed: {', '.join(LOADERS)}.")
    return LOADERS[model_format]()(str(path), threads, batch)


def _litert() -> Callable[[str, int, int], Interpreter]:
    from edgekit_runtime.litert import LiteRtInterpreter

    return LiteRtInterpreter


LOADERS: Mapping[str, Callable[[], Callable[[str, int, int], Interpreter]]] = {"tflite": _litert}
