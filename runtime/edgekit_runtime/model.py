"""A bundle as a function: real numbers in, real numbers out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgekit_runtime.affine import restore, storable, store
from edgekit_runtime.bundle import open_bundle
from edgekit_runtime.errors import DataError, first_line
from edgekit_runtime.golden import input_order, output_order
from edgekit_runtime.interpreter import Interpreter, open_interpreter
from edgekit_runtime.manifest import Binding, Manifest

Arrays = Mapping[str, np.ndarray]


class Model:
    """A loaded bundle.

    Args:
        interpreter: Runs its file.
        manifest: Names its inputs and outputs as the source did.
    """

    def __init__(self, interpreter: Interpreter, manifest: Manifest) -> None:
        self.manifest = manifest
        self._interpreter = interpreter
        self._inputs = input_order(interpreter, manifest)
        self._outputs = output_order(interpreter, manifest)

    def __call__(self, inputs: np.ndarray | Arrays) -> np.ndarray | dict[str, np.ndarray]:
        """Run the model on one sample, or on several one after the other.

        Args:
            inputs: An array, or one for each input name; of a sample's shape, such as `(H, W, C)`, or
                of several samples' `(N, H, W, C)`.

        Returns:
            The output, with a first axis where the input had one; a dictionary by name if there are several.

        Raises:
            DataError: A name, a shape or a type does not fit.
        """
        arrays = self._named(inputs)
        batched = [self._with_batch(binding, arrays[binding.source.name]) for binding in self.manifest.inputs]
        if len({(len(array), alone) for array, alone in batched}) != 1:
            raise DataError("the inputs have different numbers of samples.")
        alone = batched[0][1]
        rows = [self._run([array[i] for array, _ in batched]) for i in range(len(batched[0][0]))]
        results = {
            binding.source.name: rows[0][k] if alone else np.stack([row[k] for row in rows])
            for k, binding in enumerate(self.manifest.outputs)
        }
        return results if len(results) > 1 else next(iter(results.values()))

    def _run(self, sample: list[np.ndarray]) -> list[np.ndarray]:
        for index, binding, value in zip(self._inputs, self.manifest.inputs, sample):
            self._interpreter.set_input(index, store(value[None], binding.stored))
        self._interpreter.invoke()
        return [
            restore(self._interpreter.output(index), binding.stored)[0]
            for index, binding in zip(self._outputs, self.manifest.outputs)
        ]

    def _named(self, inputs: np.ndarray | Arrays) -> Arrays:
        names = [binding.source.name for binding in self.manifest.inputs]
        if not isinstance(inputs, Mapping):
            inputs = {names[0]: inputs}
        if set(inputs) != set(names):
            raise DataError(f"inputs are {', '.join(map(str, inputs))}; allowed: {', '.join(names)}.")
        return inputs

    @staticmethod
    def _with_batch(binding: Binding, array: np.ndarray) -> tuple[np.ndarray, bool]:
        array = _numbers(binding, array)
        shape = binding.stored.sample_shape
        if array.shape == shape:
            return array[None], True
        if array.shape[1:] == shape and len(array) > 0:
            return array, False
        raise DataError(
            f"input {binding.source.name} has shape {array.shape}; allowed: {shape}, or several of them, (N, ...)."
        )


def _numbers(binding: Binding, values: object) -> np.ndarray:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f"input {binding.source.name} is no array: {first_line(error)}") from error
    if array.dtype.kind not in "fiub":
        raise DataError(f"input {binding.source.name} is of type {array.dtype}; allowed: numbers.")
    if not storable(array, binding.stored):
        raise DataError(f"input {binding.source.name} has values that {binding.stored.dtype} does not hold, or NaN.")
    return array


def load(path: str | Path, *, threads: int = 1) -> Model:
    """Load a bundle, after verifying its checksums.

    Raises:
        BundleError: The bundle is damaged.
        ModelError: The interpreter is missing, or refuses the file.
    """
    with open_bundle(path) as bundle:
        return Model(open_interpreter(bundle.model_path, bundle.manifest.format, threads), bundle.manifest)
