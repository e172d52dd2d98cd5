"""Samples in named arrays: one for each input, labels `y`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from edgekit_converters.data.rows import Rows
from edgekit_converters.data.source import IDS, LABELS, SINGLE_INPUT, Sample
from edgekit_runtime.affine import storable
from edgekit_runtime.errors import DataError
from edgekit_runtime.tensor import TensorSpec


class ArraySource:
    """Named arrays: keys are input names (`x` for a single input), labels `y` or `y.<output>`.

    Args:
        path: Where they come from, for errors.
        arrays: The arrays, samples along the first axis.
        inputs: The model's inputs.
        outputs: The model's outputs.

    Raises:
        DataError: An input is missing, or a shape, type or length does not fit.
    """

    def __init__(
        self,
        path: Path,
        arrays: Mapping[str, Rows],
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
    ) -> None:
        self._path = path
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
                {name: np.asarray(values[index]) for name, values in self._labels.items()},
            )

    @property
    def labelled(self) -> frozenset[str]:
        """Names of the outputs that have labels."""
        return frozenset(self._labels)

    def _input_key(self, arrays: Mapping[str, Rows], spec: TensorSpec, single: bool) -> str:
        key = SINGLE_INPUT if single and SINGLE_INPUT in arrays else spec.name
        wanted = f"'{SINGLE_INPUT}' or '{spec.name}'" if single else f"'{spec.name}'"
        if key not in arrays:
            raise DataError(
                f"{self._path}: no array {wanted} for input {spec.name}; it has: {', '.join(arrays) or 'nothing'}.",
                hint=f"Save it with numpy.savez(path, {SINGLE_INPUT if single else spec.name}=...).",
            )
        return key

    def _input(self, arrays: Mapping[str, Rows], spec: TensorSpec, key: str) -> Rows:
        values = self._numbers(arrays, key)
        if values.shape[1:] != spec.sample_shape:
            raise DataError(
                f"{self._path}: '{key}' has samples of shape {values.shape[1:]}; "
                f"allowed: {spec.sample_shape}, as input {spec.name} takes them."
            )
        if not _all_storable(values, spec):
            raise DataError(
                f"{self._path}: '{key}' has values that {spec.dtype}, the type of input {spec.name}, does not hold; "
                "allowed: whole numbers in its range."
            )
        return values

    def _numbers(self, arrays: Mapping[str, Rows], key: str) -> Rows:
        values = arrays[key]
        if values.dtype.kind not in "fiub":
            raise DataError(f"{self._path}: '{key}' has type {values.dtype}; allowed: numbers.")
        if not values.shape:
            raise DataError(f"{self._path}: '{key}' is a single number; allowed: one value for each sample.")
        return values

    def _find_labels(
        self, arrays: Mapping[str, Rows], taken: tuple[str, ...], outputs: tuple[TensorSpec, ...]
    ) -> dict[str, Rows]:
        keys = {spec.name: f"{LABELS}.{spec.name}" for spec in outputs if f"{LABELS}.{spec.name}" in arrays}
        if LABELS in arrays and LABELS not in taken:
            if outputs[0].name in keys:
                raise DataError(
                    f"{self._path}: '{LABELS}' and '{keys[outputs[0].name]}' stand for the same; allowed: one of them."
                )
            keys[outputs[0].name] = LABELS
        return {name: self._numbers(arrays, key) for name, key in keys.items()}

    def _check_keys(self, arrays: Mapping[str, Rows], taken: tuple[str, ...], outputs: tuple[TensorSpec, ...]) -> None:
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


def _all_storable(values: Rows, spec: TensorSpec) -> bool:
    """Whether an integer input holds every value; one sample at a time, for they may lie on disk."""
    if np.can_cast(values.dtype, spec.dtype, "safe") or np.dtype(spec.dtype).kind == "f":
        return True
    return all(storable(np.asarray(values[index]), spec) for index in range(len(values)))
