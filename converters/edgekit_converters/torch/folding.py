"""Fold batch norms into the convolutions before them, for as long as a module is exported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# These very classes: another that is made of one may compute something else.
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True)
class Call:
    """One call of a part of a module."""

    part: Any
    given: Any
    got: Any


class Uses(TorchDispatchMode):  # type: ignore[misc]  # torch ships no types that this project reads
    """Counts how many operators of a run take each tensor."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: Counter[int] = Counter()
        self._alive: list[Any] = []

    def of(self, tensor: Any) -> int:
        """How many take a tensor."""
        return self._counts[id(tensor)]

    def __torch_dispatch__(self, func: Any, types: object, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        """Run one operator, and count what it takes."""
        result = func(*args, **(kwargs or {}))
        taken = [value for value in tree_leaves((args, kwargs)) if isinstance(value, torch.Tensor)]
        self._counts.update({id(value) for value in taken})
        self._alive += [*taken, result]  # an id is given anew once its tensor is gone
        return result


@contextmanager
def folded_norms(module: Any, run: Callable[[], Iterable[Any]]) -> Iterator[None]:
    """Let a module's convolutions do what the batch norms right behind them do, while the block runs.

    An exporter folds them as well, but only at its end: until then each is ten operators, which litert-torch traces
    four times. With MobileNetV2, that is half of its time.

    Args:
        module: A `torch.nn.Module` in evaluation mode, which is as before when the block ends.
        run: Runs it on an example, and gives its outputs.
    """
    with ExitStack() as undo, torch.no_grad():
        for convolution, norm in _pairs(module, run):
            _fold(convolution, norm, undo)
        yield


def _pairs(module: Any, run: Callable[[], Iterable[Any]]) -> list[tuple[Any, Any]]:
    """Each convolution whose only result goes into a batch norm, and nowhere else, with that norm."""
    calls: list[Call] = []

    def note(part: Any, given: tuple[Any, ...], got: Any) -> None:
        calls.append(Call(part, given[0] if given else None, got))

    parts = [part for part in module.modules() if type(part) in CONVOLUTIONS + NORMS and _is_plain(part)]
    handles = [part.register_forward_hook(note) for part in parts]
    uses = Uses()
    try:
        with torch.no_grad(), uses:
            outputs = {id(tensor) for tensor in run()}
    finally:
        for handle in handles:
            handle.remove()
    times = Counter(id(call.part) for call in calls)
    once = [call for call in calls if times[id(call.part)] == 1 and id(call.got) not in outputs]
    given = {id(call.got): call.part for call in once if type(call.part) in CONVOLUTIONS}
    return [
        (given[id(call.given)], call.part)
        for call in calls
        if type(call.part) in NORMS and times[id(call.part)] == 1 and id(call.given) in given
        if uses.of(call.given) == uses.of(given[id(call.given)].weight) == uses.of(call.part.running_mean) == 1
    ]


def _is_plain(part: Any) -> bool:
    """Whether calling it runs its class's own forward and nothing else, with statistics that are fixed."""
    changed = part._forward_hooks or part._forward_pre_hooks or "forward" in vars(part)
    moving = type(part) in NORMS and (part.training or part.running_mean is None)
    return not changed and not moving


def _fold(convolution: Any, norm: Any, undo: ExitStack) -> None:
    own = dict(convolution._parameters)
    undo.callback(convolution._parameters.update, own)
    statistics = norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    weight, bias = fuse_conv_bn_weights(convolution.weight, convolution.bias, *statistics)
    convolution._parameters.update(weight=weight, bias=bias)
    norm.forward = _pass_on
    undo.callback(vars(norm).pop, "forward")


def _pass_on(value: Any) -> Any:
    return value
