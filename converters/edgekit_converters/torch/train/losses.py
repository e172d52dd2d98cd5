"""The loss of a plan, in torch's tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn import functional

from edgekit_converters.compress.losses import BINARY, CATEGORICAL, LossPlan, OutputLoss
from edgekit_converters.compress.teacher import FEATURE
from edgekit_converters.data.user_code import load_function, told_by_line
from edgekit_runtime.errors import DataError

SMALLEST = 1e-7  # a probability whose logarithm is taken is no less
Tensors = Mapping[str, Any]


def make_loss(plan: LossPlan) -> Callable[[Tensors, Tensors, Tensors, Tensors], Any]:
    """A function from outputs, maps of features, labels and the teacher's rows to the loss.

    Raises:
        DataError: The user's own loss is not found.
    """
    own = load_function(plan.user) if plan.user is not None else None

    def loss(outputs: Tensors, maps: Tensors, labels: Tensors, teacher: Tensors) -> Any:
        parts = [part for one in plan.outputs for part in _parts(one, outputs, labels, teacher, plan.temperature)]
        if own is not None and plan.user is not None:
            parts.append(plan.user_weight * _own(own, plan.user, outputs, labels))
        parts += [
            plan.feature_weight / len(maps) * map_distance(values, teacher[FEATURE + layer])
            for layer, values in maps.items()
            if FEATURE + layer in teacher
        ]
        return sum(parts)

    return loss


def map_distance(ours: Any, theirs: Any) -> Any:
    """Mean over the samples of the squared distance of attention maps."""
    return (ours - theirs).square().flatten(1).sum(1).mean()


def _parts(one: OutputLoss, outputs: Tensors, labels: Tensors, teacher: Tensors, temperature: float) -> list[Any]:
    parts = []
    if one.label_weight and one.output in labels:
        parts.append(one.label_weight * _hard(one, outputs[one.output], labels[one.output]))
    if one.teacher_weight and one.output in teacher:
        parts.append(one.teacher_weight * _soft(one, outputs[one.output], teacher[one.output], temperature))
    return parts


def _hard(one: OutputLoss, output: Any, target: Any) -> Any:
    if one.kind == CATEGORICAL:
        return functional.cross_entropy(
            _logits(one, output).movedim(one.axis, 1), target if one.numbered else target.movedim(one.axis, 1)
        )
    if one.kind == BINARY:
        return functional.binary_cross_entropy_with_logits(_logits(one, output), target)
    return functional.mse_loss(output, target)


def _soft(one: OutputLoss, output: Any, given: Any, temperature: float) -> Any:
    """Soft targets: Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network"."""
    if one.kind == CATEGORICAL:
        ours = functional.log_softmax(_logits(one, output) / temperature, one.axis)
        theirs = functional.log_softmax(given / temperature, one.axis)
        return temperature**2 * (theirs.exp() * (theirs - ours)).sum(one.axis).mean()
    if one.kind == BINARY:
        ours, theirs = _logits(one, output) / temperature, given / temperature
        yes = theirs.sigmoid() * (functional.logsigmoid(theirs) - functional.logsigmoid(ours))
        no = (-theirs).sigmoid() * (functional.logsigmoid(-theirs) - functional.logsigmoid(-ours))
        return temperature**2 * (yes + no).mean()
    return functional.mse_loss(output, given)


def _logits(one: OutputLoss, output: Any) -> Any:
    if not one.probabilities:
        return output
    clipped = output.clamp(SMALLEST, 1 - SMALLEST)
    return clipped.log() if one.kind == CATEGORICAL else clipped.log() - torch.log1p(-clipped)


def _own(function: Callable[..., object], name: str, outputs: Tensors, labels: Tensors) -> Any:
    try:
        loss = function(dict(outputs), dict(labels))
    except Exception as error:  # the user's code may raise anything
        raise told_by_line(name, error) from error
    if not isinstance(loss, torch.Tensor) or loss.ndim or not loss.is_floating_point():
        given = f"{loss.dtype} of shape {tuple(loss.shape)}" if isinstance(loss, torch.Tensor) else type(loss).__name__
        raise DataError(f"{name}: it gave {given}; allowed: a tensor that is one real number.")
    return loss
