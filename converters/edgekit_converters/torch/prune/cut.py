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


def cut(module: Any, channels: Channels, leaving: np.ndarray) -> None:
    """Take channels out of a module, which is changed.

    Args:
        module: The module, or a copy of it.
        channels: Its channels.
        leaving: For each atom whether it leaves: `(atoms,)`.
    """
    axes = _everywhere(module, channels.trace.slots)
    gone = {slot: leaving[axis] for slot, axis in axes.items() if leaving[axis].any()}
    touched = {slot.tensor.rpartition(".")[0] for slot in gone}
    paths = {id(part): path for path, part in module.named_modules()}
    for part in list(attentions(module)):
        if not touched.isdisjoint((paths[id(part)], f"{paths[id(part)]}.out_proj")):
            become_cut(part)
    ties = _ties(module)
    trainable = {name: one.requires_grad for name, one in module.named_parameters()}
    with torch.no_grad():
        take_out(_items(module, gone, channels.units, axes))
        for slot, mask in _others(module, gone):
            _shorten(module, slot, torch.from_numpy(np.flatnonzero(~mask)))
    for name, first in ties.items():
        _place(module, name, first)
    for count in channels.trace.counts:
        left = int((~leaving[count.atoms]).sum())
        value = (left,) if count.attribute == "normalized_shape" else left
        setattr(module.get_submodule(count.module), count.attribute, value)
    for name, one in module.named_parameters():
        one.requires_grad_(trainable[name])


def group_items(module: Any, channels: Channels, group: int) -> list[Item]:
    """All channels of a group, in every layer that torch-pruning has functions for."""
    slots = _everywhere(module, channels.trace.slots)
    inside = {slot: channels.groups[axis] == group for slot, axis in slots.items()}
    return _items(module, {slot: mask for slot, mask in inside.items() if mask.any()}, channels.units, slots)


def _items(module: Any, masks: Slots, units: np.ndarray, axes: Slots) -> list[Item]:
    found = []
    for path, part in module.named_modules():
        for (tensor, dim), function in functions(part).items():
            slot = Slot(f"{path}.{tensor}" if path else tensor, dim)
            if slot in masks:
                indexes = np.flatnonzero(masks[slot])
                found.append(Item(part, function, indexes.tolist(), units[axes[slot][indexes]].tolist()))
    return found


def _others(module: Any, masks: Slots) -> Iterator[tuple[Slot, np.ndarray]]:
    """What the functions of torch-pruning do not reach."""
    for slot, mask in masks.items():
        path, _, tensor = slot.tensor.rpartition(".")
        if tensor not in TENSORS or not functions(module.get_submodule(path)):
            yield slot, mask


def _ties(module: Any) -> dict[str, str]:
    """Further names of parameters that several layers share, each with the first."""
    first: dict[int, str] = {}
    found = {}
    for name, tensor in _own_tensors(module):
        if first.setdefault(id(tensor), name) != name:
            found[name] = first[id(tensor)]
    return found


def _own_tensors(module: Any) -> Iterator[tuple[str, Any]]:
    """Parameters and buffers of each part, once for each part, by name."""
    for path, part in module.named_modules():
        for name, tensor in (*part._parameters.items(), *part._buffers.items()):
            if tensor is not None:
                yield (f"{path}.{name}" if path else name), tensor


def _everywhere(module: Any, slots: Slots) -> Slots:
    """The same with shared parameters under all of their names."""
    ties = _ties(module)
    others = {
        Slot(name, slot.dim): axis
        for name, first in ties.items()
        for slot, axis in slots.items()
        if slot.tensor == first
    }
    return {**slots, **others}


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
