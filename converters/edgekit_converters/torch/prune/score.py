"""How much each unit of a module matters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from edgekit_converters.compress.losses import SOFTMAX, output_form
from edgekit_converters.compress.settings import BATCH_NORM, L2, TAYLOR, PruneSettings
from edgekit_converters.data.source import Sample, open_drawn
from edgekit_converters.source import SourceInfo
from edgekit_converters.torch.border import Forward
from edgekit_converters.torch.prune.cut import items_by_group
from edgekit_converters.torch.prune.graph import Channels
from edgekit_converters.torch.prune.library import Item, magnitude, scale, taylor
from edgekit_runtime.errors import DataError, RecipeError

LEAST = 1e-12  # of a probability, before its logarithm
Score = Callable[[Sequence[Item], int], torch.Tensor | None]
Values = Callable[[Mapping[str, np.ndarray]], Sequence[Any]]  # one sample's arrays to what a forward takes


def importance(
    forward: Forward, info: SourceInfo, channels: Channels, settings: PruneSettings, values: Values
) -> tuple[np.ndarray, ...]:
    """See `Prunable.importance`.

    Args:
        forward: The module.
        info: What it takes and gives.
        channels: Its channels.
        settings: What tells how much units matter, and samples for `taylor`.
        values: Turns a sample into what the forward takes.
    """
    if settings.importance == TAYLOR:
        with _gradients(forward.module):
            _learn(forward, info, settings, values)
            return _scores(forward, channels, taylor)
    if settings.importance == BATCH_NORM:
        found = _scores(forward, channels, scale)
        if all(np.isnan(one).all() for one in found):
            raise RecipeError(
                "no channels of this network that could leave are batch-normalized; allowed: l1, l2, taylor, random."
            )
        return found
    return _scores(forward, channels, partial(magnitude, power=2 if settings.importance == L2 else 1))


def _scores(forward: Forward, channels: Channels, score: Score) -> tuple[np.ndarray, ...]:
    found = []
    for group, items in zip(channels.graph.groups, items_by_group(forward.module, channels), strict=True):
        scores = score(items, group.units)
        found.append(np.full(group.units, np.nan) if scores is None else scores.numpy().astype(float))
    return tuple(found)


@contextmanager
def _gradients(module: Any) -> Iterator[None]:
    """While the block runs, every parameter gathers its gradient."""
    trainable = [(one, one.requires_grad, one.grad) for one in module.parameters()]
    try:
        for one, _, _ in trainable:
            one.requires_grad_()
            one.grad = torch.zeros_like(one)
        yield
    finally:
        for one, wanted, gradient in trainable:
            one.requires_grad_(wanted)
            one.grad = gradient


def _learn(forward: Forward, info: SourceInfo, settings: PruneSettings, values: Values) -> None:
    assert settings.data is not None  # a plan without data for it is refused
    source, indexes = open_drawn(settings.data, info.inputs, info.outputs)
    with torch.enable_grad():
        for index, sample in zip(indexes, source.read(indexes), strict=True):
            outputs = forward.run(values(sample.inputs))
            loss = _loss(outputs, sample, f"{settings.data.path}: sample {index}")
            if not bool(torch.isfinite(loss)):
                raise DataError(f"{settings.data.path}: sample {index} gives a loss that is no number.")
            loss.backward()


def _loss(outputs: Mapping[str, Any], sample: Sample, where: str) -> Any:
    """Cross-entropy or squared error where there are labels, else the sum of squared outputs."""
    if not sample.labels:
        return sum(value.square().sum() for value in outputs.values())
    return sum(_distance(outputs[name], label, f"{where}, output {name}") for name, label in sample.labels.items())


def _distance(value: Any, label: np.ndarray, where: str) -> Any:
    if label.size == value.numel() and value.numel() > 1:
        return (value.flatten() - torch.from_numpy(label.astype(np.float32)).flatten()).square().mean()
    fits = label.size == 1 and label.dtype.kind in "iub" and 0 <= int(label.ravel()[0]) < value.numel()
    if not fits:
        raise DataError(
            f"{where}: a label of type {label.dtype} and shape {label.shape} does not fit {tuple(value.shape[1:])}; "
            "allowed: a class number, or numbers of the output's shape."
        )
    place = int(label.ravel()[0])
    if output_form(value.detach().reshape(1, -1).numpy()) == SOFTMAX:
        return -value.flatten()[place].clamp_min(LEAST).log()
    return functional.cross_entropy(value.reshape(1, -1), torch.tensor([place]))
