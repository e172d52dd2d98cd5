"""A function of the user's own as data: it gives the samples anew for each pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from edgekit_converters.data.source import IDS, LABELS, SINGLE_INPUT, Sample
from edgekit_converters.data.user_code import load_function, told_by_line
from edgekit_runtime.affine import storable
from edgekit_runtime.errors import DataError, first_line
from edgekit_runtime.tensor import TensorSpec


class FunctionSource:
    """What `module:function` returns: an iterable, a `tf.data.Dataset` or a `DataLoader`.

    It gives samples, or batches of them: a mapping from names (as in `.npz`), a pair of inputs and
    labels, or an array. How many there are is found by going through them once.

    Args:
        name: `module:function`.
        inputs: The model's inputs.
        outputs: The model's outputs.

    Raises:
        DataError: The function is not found, raises, or gives nothing.
    """

    def __init__(self, name: str, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> None:
        self._name = name
        self._inputs, self._outputs = inputs, outputs
        self._function = load_function(name)
        self._count = sum(self._batch(arrays) or 1 for arrays in self._elements())
        if self._count == 0:
            raise DataError(
                f"{name}: it gave no samples; allowed: at least one.",
                hint="It is called again for each pass: return a new generator each time, not one that was used up.",
            )

    def __len__(self) -> int:
        """How many samples there are."""
        return self._count

    def read(self, indexes: Sequence[int]) -> Iterator[Sample]:
        """Give these samples, one after the other; the indexes ascend.

        Raises:
            DataError: The function raises, gives fewer samples than before, or some that do not fit.
        """
        wanted = iter(indexes)
        index = next(wanted, None)
        for place, arrays in enumerate(self._samples()):
            if index is None:
                return
            if place == index:
                yield self._fitted(arrays, place)
                index = next(wanted, None)
        if index is not None:
            raise DataError(
                f"{self._name}: it gave {self._count} samples at first, and fewer in a later pass.",
                hint="It is called again for each pass, and must give the same samples each time.",
            )

    def _elements(self) -> Iterator[dict[str, np.ndarray]]:
        """What the function gives, one element after the other, as named arrays."""
        try:
            elements = self._function()
            if not isinstance(elements, Iterable):
                kind = type(elements).__name__
                raise DataError(f"{self._name}: it returned {kind}; allowed: an iterable of samples.")
            iterator = iter(elements)
        except DataError:
            raise
        except Exception as error:  # a user's function may raise anything
            raise told_by_line(self._name, error) from error
        while True:
            try:
                element = next(iterator)
            except StopIteration:
                return
            except Exception as error:  # as above
                raise told_by_line(self._name, error) from error
            yield self._named(element)

    def _samples(self) -> Iterator[dict[str, np.ndarray]]:
        for arrays in self._elements():
            count = self._batch(arrays)
            if count is None:
                yield arrays
            else:
                yield from ({key: values[i] for key, values in arrays.items()} for i in range(count))

    def _named(self, element: object) -> dict[str, np.ndarray]:
        if isinstance(element, Mapping):
            return {str(key): self._array(value, str(key)) for key, value in element.items()}
        labels: dict[str, np.ndarray] = {}
        if isinstance(element, (tuple, list)) and _is_pair(element):
            labels, element = self._labels(element[1]), element[0]
        if isinstance(element, Mapping):
            return {**self._named(element), **labels}
        if isinstance(element, (tuple, list)) and len(element) == len(self._inputs) > 1:
            pairs = zip(self._inputs, element, strict=True)
            return {spec.name: self._array(value, spec.name) for spec, value in pairs} | labels
        return {SINGLE_INPUT: self._array(element, SINGLE_INPUT), **labels}

    def _labels(self, given: object) -> dict[str, np.ndarray]:
        if isinstance(given, Mapping):
            return {f"{LABELS}.{key}": self._array(value, f"{LABELS}.{key}") for key, value in given.items()}
        return {LABELS: self._array(given, LABELS)}

    def _array(self, value: object, key: str) -> np.ndarray:
        try:
            array = np.asarray(value)
        except Exception as error:  # a framework's tensor may raise anything
            raise DataError(f"{self._name}: '{key}' is no array: {first_line(error)}") from error
        if key != IDS and array.dtype.kind not in "fiub":
            raise DataError(f"{self._name}: '{key}' has type {array.dtype}; allowed: numbers.")
        return array

    def _batch(self, arrays: Mapping[str, np.ndarray]) -> int | None:
        """How many samples an element holds; `None` where it is a single one, by the shape of its first input."""
        spec = self._inputs[0]
        values = arrays.get(self._key(arrays, spec))
        if values is None or values.ndim != len(spec.sample_shape) + 1:
            return None
        lengths = {len(value) if value.ndim else -1 for value in arrays.values()}
        if lengths != {len(values)}:
            raise DataError(f"{self._name}: a batch of {len(values)} inputs has other numbers of labels or inputs.")
        return len(values)

    def _key(self, arrays: Mapping[str, np.ndarray], spec: TensorSpec) -> str:
        return SINGLE_INPUT if len(self._inputs) == 1 and SINGLE_INPUT in arrays else spec.name

    def _fitted(self, arrays: Mapping[str, np.ndarray], place: int) -> Sample:
        keys = {self._key(arrays, spec): spec for spec in self._inputs}
        labels = {LABELS: self._outputs[0].name, **{f"{LABELS}.{spec.name}": spec.name for spec in self._outputs}}
        known = {*keys, *labels, IDS}
        if not keys.keys() <= arrays.keys() or not arrays.keys() <= known:
            raise DataError(
                f"{self._name}: sample {place} has {', '.join(arrays) or 'nothing'}; needed: {', '.join(keys)}; "
                f"allowed beside: {', '.join(sorted(known - keys.keys()))}."
            )
        for key, spec in keys.items():
            if arrays[key].shape != spec.sample_shape or not storable(arrays[key], spec):
                raise DataError(
                    f"{self._name}: sample {place} has '{key}' of shape {arrays[key].shape} and type "
                    f"{arrays[key].dtype}; allowed: {spec.sample_shape}, {spec.dtype}, as input {spec.name} takes it."
                )
        return Sample(
            {spec.name: np.asarray(arrays[key], spec.dtype) for key, spec in keys.items()},
            {labels[key]: arrays[key] for key in arrays if key in labels and key not in keys},
        )


def _is_pair(element: Sequence[object]) -> bool:
    """Whether it is inputs with labels; a list of plain numbers is one sample, though it may hold two."""
    return len(element) == 2 and (isinstance(element, tuple) or not isinstance(element[0], (int, float)))
