"""Attention maps of a module's parts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import nn

from edgekit_converters.torch.train.running import part_by_part, running_order

SMALLEST = 1e-12  # of a map's squared length, which it is divided by
# Of parts that give three axes, those of which it is known where the channels lie.
LAST = (nn.Linear, nn.LayerNorm, nn.TransformerEncoderLayer)
SECOND = (nn.Conv1d, nn.BatchNorm1d)


def feature_layers(module: Any, run: Callable[[], object]) -> dict[str, tuple[int, ...]]:
    """For each size of map the last part that gives it, in the order in which they run.

    Args:
        module: The module.
        run: Runs it once, on one sample.
    """
    ran = running_order(module, run)
    names = [one.name for one in ran]
    last: dict[tuple[int, ...], str] = {}
    for one in ran:
        size = _map_size(one.part, one.output)
        if size is not None and names.count(one.name) == 1:  # a part that runs twice gives two maps
            last.pop(size, None)
            last[size] = one.name
    return {name: size for size, name in last.items()}


@contextmanager
def watched(module: Any, layers: Sequence[str]) -> Iterator[dict[str, Any]]:
    """While the block runs, the attention maps of some parts, as the module last gave them."""
    maps: dict[str, Any] = {}

    def hook(name: str) -> Callable[..., None]:
        def note(part: Any, _: object, output: Any) -> None:
            maps[name] = attention_map(part, output)

        return note

    handles = [module.get_submodule(name).register_forward_hook(hook(name)) for name in layers]
    try:
        with part_by_part():
            yield maps
    finally:
        for handle in handles:
            handle.remove()


def attention_map(part: Any, output: Any) -> Any:
    """The mean of the squares over the channels, each sample's scaled to length 1."""
    squares = output.square().mean(_channel_axis(part, output))
    length = squares.flatten(1).square().sum(1) + SMALLEST
    return squares * length.rsqrt().reshape(-1, *(1,) * (squares.ndim - 1))


def _map_size(part: Any, output: Any) -> tuple[int, ...] | None:
    if output is None or not output.is_floating_point() or output.ndim not in (3, 4):
        return None
    if output.ndim == 3 and not isinstance(part, (*LAST, *SECOND)):
        return None
    size = tuple(output.shape[2:] if _channel_axis(part, output) == 1 else output.shape[1:-1])
    return size if math.prod(size) > 1 else None


def _channel_axis(part: Any, output: Any) -> int:
    return -1 if output.ndim == 3 and isinstance(part, LAST) else 1
