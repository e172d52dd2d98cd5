"""The loss of a plan, in torch's tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from edgekit_converters.compress.loss import Loss, Terms, compose
from edgekit_converters.compress.losses import BINARY, CATEGORICAL, LossPlan, OutputLoss
from edgekit_runtime.errors import DataError

SMALLEST = 1e-7  # a probability whose logarithm is taken is no less


def make_loss(plan: LossPlan) -> Loss:
    """A function from outputs, maps of features, labels and the teacher's rows to the loss.

    Raises:
        DataError: The user's own loss is not found.
    """
    return compose(plan, Terms(_hard, _soft, map_distance, _own, sum))


def map_distance(ours: Any, theirs: Any) -> Any:
    """Mean over the samples of the squared distance of attention maps."""
    return (ours - theirs).square().flatten(1).sum(1).mean()


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


def _own(name: str, given: object) -> Any:
    if not isinstance(given, torch.Tensor) or given.ndim or not given.is_floating_point():
        told = (
            f"{given.dtype} of shape {tuple(given.shape)}" if isinstance(given, torch.Tensor) else type(given).__name__
        )
        raise DataError(f"{name}: it gave {told}; allowed: a tensor that is one real number.")
    return given
