"""The loss of a plan, in TensorFlow's tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from edgekit_converters.compress.loss import Loss, Terms, compose
from edgekit_converters.compress.losses import BINARY, CATEGORICAL, LossPlan, OutputLoss
from edgekit_converters.data.user_code import told_by_line
from edgekit_runtime.errors import DataError

SMALLEST = 1e-7  # a probability whose logarithm is taken is no less, as in Keras's own losses


def make_loss(plan: LossPlan) -> Loss:
    """A function from outputs, maps of features, labels and the teacher's rows to the loss.

    Raises:
        DataError: The user's own loss is not found.
    """
    return compose(plan, Terms(_hard, _soft, map_distance, _own, _total))


def map_distance(ours: Any, theirs: Any) -> Any:
    """Mean over the samples of the squared distance of attention maps."""
    squares = tf.math.squared_difference(ours, theirs)
    return tf.reduce_mean(tf.reduce_sum(squares, axis=list(range(1, len(squares.shape)))))


def _hard(one: OutputLoss, output: Any, target: Any) -> Any:
    if one.kind == CATEGORICAL:
        logits = _last(one, _logits(one, output))
        if one.numbered:
            return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(target, logits))
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(_last(one, target), logits))
    if one.kind == BINARY:
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(target, _logits(one, output)))
    return tf.reduce_mean(tf.math.squared_difference(tf.cast(output, tf.float32), target))


def _soft(one: OutputLoss, output: Any, given: Any, temperature: float) -> Any:
    """Soft targets: Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network"."""
    if one.kind == CATEGORICAL:
        ours = tf.nn.log_softmax(_last(one, _logits(one, output)) / temperature)
        theirs = tf.nn.log_softmax(_last(one, given) / temperature)
        return temperature**2 * tf.reduce_mean(tf.reduce_sum(tf.exp(theirs) * (theirs - ours), axis=-1))
    if one.kind == BINARY:
        ours, theirs = _logits(one, output) / temperature, given / temperature
        yes = tf.sigmoid(theirs) * (tf.math.log_sigmoid(theirs) - tf.math.log_sigmoid(ours))
        no = tf.sigmoid(-theirs) * (tf.math.log_sigmoid(-theirs) - tf.math.log_sigmoid(-ours))
        return temperature**2 * tf.reduce_mean(yes + no)
    return tf.reduce_mean(tf.math.squared_difference(tf.cast(output, tf.float32), given))


def _logits(one: OutputLoss, output: Any) -> Any:
    known = getattr(output, "_keras_logits", None)  # Keras leaves them there for its own losses
    output = tf.cast(output if known is None else known, tf.float32)
    if known is not None or not one.probabilities:
        return output
    clipped = tf.clip_by_value(output, SMALLEST, 1 - SMALLEST)
    return tf.math.log(clipped) if one.kind == CATEGORICAL else tf.math.log(clipped) - tf.math.log1p(-clipped)


def _last(one: OutputLoss, values: Any) -> Any:
    """The values with their classes on the last axis."""
    if one.axis == -1:
        return values
    places = [place for place in range(len(values.shape)) if place != one.axis]
    return tf.transpose(values, [*places, one.axis])


def _own(name: str, given: object) -> Any:
    try:
        loss = tf.convert_to_tensor(given)
    except Exception as error:  # TensorFlow raises many kinds
        raise told_by_line(name, error) from error
    if loss.shape.rank != 0 or not loss.dtype.is_floating:
        raise DataError(f"{name}: it gave {loss.dtype.name} of shape {loss.shape}; allowed: one real number.")
    return loss


def _total(parts: Sequence[Any]) -> Any:
    return tf.add_n([tf.cast(part, tf.float32) for part in parts])
