"""What is noted of each layer while the channels are followed through a network."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgekit_converters.compress.atoms import FIXED, Atoms
from edgekit_converters.compress.channels import LeftAlone

SHARED = "it is called at several places"
# From the axis of a weight to the slot whose channels lie along it. Of two, the first is what the weight is multiplied
# with, the second what it makes.
Axes = Mapping[int, str]
Settings = dict[str, Any]  # what changes in the configuration of a layer


@dataclass(frozen=True)
class Value:
    """The channels of a tensor.

    Attributes:
        axes: For every axis but the batch its atoms: `(size,)`.
    """

    axes: tuple[np.ndarray, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes without the batch."""
        return tuple(len(axis) for axis in self.axes)

    def with_axis(self, place: int, atoms: np.ndarray) -> Value:
        """The same with other atoms along an axis, counted without the batch."""
        axes = list(self.axes)
        axes[place] = atoms
        return Value(tuple(axes))


def fixed(shape: Sequence[int]) -> Value:
    """A tensor that stays as it is; `shape` is without the batch."""
    return Value(tuple(np.full(size, FIXED) for size in shape))


@dataclass
class Plan:
    """What pruning knows of one layer.

    Attributes:
        layer: The layer, or an operation without weights.
        slots: The axes that channels may leave, by a name of the layer's own: their atoms.
        makes: Those of them whose channels the layer makes, each with what one of its places holds of channels.
        weights: By the identity of a weight, which slot lies along which of its axes.
        settings: What changes in its configuration, from the new length of each slot.
    """

    layer: Any
    slots: dict[str, np.ndarray] = field(default_factory=dict)
    makes: dict[str, int] = field(default_factory=dict)
    weights: dict[int, Axes] = field(default_factory=dict)
    settings: Callable[[Mapping[str, int]], Settings] = lambda _: {}


@dataclass(frozen=True)
class Cost:
    """Multiply-accumulates, and what they grow with.

    Attributes:
        name: The layer.
        macs: For one sample.
        axes: Atoms along each axis that they are proportional to.
    """

    name: str
    macs: int
    axes: tuple[np.ndarray, ...]


class Trace:
    """The notes on one network."""

    def __init__(self) -> None:
        self.atoms = Atoms()
        self.plans: dict[int, Plan] = {}
        self.costs: list[Cost] = []
        self.left_alone: dict[str, LeftAlone] = {}

    def plan(self, layer: Any) -> Plan:
        """The notes on a layer, which are begun where there are none."""
        return self.plans.setdefault(id(layer), Plan(layer))

    def takes(self, layer: Any, slot: str, atoms: np.ndarray) -> np.ndarray:
        """Note that the channels of an input lie along a slot, and give them."""
        known = self.plan(layer).slots.setdefault(slot, atoms)
        self.atoms.join(known, atoms, f"{layer.name} is called at several places")
        return known

    def makes(self, layer: Any, slot: str, count: int, channels: int = 1) -> np.ndarray:
        """Note that a layer makes channels, and give them.

        Args:
            layer: The layer.
            slot: A name for them.
            count: How many there are.
            channels: What each holds of channels: more than one for attention heads.
        """
        plan = self.plan(layer)
        if slot not in plan.slots:
            plan.slots[slot] = self.atoms.new(count)
            plan.makes[slot] = channels
        return plan.slots[slot]

    def weighs(self, layer: Any, *weights: tuple[Any, Axes]) -> None:
        """Note which slot lies along which axis of its weights; a weight that is `None` is skipped."""
        for weight, axes in weights:
            if weight is not None:
                self.plan(layer).weights[id(weight)] = axes

    def costs_macs(self, name: str, fixed_factor: int, *axes: np.ndarray) -> None:
        """Note multiply-accumulates.

        Args:
            name: The layer.
            fixed_factor: What does not depend on channels.
            axes: Atoms along each axis that they are proportional to.
        """
        growing = tuple(axis for axis in axes if (axis != FIXED).any())
        self.costs.append(Cost(name, fixed_factor * math.prod(len(axis) for axis in axes), growing))

    def stays(self, value: Value, reason: str, but: Sequence[int] = ()) -> None:
        """Let all channels of a tensor stay.

        Args:
            value: The tensor.
            reason: Why, to stand behind the name of the layer that makes them.
            but: Axes that may shrink.
        """
        for place, axis in enumerate(value.axes):
            if place not in but:
                self.atoms.pin(axis, reason)

    def leave(self, layer: Any, reason: str) -> None:
        """Note that a layer's own channels stay."""
        self.left_alone.setdefault(layer.name, LeftAlone(layer.name, reason))
