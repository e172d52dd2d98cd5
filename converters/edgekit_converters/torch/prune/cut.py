"""Take channels out of a module, or silence them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from edgekit_converters.torch.prune.attention import attentions, become_cut
from edgekit_converters.torch.prune.graph import NO_UNIT, Channels
from edgekit_converters.torch.prune.library import TENSORS, Item, functions, take_out
from edgekit_converters.torch.prune.trace import Slot

Slots = Mapping[Slot, np.ndarray]  # something along axes of parameters and buffers


class Snapshot:
    """A module as it is, to bring back after channels left it; its tensors are not copied.

    Args:
        module: The module.
    """

    def __init__(self, module: Any) -> None:
        self._parts = [
            (part, type(part), dict(vars(part)), dict(part._parameters), dict(part._buffers))
            for part in module.modules()
        ]

    def restore(self) -> None:
        """Bring it back."""
        for part, kind, own, parameters, buffers in self._parts:
            part.__class__ = kind
            for before, now in ((own, vars(part)), (parameters, part._parameters), (buffers, part._buffers)):
                now.clear()
                now.update(before)


def cut(module: Any, channels: Channels, leaving: np.ndarray) -> None:
    """Take channels out of a module, which is changed.

    Args:
        module: The module.
        channels: Its channels.
        leaving: For each atom whether it leaves: `(atoms,)`.
    """
    ties = _ties(module)
    axes = _everywhere(channels.trace.slots, ties)
    gone = {slot: leaving[axis] for slot, axis in axes.items() if leaving[axis].any()}
    _prepare_attention(module, {slot.tensor.rpartition(".")[0] for slot in gone})
    trainable = {name: one.requires_grad for name, one in module.named_parameters()}
    with torch.no_grad():
        take_out(
            Item(part, function, np.flatnonzero(gone[slot]).tolist(), ())
            for part, slot, function in _known(module)
            if slot in gone
        )
        for slot, mask in _others(module, gone):
            _shorten(module, slot, torch.from_numpy(np.flatnonzero(~mask)))
    for name, first in ties.items():
        _place(module, name, first)
    _count(module, channels, leaving)
    for name, one in module.named_parameters():
        one.requires_grad_(trainable[name])


def cut_sizes(module: Any, channels: Channels, leaving: np.ndarray) -> None:
    """Give a module the sizes that it has after `cut`, and the first weights along each axis, whatever they are."""
    axes = _everywhere(channels.trace.slots, _ties(module))
    gone = {slot: leaving[axis] for slot, axis in axes.items() if leaving[axis].any()}
    paths = {slot.tensor.rpartition(".")[0] for slot in gone}
    _prepare_attention(module, paths)
    for slot, mask in gone.items():
        path, _, name = slot.tensor.rpartition(".")
        part = module.get_submodule(path)
        own = part._parameters if name in part._parameters else part._buffers
        before = own[name]
        shorter = before.detach().narrow(slot.dim, 0, int(np.count_nonzero(~mask))).contiguous()
        # Whether it trains decides which operators a matrix product is made of.
        own[name] = nn.Parameter(shorter, before.requires_grad) if own is part._parameters else shorter
    _count(module, channels, leaving)
    for path in paths:
        _tell_sizes(module.get_submodule(path))


def _count(module: Any, channels: Channels, leaving: np.ndarray) -> None:
    """Tell parts how many channels and heads they have left."""
    for count in channels.trace.counts:
        left = int((~leaving[count.atoms]).sum())
        value = (left,) if count.attribute == "normalized_shape" else left
        setattr(module.get_submodule(count.module), count.attribute, value)


def _tell_sizes(part: Any) -> None:
    """What `torch.nn` notes of the sizes of weights, and a forward may ask for."""
    if isinstance(part, nn.Linear):
        part.out_features, part.in_features = part.weight.shape
    elif isinstance(part, nn.modules.conv._ConvNd):
        first, second = part.weight.shape[0], part.weight.shape[1] * part.groups
        part.in_channels, part.out_channels = (first, second) if part.transposed else (second, first)
    elif isinstance(part, nn.Embedding):
        part.embedding_dim = part.weight.shape[1]


def items_by_group(module: Any, channels: Channels) -> list[list[Item]]:
    """For each group all of its channels, in every layer that torch-pruning has functions for."""
    axes = _everywhere(channels.trace.slots, _ties(module))
    found: list[list[Item]] = [[] for _ in channels.graph.groups]
    for part, slot, function in _known(module):
        if slot not in axes:
            continue
        owners, units = channels.groups[axes[slot]], channels.units[axes[slot]]
        for owner in np.unique(owners).tolist():
            if owner != NO_UNIT:
                places = np.flatnonzero(owners == owner)
                found[owner].append(Item(part, function, places.tolist(), units[places].tolist()))
    return found


def _known(module: Any) -> Iterator[tuple[Any, Slot, Callable[..., Any]]]:
    """What torch-pruning has functions for."""
    for path, part in module.named_modules():
        for (tensor, dim), function in functions(part).items():
            yield part, Slot(f"{path}.{tensor}" if path else tensor, dim), function


def _others(module: Any, masks: Slots) -> Iterator[tuple[Slot, np.ndarray]]:
    """What its functions do not reach."""
    for slot, mask in masks.items():
        path, _, tensor = slot.tensor.rpartition(".")
        if tensor not in TENSORS or not functions(module.get_submodule(path)):
            yield slot, mask


def _prepare_attention(module: Any, touched: set[str]) -> None:
    """Attention that loses channels becomes one that can."""
    parts = list(attentions(module))
    if parts:
        paths = {id(part): path for path, part in module.named_modules()}
        for part in parts:
            if not touched.isdisjoint((paths[id(part)], f"{paths[id(part)]}.out_proj")):
                become_cut(part)


def _ties(module: Any) -> dict[str, str]:
    """Further names of parameters that several layers share, each with the first."""
    first: dict[int, str] = {}
    found = {}
    for path, part in module.named_modules():
        for name, tensor in (*part._parameters.items(), *part._buffers.items()):
            whole = f"{path}.{name}" if path else name
            if tensor is not None and first.setdefault(id(tensor), whole) != whole:
                found[whole] = first[id(tensor)]
    return found


def _everywhere(slots: Slots, ties: Mapping[str, str]) -> Slots:
    """The same with shared parameters under all of their names."""
    shared = {name: [slot for slot in slots if slot.tensor == first] for name, first in ties.items()}
    return {**slots, **{Slot(name, slot.dim): slots[slot] for name, others in shared.items() for slot in others}}


def _place(module: Any, name: str, first: str) -> None:
    path, _, own = name.rpartition(".")
    owner, _, tensor = first.rpartition(".")
    setattr(module.get_submodule(path), own, getattr(module.get_submodule(owner), tensor))


def _shorten(module: Any, slot: Slot, kept: torch.Tensor) -> None:
    path, _, name = slot.tensor.rpartition(".")
    part = module.get_submodule(path)
    tensor = getattr(part, name)
    shorter = tensor.detach().index_select(slot.dim, kept)
    setattr(part, name, nn.Parameter(shorter) if isinstance(tensor, nn.Parameter) else shorter)


def silence(module: Any, channels: Channels, leaving: np.ndarray) -> Callable[[], None]:
    """Set all weights of channels to 0, which makes them count for nothing; calling what it returns undoes it.

    Args:
        module: The module, which is changed.
        channels: Its channels.
        leaving: For each atom whether it falls silent: `(atoms,)`.
    """
    parameters = dict(module.named_parameters())
    masks = {slot: leaving[axis] for slot, axis in channels.trace.slots.items() if slot.tensor in parameters}
    masks = {slot: mask for slot, mask in masks.items() if mask.any()}
    kept = [(parameters[name], parameters[name].detach().clone()) for name in {slot.tensor for slot in masks}]
    with torch.no_grad():
        for slot, mask in masks.items():
            parameters[slot.tensor].index_fill_(slot.dim, torch.from_numpy(np.flatnonzero(mask)), 0)

    def restore() -> None:
        with torch.no_grad():
            for tensor, values in kept:
                tensor.copy_(values)

    return restore


def leaving_atoms(channels: Channels, units: Iterable[tuple[int, Iterable[int]]]) -> np.ndarray:
    """For each atom whether it is among some units: `(atoms,)`.

    Args:
        channels: The channels.
        units: Groups by index, each with some of its units.
    """
    leaving = np.zeros(len(channels.groups), bool)
    for group, chosen in units:
        leaving |= (channels.groups == group) & np.isin(channels.units, list(chosen))
    leaving[channels.groups == NO_UNIT] = False
    return leaving
