"""A new head for a module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from edgekit_converters.torch.train.running import Ran, running_order
from edgekit_runtime.errors import RecipeError, first_line

SIZES = {nn.Linear: "out_features", nn.Conv1d: "out_channels", nn.Conv2d: "out_channels"}
# What may follow the head: it keeps the number of channels, and has no weights.
PASSING = (
    nn.Softmax,
    nn.LogSoftmax,
    nn.Sigmoid,
    nn.ReLU,
    nn.Dropout,
    nn.Flatten,
    nn.Identity,
    nn.Sequential,  # an empty one
    nn.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d,
    nn.AvgPool2d,
    nn.AdaptiveMaxPool2d,
)


def replace_head(module: Any, run: Callable[[], Mapping[str, Any]], classes: int, seed: int, source: str) -> None:
    """Replace the last linear layer or convolution by one of another size, with new weights.

    Args:
        module: The module, which is changed.
        run: Runs it once, and gives its outputs by name.
        classes: How many outputs it gives.
        seed: Seed of its weights.
        source: Where the module came from, for errors.

    Raises:
        RecipeError: There is no such layer behind the only output, or what follows does not take another size.
    """
    if classes < 1:
        raise RecipeError(f"{classes} classes: allowed: at least 1.")
    head, shape = _find(module, run, source)
    parent, _, name = head.name.rpartition(".")
    holder = module.get_submodule(parent)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        setattr(holder, name, _like(head.part, classes).train(head.part.training))
    try:
        with torch.no_grad():
            (output,) = run().values()
        _check(head, shape, tuple(output.shape), classes, source)
    except RecipeError:
        setattr(holder, name, head.part)
        raise
    except Exception as error:  # a forward may raise anything
        setattr(holder, name, head.part)
        raise RecipeError(
            f"{source}: what follows its head {head.name} does not take {classes} classes: {first_line(error)}"
        ) from error


def _check(head: Ran, before: tuple[int, ...], after: tuple[int, ...], classes: int, source: str) -> None:
    size = getattr(head.part, SIZES[type(head.part)])
    axes = [axis for axis in range(1, len(before)) if before[axis] == size]
    if not any(after == (*before[:axis], classes, *before[axis + 1 :]) for axis in axes):
        raise RecipeError(
            f"{source}: with {classes} classes from {head.name} ({type(head.part).__name__}) its output becomes "
            f"{after}, from {before}: what follows does not pass them on."
        )


def _find(module: Any, run: Callable[[], Mapping[str, Any]], source: str) -> tuple[Ran, tuple[int, ...]]:
    """The head, and the shape of the output."""
    outputs: dict[str, Any] = {}
    with torch.no_grad():
        ran = running_order(module, lambda: outputs.update(run()))
    if len(outputs) != 1:
        names = ", ".join(outputs)
        raise RecipeError(f"{source}: it has {len(outputs)} outputs ({names}); a head is replaced where there is one.")
    behind = [one for one in ran if one.leaf and not isinstance(one.part, PASSING)]
    last = behind[-1] if behind else None
    if last is None or type(last.part) not in SIZES:
        found = f"{type(last.part).__name__} {last.name}" if last else "no part of its own"
        raise RecipeError(
            f"{source}: its output comes from {found}; a head that can be replaced is a Linear, Conv1d or Conv2d."
        )
    if [one.name for one in ran].count(last.name) > 1:
        raise RecipeError(f"{source}: its head {last.name} runs more than once, so it cannot be replaced.")
    return last, tuple(next(iter(outputs.values())).shape)


def _like(head: Any, classes: int) -> Any:
    if isinstance(head, nn.Linear):
        return nn.Linear(head.in_features, classes, head.bias is not None, dtype=head.weight.dtype)
    if head.groups != 1:
        raise RecipeError(f"the head is a convolution in {head.groups} groups; allowed: one.")
    return type(head)(
        head.in_channels,
        classes,
        head.kernel_size,
        head.stride,
        head.padding,
        head.dilation,
        bias=head.bias is not None,
        padding_mode=head.padding_mode,
        dtype=head.weight.dtype,
    )
