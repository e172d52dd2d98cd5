"""A model made of layers, of Keras 3 or of tf_keras, as a program."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from edgekit_converters.keras.activations import layer_activations
from edgekit_converters.parting import Activation
from edgekit_converters.source import signature_names
from edgekit_runtime.manifest import Library
from edgekit_runtime.tensor import TensorSpec


class LayersProgram:
    """A model made of layers.

    Args:
        model: A model whose inputs are known.
        unrolled: The same without loops; `model` itself where it has none.
        library: `keras` or `tf_keras`, the module that `model` belongs to.

    Attributes:
        model: The model.
    """

    def __init__(self, model: Any, unrolled: Any, library: Any) -> None:
        self.model = model
        self._unrolled = unrolled
        self._library = library
        self.inputs = tuple(_spec(tensor.name, tensor) for tensor in _flatten(model.inputs))
        self.outputs = tuple(
            _spec(name, tensor) for name, tensor in zip(_output_names(model), _flatten(model.outputs), strict=True)
        )
        self.parameters = int(model.count_params())
        self.holder = None if library is keras else unrolled

    @property
    def batch(self) -> int | None:
        """Its fixed number of samples, if it was built with one."""
        sizes = {next(iter(tensor.shape)) for tensor in _flatten(self.model.inputs)} - {None}
        return int(next(iter(sizes))) if sizes else None

    @property
    def renewable(self) -> bool:
        """Whether its layers are Keras 3's, which can change and learn."""
        return self._library is keras

    @property
    def libraries(self) -> tuple[Library, ...]:
        """The library of the layers, and TensorFlow."""
        return Library(self._library.__name__, self._library.__version__), Library("tensorflow", tf.__version__)

    def run(self, values: Sequence[Any]) -> list[Any]:
        """One tensor for each output, from one for each input."""
        return call(self.model, values)

    def run_for_export(self, values: Sequence[Any]) -> list[Any]:
        """The same without loops, and with constants for weights, which the converter reads three times as fast."""
        if self._library is not keras:
            return call(self._unrolled, values)
        with tf.init_scope():  # a graph that is being traced cannot read them
            weights = [(variable, variable.numpy()) for variable in self._unrolled.variables]
        constants = [(variable, tf.constant(value)) for variable, value in weights]
        with keras.StatelessScope(state_mapping=constants):
            return call(self._unrolled, values)

    def activations(self, values: Sequence[Any]) -> tuple[Activation, ...]:
        """What each layer gives; nothing for a model that is written as a class."""
        return layer_activations(self.model, self._library, values)

    def save(self, folder: Path) -> None:
        """Write it as a SavedModel without loops, with a free batch axis and under its own names."""
        specs = [
            tf.TensorSpec((None, *spec.sample_shape), spec.dtype, name=name)
            for spec, name in zip(self.inputs, signature_names(self.inputs), strict=True)
        ]
        names = signature_names(self.outputs)

        def run(*values: Any) -> dict[str, Any]:
            return dict(zip(names, call(self._unrolled, values), strict=True))

        module = tf.Module()
        module.holder = self.holder or [variable.value for variable in self._unrolled.variables]
        graph = tf.function(run, input_signature=specs, autograph=False)
        tf.saved_model.save(module, str(folder), signatures=graph)


def call(model: Any, values: Sequence[Any], *, training: bool = False) -> list[Any]:
    """Call a model on one value for each of its inputs, however it nests them, and flatten what it gives."""
    nested = tf.nest.pack_sequence_as(_structure(model, "input"), list(values))
    return _flatten(model(nested, training=training))


def with_inputs(model: Any, library: Any) -> Any:
    """A model that tells its inputs; one that was written as a class gets those it was last built for.

    Args:
        model: A model of Keras 3 or tf_keras.
        library: That library.

    Returns:
        The model, or a model around it, or `None` where its inputs cannot be known.
    """
    if getattr(model, "inputs", None):
        return model
    shape = (model.get_build_config() or {}).get("input_shape")
    if not isinstance(shape, list | tuple) or not all(size is None or isinstance(size, int) for size in shape):
        return None
    values = library.Input(shape[1:], name="input")
    return library.Model(values, model(values), name=model.name)


def _structure(model: Any, border: str) -> Any:
    """The nesting in which a model takes its inputs or gives its outputs: a tensor, a list or a dictionary."""
    try:
        return getattr(model, border)
    except AttributeError:  # a Sequential model that was never called
        return getattr(model, f"{border}s")[0]


def _output_names(model: Any) -> list[str]:
    structure = _structure(model, "output")
    if isinstance(structure, dict):
        return sorted(structure)  # the order in which a dictionary is flattened
    return _distinct(getattr(model, "output_names", None) or [model.layers[-1].name])  # Sequential tells no names


def _distinct(names: Iterable[str]) -> list[str]:
    """The same names, each once: a layer that gives several outputs gives one name to all."""
    found: list[str] = []
    for name in names:
        number = 1
        distinct = name
        while distinct in found:
            distinct, number = f"{name}_{number}", number + 1
        found.append(distinct)
    return found


def _spec(name: str, tensor: Any) -> TensorSpec:
    sizes = tuple(tensor.shape)[1:]
    return TensorSpec(
        name, (-1, *(-1 if size is None else int(size) for size in sizes)), tf.as_dtype(tensor.dtype).name
    )


def _flatten(value: Any) -> list[Any]:
    return list(tf.nest.flatten(value))
