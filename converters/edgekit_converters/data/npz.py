"""Samples in an `.npz` file: an array for each input, labels `y`."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from edgekit_converters.data.source import Sample
from edgekit_runtime.errors import DataError
from edgekit_runtime.tensor import TensorSpec

SINGLE_INPUT = "x"
LABELS = "y"
IDS = "id"


class NpzSource:
    """An `.npz` file: keys are input names (`x` for a single input), labels `y` or `y.<output>`.

    Args:
        path: The file.
        inputs: The model's inputs.
        outputs: The model's outputs.

    Raises:
        DataError: It cannot be read, an input is missing, or a shape, type or length does not fit.
    """

    def __init__(self, path: Path, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> None:
        self._path = path
        arrays = _load(path)
        self._dtypes = {spec.name: spec.dtype for spec in inputs}
        self._inputs = {spec.name: self._input(arrays, spec, len(inputs) == 1) for spec in inputs}
        self._labels = self._find_labels(arrays, outputs)
        self._check_keys(arrays, inputs, outputs)
        self._count = self._check_lengths()

    def __len__(self) -> int:
        """How many samples there are."""
        return self._count

    def read(self, indexes: Sequence[int]) -> Iterator[Sample]:
        """Give these samples, one after the other."""
        for index in indexes:
            yield Sample(
                {name: np.asarray(values[index], self._dtypes[name]) for name, values in self._inputs.items()},
                {name: values[index] for name, values in self._labels.items()},
            )

    def _input(self, arrays: dict[str, np.ndarray], spec: TensorSpec, single: bool) -> np.ndarray:
        key = SINGLE_INPUT if single and SINGLE_INPUT in arrays else spec.name
        wanted = f"'{SINGLE_INPUT}' or '{spec.name}'" if single else f"'{spec.name}'"
        if key not in arrays:
            raise DataError(
                f"{self._path}: no array {wanted} for input {spec.name}; it has: {', '.join(arrays) or 'nothing'}.",
                hint=f"Save it with numpy.savez(path, {SINGLE_INPUT}=...).",
            )
        values = arrays[key]
        if values.dtype.kind not in "fiub":
            raise DataError(f"{self._path}: '{key}' has type {values.dtype}; allowed: numbers.")
        if values.ndim == 0 or values.shape[1:] != spec.sample_shape:
            raise DataError(
                f"{self._path}: '{key}' has samples of shape {values.shape[1:]}; "
                f"allowed: {spec.sample_shape}, as input {spec.name} takes them."
            )
        return values

    def _find_labels(self, arrays: dict[str, np.ndarray], outputs: tuple[TensorSpec, ...]) -> dict[str, np.ndarray]:
        labels = {spec.name: arrays[f"{LABELS}.{spec.name}"] for spec in outputs if f"{LABELS}.{spec.name}" in arrays}
        if LABELS in arrays:
            labels[outputs[0].name] = arrays[LABELS]
        return labels

    def _check_keys(
        self, arrays: dict[str, np.ndarray], inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]
    ) -> None:
        known = {SINGLE_INPUT, LABELS, IDS, *(s.name for s in inputs), *(f"{LABELS}.{s.name}" for s in outputs)}
        unknown = [key for key in arrays if key not in known]
        if unknown:
            raise DataError(f"{self._path}: unknown arrays: {', '.join(unknown)}; allowed: {', '.join(sorted(known))}.")

    def _check_lengths(self) -> int:
        lengths = {name: len(values) for name, values in self._inputs.items()}
        lengths.update({f"labels of {name}": len(values) for name, values in self._labels.items()})
        if len(set(lengths.values())) != 1:
            listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise DataError(f"{self._path}: the arrays have different lengths: {listed}.")
        count = next(iter(lengths.values()))
        if count == 0:
            raise DataError(f"{self._path}: it holds no samples; allowed: at least one.")
        return count


def _load(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as content:
            if isinstance(content, np.ndarray):
                raise DataError(f"{path}: it is a single array; allowed: an .npz file with named arrays.")
            return {key: content[key] for key in content.files}
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else "it is damaged"
        raise DataError(f"{path}: {reason}.", hint="Check the path.") from error
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"{path}: not an .npz file of plain numbers: {error}") from error
