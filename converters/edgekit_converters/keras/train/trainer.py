"""One step of a Keras model's training, compiled once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from edgekit_converters.compress.faces import Arrays
from edgekit_converters.compress.losses import LossPlan
from edgekit_converters.compress.settings import TrainSettings
from edgekit_converters.keras.layers import call
from edgekit_converters.keras.train.features import attention_map, with_maps
from edgekit_converters.keras.train.freeze import freeze, unfreeze
from edgekit_converters.keras.train.losses import make_loss
from edgekit_converters.keras.train.norms import quicken, slow_down
from edgekit_converters.keras.train.state import drawing, lasting, read_variables, write_variables
from edgekit_runtime.errors import ConversionError, EdgekitError, first_line


class KerasTrainer:
    """A model of Keras 3 in training, by Adam (Kingma and Ba 2015).

    Adam without weight decay: the weights come trained, and what pulls them towards 0 would change them beyond what
    the loss asks for.

    Args:
        model: The model.
        names: Its inputs, then its outputs.
        settings: How.
        plan: The loss.
        source: Where the model came from, for errors.
        finish: Called when training is over.

    Raises:
        RecipeError: It has nothing that could be trained.
        DataError: The user's own loss is not found.
    """

    def __init__(
        self,
        model: Any,
        names: tuple[tuple[str, ...], tuple[str, ...]],
        settings: TrainSettings,
        plan: LossPlan,
        source: str,
        finish: Callable[[], None],
    ) -> None:
        tf.config.experimental.enable_op_determinism()
        keras.utils.set_random_seed(settings.seed)
        self._model, self._inputs, self._outputs = model, *names
        self._seed, self._plan, self._source, self._finish = settings.seed, plan, source, finish
        self._loss = make_loss(plan)
        self._frozen = freeze(model, settings.freeze)
        self._quickened = quicken(model, settings.batch)
        self._whole = with_maps(model, plan.features)
        self._optimizer = keras.optimizers.Adam(settings.learning_rate)
        self._optimizer.build(model.trainable_variables)
        self._compiled: dict[tuple[Any, ...], Any] = {}

    def begin(self, epoch: int) -> None:
        """Seed the layers that draw."""
        for place, variable in enumerate(drawing(self._model)):
            random = np.random.default_rng((self._seed, epoch, place))
            variable.assign(random.integers(0, 2**31, tuple(variable.shape), np.uint32))

    def step(self, inputs: Arrays, labels: Arrays, teacher: Arrays, learning_rate: float) -> float:
        """Take one step, and give the mean loss of the batch before it.

        Raises:
            ConversionError: TensorFlow cannot run it.
            DataError: The user's own loss fails.
        """
        rate = tf.constant(learning_rate, tf.float32)
        return float(self._run(self._train_step, (inputs, labels, teacher), rate))

    def look(self, inputs: Arrays, labels: Arrays, teacher: Arrays) -> tuple[float, dict[str, np.ndarray]]:
        """The mean loss of a batch, and its outputs, as the model runs outside training.

        Raises:
            ConversionError: TensorFlow cannot run it.
            DataError: The user's own loss fails.
        """
        loss, *outputs = self._run(self._look, (inputs, labels, teacher))
        return float(loss), {name: np.asarray(value) for name, value in zip(self._outputs, outputs, strict=True)}

    def finite(self) -> bool:
        """Whether no weight is NaN or infinite."""
        return all(bool(np.isfinite(np.asarray(weight)).all()) for weight in self._model.weights)

    def save(self, path: Path) -> None:
        """Write all variables, of the model and of the optimizer."""
        write_variables(path, self._variables())

    def restore(self, path: Path) -> None:
        """Read what `save` wrote."""
        read_variables(path, self._variables())

    def finish(self) -> None:
        """Undo what training alone needs, and let the model know that its weights are others."""
        unfreeze(self._frozen)
        slow_down(self._quickened)
        self._finish()

    def _variables(self) -> list[Any]:
        return [*lasting(self._model), *self._optimizer.variables]

    def _train_step(self, inputs: list[Any], labels: Mapping[str, Any], teacher: Mapping[str, Any], rate: Any) -> Any:
        variables = self._model.trainable_variables
        with tf.GradientTape() as tape:
            loss = self._total(call(self._whole, inputs, training=True), labels, teacher)
            penalized = tf.add_n([loss, *self._model.losses])
        self._optimizer.learning_rate.assign(rate)
        self._optimizer.apply(tape.gradient(penalized, variables), variables)
        return loss

    def _look(self, inputs: list[Any], labels: Mapping[str, Any], teacher: Mapping[str, Any]) -> list[Any]:
        values = call(self._whole, inputs)
        return [self._total(values, labels, teacher), *values[: len(self._outputs)]]

    def _total(self, values: list[Any], labels: Mapping[str, Any], teacher: Mapping[str, Any]) -> Any:
        count = len(self._outputs)
        outputs = dict(zip(self._outputs, values[:count], strict=True))
        layers = zip(self._plan.features, values[count:], strict=True)
        return self._loss(outputs, {layer: attention_map(value) for layer, value in layers}, labels, teacher)

    def _run(self, function: Callable[..., Any], batch: tuple[Arrays, Arrays, Arrays], *extra: Any) -> Any:
        inputs, labels, teacher = batch
        values = [*(inputs[name] for name in self._inputs), *labels.values(), *teacher.values(), *extra]
        key = (function.__name__, tuple(labels), tuple(teacher))
        try:
            if key not in self._compiled:
                self._compiled[key] = self._compile(function, key, values)
            return self._compiled[key](*(tf.convert_to_tensor(value) for value in values))
        except EdgekitError:
            raise
        except Exception as error:  # Keras and TensorFlow raise many kinds; the user gets one line
            raise ConversionError(
                f"{self._source}: Keras {keras.__version__} cannot train it: {first_line(error)}",
                hint="See the whole log with -v.",
            ) from error

    def _compile(self, function: Callable[..., Any], key: tuple[Any, ...], values: list[Any]) -> Any:
        """One graph for batches of any size: each new size would cost a trace."""
        _, labels, teacher = key
        ends = (len(self._inputs), len(self._inputs) + len(labels), len(self._inputs) + len(labels) + len(teacher))

        def flat(*tensors: Any) -> Any:
            parts = tensors[: ends[0]], tensors[ends[0] : ends[1]], tensors[ends[1] : ends[2]]
            named = dict(zip(labels, parts[1], strict=True)), dict(zip(teacher, parts[2], strict=True))
            return function(list(parts[0]), *named, *tensors[ends[2] :])

        specs = [tf.TensorSpec((None, *value.shape[1:]) if value.ndim else (), value.dtype) for value in values]
        return tf.function(flat, input_signature=specs, autograph=False)
