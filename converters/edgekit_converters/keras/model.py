"""A live Keras model: load, run, export."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from edgekit_converters.source import SourceInfo, signature_names
from edgekit_runtime.errors import ConversionError, ModelError, first_line
from edgekit_runtime.manifest import Library
from edgekit_runtime.tensor import TensorSpec

SUFFIXES = {"keras": ".keras", "keras-h5": ".h5"}


class KerasModel:
    """A loaded Keras model.

    Args:
        model: The model itself.
        path: Where it came from, for errors.

    Raises:
        ModelError: Its inputs are not known, or have free axes besides the batch.
    """

    def __init__(self, model: Any, path: Path) -> None:
        self._model = model
        self._path = path
        self.info = self._describe()

    def predict(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name for a batch, each `(N, ...)`.

        Raises:
            ModelError: Keras cannot run it.
        """
        try:
            outputs = self._graph(*(inputs[spec.name] for spec in self.info.inputs))
        except Exception as error:  # Keras and TensorFlow raise many kinds; the user gets one line
            raise ModelError(
                f"{self._path}: Keras {keras.__version__} cannot run it: {first_line(error)}",
                hint="See the whole log with -v.",
            ) from error
        return {
            spec.name: np.asarray(keras.ops.convert_to_numpy(output))
            for spec, output in zip(self.info.outputs, outputs, strict=True)
        }

    def export_tflite(self, path: Path) -> None:
        """Write it as float32 `.tflite` with a static batch of 1, under its own input and output names.

        Raises:
            ConversionError: TensorFlow refuses.
        """
        with tempfile.TemporaryDirectory(dir=path.parent, prefix="savedmodel-") as folder:
            try:
                self._export_saved_model(folder)
                content = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
            except Exception as error:  # TensorFlow raises many kinds; the user gets one line
                raise ConversionError(
                    f"{self._path}: TensorFlow cannot convert it to TFLite: {first_line(error)}",
                    hint="See the whole log with -v.",
                ) from error
        path.write_bytes(content)

    @cached_property
    def _graph(self) -> Any:
        """The model as a TensorFlow graph: run eagerly, every layer would keep buffers of its own for each batch."""
        signature = [tf.TensorSpec((None, *spec.sample_shape), spec.dtype) for spec in self.info.inputs]
        return tf.function(lambda *inputs: self._call(inputs), input_signature=signature, autograph=False)

    def _call(self, values: Sequence[Any]) -> list[Any]:
        nested = keras.tree.pack_sequence_as(_input_structure(self._model), list(values))
        return _flatten(self._model(nested, training=False))

    def _export_saved_model(self, folder: str) -> None:
        """Write it with its weights as constants, which the converter reads in a third of the time of variables."""
        specs = [
            tf.TensorSpec((1, *spec.sample_shape), spec.dtype, name=name)
            for spec, name in zip(self.info.inputs, signature_names(self.info.inputs), strict=True)
        ]
        names = signature_names(self.info.outputs)
        weights = [(variable, variable.numpy()) for variable in self._model.variables]

        def run(*inputs: Any) -> dict[str, Any]:
            constants = [(variable, tf.constant(value)) for variable, value in weights]
            with keras.StatelessScope(state_mapping=constants):
                return dict(zip(names, self._call(inputs), strict=True))

        graph = tf.function(run, input_signature=specs, autograph=False).get_concrete_function()
        tf.saved_model.save(tf.Module(), folder, signatures=graph)

    def _describe(self) -> SourceInfo:
        if not getattr(self._model, "inputs", None):
            raise ModelError(
                f"{self._path}: it does not tell the shape of its inputs.",
                hint="Call the model once on data, then save it.",
            )
        inputs = tuple(_spec(tensor.name, tensor) for tensor in _flatten(self._model.inputs))
        for spec in inputs:
            if -1 in spec.sample_shape:
                raise ModelError(
                    f"{self._path}: input {spec.name} has shape {spec.shape}; allowed: only the batch axis is free.",
                    hint="Build the model with a fixed input shape.",
                )
        tensors = _flatten(self._model.outputs)
        names = list(getattr(self._model, "output_names", ())) or [tensor.name for tensor in tensors]
        outputs = tuple(_spec(name, tensor) for name, tensor in zip(names, tensors, strict=True))
        libraries = (Library("keras", keras.__version__), Library("tensorflow", tf.__version__))
        return SourceInfo(inputs, outputs, int(self._model.count_params()), libraries)


def load_model(path: Path, source_format: str, trust: bool) -> KerasModel:
    """Load a saved Keras model; `check_safe` comes first where its author is not trusted.

    Args:
        path: The file.
        source_format: `keras` or `keras-h5`.
        trust: Whether code inside the file may run.

    Raises:
        ModelError: It is damaged, holds code that is not trusted, or Keras cannot load it.
    """
    with tempfile.TemporaryDirectory(prefix="edgekit-keras-") as folder:
        # Keras goes by the suffix; edgekit goes by the content.
        link = Path(folder, "model" + SUFFIXES[source_format])
        os.symlink(path.resolve(), link)
        try:
            model = keras.models.load_model(link, compile=False, safe_mode=not trust)
        except Exception as error:  # Keras raises many kinds; the user gets one line
            raise ModelError(
                f"{path}: Keras {keras.__version__} cannot load it: {first_line(error)}",
                hint="See the whole log with -v, or save it again with this version of Keras.",
            ) from error
    return KerasModel(model, path)


def _input_structure(model: Any) -> Any:
    """The nesting in which a model takes its inputs: a tensor, a list or a dictionary."""
    try:
        return model.input
    except AttributeError:  # a Sequential model that was never called
        return model.inputs[0]


def _spec(name: str, tensor: Any) -> TensorSpec:
    shape = (-1, *(-1 if size is None else int(size) for size in tensor.shape[1:]))
    return TensorSpec(name, shape, str(keras.backend.standardize_dtype(tensor.dtype)))


def _flatten(value: Any) -> list[Any]:
    return list(keras.tree.flatten(value))
