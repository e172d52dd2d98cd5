"""A bundle as a function: real numbers in, real numbers out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgekit_runtime.affine import storable
from edgekit_runtime.bundle import Bundle, open_bundle
from edgekit_runtime.errors import DataError, first_line
from edgekit_runtime.golden import input_order, output_order
from edgekit_runtime.interpreter import Interpreter, open_interpreter
from edgekit_runtime.manifest import Binding, InputBinding, Manifest
from edgekit_runtime.pictures import prepare_pixels, read_picture
from edgekit_runtime.samples import real_samples, stored_input, stored_sample

Arrays = Mapping[str, np.ndarray]


class Model:
    """A loaded bundle.

    Args:
        interpreter: Runs its file.
        manifest: Names its inputs and outputs as the source did.
        labels: Names of the classes; empty where they are not known.
    """

    def __init__(self, interpreter: Interpreter, manifest: Manifest, labels: tuple[str, ...] = ()) -> None:
        self.manifest = manifest
        self.labels = labels
        self._interpreter = interpreter
        self._inputs = input_order(interpreter, manifest)
        self._outputs = output_order(interpreter, manifest)

    def __call__(self, inputs: np.ndarray | Arrays) -> np.ndarray | dict[str, np.ndarray]:
        """Run the model on one sample, or on several one after the other.

        Args:
            inputs: An array, or one for each input name; of a sample's shape, such as `(H, W, C)`, or
                of several samples' `(N, H, W, C)`. Where the bundle keeps a preparation, uint8 values are a
                picture's pixels, `(H, W, 3)` in the order RGB or `(H, W)`, and are prepared first; other
                values are taken as the model takes them.

        Returns:
            The output, with a first axis where the input had one; a dictionary by name if there are several.

        Raises:
            DataError: A name, a shape or a type does not fit.
            MissingExtraError: Pixels must be resized, and Pillow is not installed.
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

    def read_picture(self, path: str | Path) -> np.ndarray:
        """Read a picture's file as the model's input; needs Pillow.

        Raises:
            DataError: It is no picture, or the model takes none.
            MissingExtraError: Pillow is not installed.
        """
        preparation = self.manifest.inputs[0].preparation
        if preparation is None or len(self.manifest.inputs) > 1:
            raise DataError(
                f"{path}: the bundle of {self.manifest.name} does not say how pictures become its inputs; "
                "allowed: .npy or .npz with what the model takes.",
                hint="Convert it with a folder of pictures as data, or with --pixel-range and the like.",
            )
        return read_picture(path, preparation)

    def _run(self, sample: list[np.ndarray]) -> list[np.ndarray]:
        for index, binding, value in zip(self._inputs, self.manifest.inputs, sample):
            self._interpreter.set_input(index, stored_input(value, binding))
        self._interpreter.invoke()
        return [
            real_samples(stored_sample(self._interpreter.output(index), binding.source)[None], binding)[0]
            for index, binding in zip(self._outputs, self.manifest.outputs)
        ]

    def _named(self, inputs: np.ndarray | Arrays) -> Arrays:
        names = [binding.source.name for binding in self.manifest.inputs]
        if isinstance(inputs, np.ndarray) or not isinstance(inputs, Mapping):
            inputs = {names[0]: inputs}
        if set(inputs) != set(names):
            raise DataError(f"inputs are {', '.join(map(str, inputs))}; allowed: {', '.join(names)}.")
        return inputs

    @staticmethod
    def _with_batch(binding: InputBinding, array: np.ndarray) -> tuple[np.ndarray, bool]:
        array = _numbers(binding, _prepared(binding, array))
        shape = binding.source.sample_shape
        if array.shape == shape:
            return array[None], True
        if array.shape[1:] == shape and len(array) > 0:
            return array, False
        raise DataError(
            f"input {binding.source.name} has shape {array.shape}; allowed: {shape}, or several of them, (N, ...)."
        )


def _prepared(binding: InputBinding, values: np.ndarray) -> np.ndarray:
    """Pixels as the input takes them; other values as they are."""
    preparation = binding.preparation
    if preparation is None or getattr(values, "dtype", None) != np.uint8:
        return values
    if values.ndim == 2 or (values.ndim == 3 and values.shape[-1] in (1, 3)):
        return prepare_pixels(values, preparation)
    if values.ndim < 3 or len(values) == 0:
        raise DataError(f"input {binding.source.name} has shape {values.shape}; allowed: the pixels of pictures.")
    return np.stack([prepare_pixels(picture, preparation) for picture in values])


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
        interpreter = open_interpreter(bundle.model_path, bundle.manifest.format, threads)
        return Model(interpreter, bundle.manifest, _read_labels(bundle))


def _read_labels(bundle: Bundle) -> tuple[str, ...]:
    if bundle.manifest.labels is None:
        return ()
    return tuple((bundle.folder / bundle.manifest.labels).read_text(encoding="utf-8").splitlines())
