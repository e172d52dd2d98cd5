"""Samples in an `.npz` file: an array for each input, labels `y`."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from edgekit_converters.data.source import Sample
from edgekit_runtime.affine import storable
from edgekit_runtime.errors import DataError, first_line
from edgekit_runtime.tensor import TensorSpec

ZIP_MAGIC, EMPTY_ZIP_MAGIC = b"PK\x03\x04", b"PK\x05\x06"
SINGLE_INPUT = "x"
WRITE_IT = f"Write it with numpy.savez(path, {SINGLE_INPUT}=...)."
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
        keys = {spec.name: self._input_key(arrays, spec, len(inputs) == 1) for spec in inputs}
        self._inputs = {spec.name: self._input(arrays, spec, keys[spec.name]) for spec in inputs}
        self._labels = self._find_labels(arrays, tuple(keys.values()), outputs)
        self._check_keys(arrays, tuple(keys.values()), outputs)
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

    def _input_key(self, arrays: dict[str, np.ndarray], spec: TensorSpec, single: bool) -> str:
        key = SINGLE_INPUT if single and SINGLE_INPUT in arrays else spec.name
        wanted = f"'{SINGLE_INPUT}' or '{spec.name}'" if single else f"'{spec.name}'"
        if key not in arrays:
            raise DataError(
                f"{self._path}: no array {wanted} for input {spec.name}; it has: {', '.join(arrays) or 'nothing'}.",
                hint=f"Save it with numpy.savez(path, {SINGLE_INPUT if single else spec.name}=...).",
            )
        return key

    def _input(self, arrays: dict[str, np.ndarray], spec: TensorSpec, key: str) -> np.ndarray:
        values = self._numbers(arrays, key)
        if values.shape[1:] != spec.sample_shape:
            raise DataError(
                f"{self._path}: '{key}' has samples of shape {values.shape[1:]}; "
                f"allowed: {spec.sample_shape}, as input {spec.name} takes them."
            )
        if not storable(values, spec):
            raise DataError(
                f"{self._path}: '{key}' has values that {spec.dtype}, the type of input {spec.name}, does not hold; "
                "allowed: whole numbers in its range."
            )
        return values

    def _numbers(self, arrays: dict[str, np.ndarray], key: str) -> np.ndarray:
        values = arrays[key]
        if values.dtype.kind not in "fiub":
            raise DataError(f"{self._path}: '{key}' has type {values.dtype}; allowed: numbers.")
        if values.ndim == 0:
            raise DataError(f"{self._path}: '{key}' is a single number; allowed: one value for each sample.")
        return values

    def _find_labels(
        self, arrays: dict[str, np.ndarray], taken: tuple[str, ...], outputs: tuple[TensorSpec, ...]
    ) -> dict[str, np.ndarray]:
        keys = {spec.name: f"{LABELS}.{spec.name}" for spec in outputs if f"{LABELS}.{spec.name}" in arrays}
        if LABELS in arrays and LABELS not in taken:
            if outputs[0].name in keys:
                raise DataError(
                    f"{self._path}: '{LABELS}' and '{keys[outputs[0].name]}' stand for the same; allowed: one of them."
                )
            keys[outputs[0].name] = LABELS
        return {name: self._numbers(arrays, key) for name, key in keys.items()}

    def _check_keys(
        self, arrays: dict[str, np.ndarray], taken: tuple[str, ...], outputs: tuple[TensorSpec, ...]
    ) -> None:
        known = {LABELS, IDS, *taken, *(f"{LABELS}.{spec.name}" for spec in outputs)}
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
        with open(path, "rb") as file:
            if file.read(len(ZIP_MAGIC)) not in (ZIP_MAGIC, EMPTY_ZIP_MAGIC):
                raise DataError(f"{path}: it is no .npz file.", hint=WRITE_IT)
        with np.load(path, allow_pickle=False) as content:
            arrays = {key: content[key] for key in content.files}
    except MemoryError as error:
        raise DataError(f"{path}: its arrays do not fit into memory.", hint="Save fewer samples in it.") from error
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else "it is damaged"
        raise DataError(f"{path}: {reason}.", hint="Check the path.") from error
    except (ValueError, zipfile.BadZipFile, EOFError, zlib.error, RuntimeError) as error:
        raise DataError(f"{path}: not an .npz file of plain numbers: {first_line(error)}") from error
    strange = [key for key, value in arrays.items() if not isinstance(value, np.ndarray)]
    if strange:
        raise DataError(f"{path}: it holds files that are no arrays: {', '.join(strange)}; allowed: arrays.")
    return arrays
