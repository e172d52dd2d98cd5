"""The loss of a training put together from its terms, whatever framework computes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from edgekit_converters.compress.losses import LossPlan, OutputLoss
from edgekit_converters.compress.teacher import FEATURE
from edgekit_converters.data.user_code import load_function, told_by_line

Tensors = Mapping[str, Any]  # of the framework
Loss = Callable[[Tensors, Tensors, Tensors, Tensors], Any]


class Terms(NamedTuple):
    """What a framework computes.

    Attributes:
        hard: From an output and its labels.
        soft: From an output, the teacher's, and the temperature.
        distance: Of attention maps from the teacher's.
        own: What the user's own function gave, as a tensor; it refuses what is none, by the function's name.
        total: The sum of terms.
    """

    hard: Callable[[OutputLoss, Any, Any], Any]
    soft: Callable[[OutputLoss, Any, Any, float], Any]
    distance: Callable[[Any, Any], Any]
    own: Callable[[str, object], Any]
    total: Callable[[Sequence[Any]], Any]


def compose(plan: LossPlan, terms: Terms) -> Loss:
    """A function from outputs, maps of features, labels and the teacher's rows to the loss.

    Raises:
        DataError: The user's own loss is not found.
    """
    user = None if plan.user is None else (plan.user, load_function(plan.user))

    def loss(outputs: Tensors, maps: Tensors, labels: Tensors, teacher: Tensors) -> Any:
        parts = [part for one in plan.outputs for part in _parts(one, outputs, labels, teacher, plan, terms)]
        if user is not None:
            parts.append(plan.user_weight * terms.own(user[0], _called(*user, outputs, labels)))
        parts += [
            plan.feature_weight / len(maps) * terms.distance(values, teacher[FEATURE + layer])
            for layer, values in maps.items()
            if FEATURE + layer in teacher
        ]
        return terms.total(parts)

    return loss


def _parts(
    one: OutputLoss, outputs: Tensors, labels: Tensors, teacher: Tensors, plan: LossPlan, terms: Terms
) -> list[Any]:
    parts = []
    if one.label_weight and one.output in labels:
        parts.append(one.label_weight * terms.hard(one, outputs[one.output], labels[one.output]))
    if one.teacher_weight and one.output in teacher:
        parts.append(one.teacher_weight * terms.soft(one, outputs[one.output], teacher[one.output], plan.temperature))
    return parts


def _called(name: str, function: Callable[..., object], outputs: Tensors, labels: Tensors) -> object:
    try:
        return function(dict(outputs), dict(labels))
    except Exception as error:  # the user's code may raise anything
        raise told_by_line(name, error) from error
