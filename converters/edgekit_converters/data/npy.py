"""An `.npy` file as data: the samples of a single input, without labels."""

from __future__ import annotations

from pathlib import Path

from edgekit_converters.data.arrays import ArraySource
from edgekit_converters.data.rows import open_npy
from edgekit_converters.data.source import SINGLE_INPUT
from edgekit_runtime.errors import DataError
from edgekit_runtime.tensor import TensorSpec


class NpySource(ArraySource):
    """An `.npy` file, read sample by sample.

    Args:
        path: The file.
        inputs: The model's inputs.
        outputs: The model's outputs.

    Raises:
        DataError: It cannot be read, the model has several inputs, or shape or type do not fit.
    """

    def __init__(self, path: Path, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> None:
        if len(inputs) > 1:
            raise DataError(
                f"{path}: an .npy file holds one input; the model has {len(inputs)}.",
                hint="Save them by name: numpy.savez(path, " + ", ".join(f"{spec.name}=..." for spec in inputs) + ").",
            )
        super().__init__(path, {SINGLE_INPUT: open_npy(path)}, inputs, outputs)
