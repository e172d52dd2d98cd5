"""The channels of a network as pruning sees them: which leave together, and what each costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Group:
    """Units that leave together, wherever they go: through residual adds, depthwise convolutions, normalizations.

    Attributes:
        name: The first layer that makes them.
        units: How many there are: channels, or attention heads.
        width: Channels of each: 1, or what a head or a group of channels holds.
        layers: Every layer that makes them.
    """

    name: str
    units: int
    width: int
    layers: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """A stretch of an axis.

    Attributes:
        group: Index of the group that it belongs to; `None` where it stays whole.
        channels: Its length.
    """

    group: Optional[int]
    channels: int


@dataclass(frozen=True)
class LayerMacs:
    """A layer's multiply-accumulates, and the axes that they grow with.

    Attributes:
        name: The layer.
        macs: For one sample, with all channels.
        axes: Each a sequence of parts; the layer's MACs are proportional to the length of every one.
    """

    name: str
    macs: int
    axes: tuple[tuple[Part, ...], ...]


@dataclass(frozen=True)
class LeftAlone:
    """A layer whose channels stay.

    Attributes:
        layer: Its name.
        reason: Why, in words.
    """

    layer: str
    reason: str


@dataclass(frozen=True)
class ChannelGraph:
    """A network as pruning sees it.

    Attributes:
        groups: In the order in which they are made.
        layers: Every layer with MACs.
        left_alone: Layers whose channels stay, but for those that give the network's outputs.
    """

    groups: tuple[Group, ...]
    layers: tuple[LayerMacs, ...]
    left_alone: tuple[LeftAlone, ...]

    def macs(self, kept: Sequence[int]) -> float:
        """Multiply-accumulates for one sample.

        Args:
            kept: Units that stay, for each group.
        """
        shares = [count / group.units for count, group in zip(kept, self.groups, strict=True)]
        return sum(layer.macs * math.prod(_left(axis, shares) for axis in layer.axes) for layer in self.layers)

    @property
    def full(self) -> tuple[int, ...]:
        """The units of every group."""
        return tuple(group.units for group in self.groups)


def _left(axis: tuple[Part, ...], shares: Sequence[float]) -> float:
    whole = sum(part.channels for part in axis)
    return sum(part.channels * (1 if part.group is None else shares[part.group]) for part in axis) / whole
