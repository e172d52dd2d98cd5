"""What torch-pruning does here: the only importer of torch_pruning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from edgekit_runtime.errors import MissingExtraError

try:
    import torch_pruning
    from torch_pruning import dependency
except ImportError as missing:
    raise MissingExtraError(
        "torch-pruning is not installed, so no PyTorch model is pruned here.",
        hint="Run: pip install 'edgekit[torch]'",
    ) from missing

TENSORS = ("weight", "bias", "running_mean", "running_var")  # what its functions take care of
Function = Callable[..., Any]  # of a layer, and the indexes that go
Place = tuple[str, int]  # a tensor of a layer, and its axis


@dataclass(frozen=True)
class Item:
    """Channels of one layer.

    Attributes:
        layer: The layer.
        function: The function of torch-pruning that takes them out.
        indexes: Which they are, ascending.
        units: For each the unit that it belongs to.
    """

    layer: Any
    function: Function
    indexes: Sequence[int]
    units: Sequence[int]


def functions(layer: Any) -> Mapping[Place, Function]:
    """The functions that take channels out of a layer, by the axis that tells which there are; empty for others."""
    found = next((places for kind, places in KINDS.items() if isinstance(layer, kind)), lambda _: {})
    return found(layer)


def _convolution(layer: Any) -> Mapping[Place, Function]:
    if layer.groups == 1:
        outer, inner = (1, 0) if layer.transposed else (0, 1)
        return {
            ("weight", outer): torch_pruning.prune_conv_out_channels,
            ("weight", inner): torch_pruning.prune_conv_in_channels,
        }
    if layer.groups == layer.in_channels == layer.out_channels:
        return {("weight", 0): torch_pruning.prune_depthwise_conv_out_channels}
    return {}


def _norm(layer: Any) -> Mapping[Place, Function]:
    return {("weight" if layer.affine else "running_mean", 0): torch_pruning.prune_batchnorm_out_channels}


KINDS: Mapping[type, Callable[[Any], Mapping[Place, Function]]] = {
    nn.modules.conv._ConvNd: _convolution,
    nn.Linear: lambda _: {
        ("weight", 0): torch_pruning.prune_linear_out_channels,
        ("weight", 1): torch_pruning.prune_linear_in_channels,
    },
    nn.modules.batchnorm._BatchNorm: _norm,
    nn.LayerNorm: lambda layer: (
        {("weight", 0): torch_pruning.prune_layernorm_out_channels} if len(layer.normalized_shape) == 1 else {}
    ),
    nn.GroupNorm: lambda _: {("weight", 0): torch_pruning.prune_groupnorm_out_channels},
    nn.PReLU: lambda _: {("weight", 0): torch_pruning.prune_prelu_out_channels},
    nn.Embedding: lambda _: {("weight", 1): torch_pruning.prune_embedding_out_channels},
}


def take_out(items: Iterable[Item]) -> None:
    """Take channels out of layers, which are changed."""
    _group(items).prune(record_history=False)


def magnitude(items: Sequence[Item], units: int, power: int) -> torch.Tensor | None:
    """The mean over the layers of sums of weights, to some power: `(units,)`; `None` where no layer has any.

    Li et al. 2017, "Pruning Filters for Efficient ConvNets", and over whole groups Fang et al. 2023, "DepGraph".
    """
    return _scores(torch_pruning.importance.GroupMagnitudeImportance(p=power, normalizer=None), items, units)


def taylor(items: Sequence[Item], units: int) -> torch.Tensor | None:
    """The same of weights times gradients.

    Molchanov et al. 2019, "Importance Estimation for Neural Network Pruning".
    """
    return _scores(torch_pruning.importance.GroupTaylorImportance(normalizer=None), items, units)


def scale(items: Sequence[Item], units: int) -> torch.Tensor | None:
    """The same of the scales of batch normalization: Liu et al. 2017, "Network Slimming"."""
    return _scores(torch_pruning.importance.BNScaleImportance(normalizer=None), items, units)


def _scores(importance: Any, items: Sequence[Item], units: int) -> torch.Tensor | None:
    found = importance(_group(items))
    # It has a place for every channel of the first layer, of which the units take the first.
    return None if found is None else found[:units]


def _group(items: Iterable[Item]) -> Any:
    group = dependency.Group()
    for place, item in enumerate(items):
        node = dependency.Node(item.layer, None)
        group.add_dep(dependency.Dependency(item.function, item.function, node, node), list(item.indexes))
        group[place].root_idxs = list(item.units)
    return group
