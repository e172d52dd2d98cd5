"""Prune a module: its channels, what they matter, and how they leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from torch import nn

from edgekit_converters.compress.atoms import OUTPUT
from edgekit_converters.compress.settings import PruneSettings
from edgekit_converters.compress.surgery import Kept
from edgekit_converters.source import SourceInfo
from edgekit_converters.torch.border import Forward, example
from edgekit_converters.torch.prune.attention import followed
from edgekit_converters.torch.prune.cut import Snapshot, cut, leaving_atoms, silence
from edgekit_converters.torch.prune.elementwise import RULES, unknown
from edgekit_converters.torch.prune.graph import Channels, find_channels
from edgekit_converters.torch.prune.score import Values, importance
from edgekit_converters.torch.prune.trace import Trace, tensors
from edgekit_converters.torch.prune.trial import failing, fault
from edgekit_runtime.errors import RecipeError


class Pruner:
    """The channels of a module as it is now.

    Args:
        forward: The module.
        source: Where it came from, for errors.

    Raises:
        RecipeError: Nothing of it can be pruned.
    """

    def __init__(self, forward: Forward, source: str) -> None:
        self._forward, self._source = forward, source
        self.channels = self._find()
        if not self.channels.graph.groups:
            raise RecipeError(f"{source}: none of its channels can leave{self._told_left_alone()}.")

    def importance(self, info: SourceInfo, settings: PruneSettings, values: Values) -> tuple[np.ndarray, ...]:
        """See `Prunable.importance`.

        Args:
            info: What the module takes and gives.
            settings: What tells how much units matter, and samples for `taylor`.
            values: Turns a sample into what the forward takes.
        """
        return importance(self._forward, info, self.channels, settings, values)

    def silence(self, leaving: Sequence[Kept]) -> Callable[[], None]:
        """See `Prunable.silence`."""
        return silence(self._forward.module, self.channels, self._leaving(leaving))

    def take_out(self, kept: Sequence[Kept], run: Callable[[], object]) -> None:
        """Leave some units of each group.

        Args:
            kept: Which they are.
            run: Runs the module without them; the module stays as it was if that fails.

        Raises:
            RecipeError: They do not fit the module.
        """
        leaving = self._leaving([self._others(one) for one in kept])
        before = Snapshot(self._forward.module)
        cut(self._forward.module, self.channels, leaving)
        reason = fault(self._forward, self.channels, leaving, run)
        if reason is not None:
            before.restore()
            raise RecipeError(f"{self._source}: it cannot lose these channels: {reason}.")

    def _others(self, kept: Kept) -> Kept:
        """The units that leave."""
        group = self.channels.graph.groups[self._index(kept.group)]
        unknown = [unit for unit in kept.units if not 0 <= unit < group.units]
        if unknown or not kept.units:
            raise RecipeError(
                f"{self._source}: {group.name} has the units 0 to {group.units - 1}; "
                f"{unknown[0] if unknown else 'none of them'} cannot stay."
            )
        return Kept(kept.group, tuple(sorted(set(range(group.units)).difference(kept.units))))

    def _leaving(self, units: Sequence[Kept]) -> np.ndarray:
        return leaving_atoms(self.channels, [(self._index(one.group), one.units) for one in units])

    def _index(self, name: str) -> int:
        for place, group in enumerate(self.channels.graph.groups):
            if group.name == name:
                return place
        listed = ", ".join(group.name for group in self.channels.graph.groups)
        raise RecipeError(f"{self._source}: it has no channels that begin in {name}; allowed: {listed}.")

    def _find(self) -> Channels:
        trace = self._traced()
        channels = find_channels(trace)
        while channels.graph.groups:
            reasons = failing(self._forward, channels, range(len(channels.graph.groups)))
            if not reasons:
                break
            for group, reason in reasons.items():
                trace.atoms.pin(np.flatnonzero(channels.groups == group), reason)
            channels = find_channels(trace)
        return channels

    def _traced(self) -> Trace:
        trace = Trace(self._forward.module, RULES, unknown, (nn.RNNBase, nn.RNNCellBase))
        values = [example(spec) for spec in self._forward.inputs]
        with followed(self._forward.module), trace.following():
            outputs = self._forward.run(values)
        for tensor in tensors(outputs):
            trace.used(tensor)
            for axis in trace.axes(tensor):
                trace.pin(axis, OUTPUT)
        return trace

    def _told_left_alone(self) -> str:
        left = self.channels.graph.left_alone
        return "".join(f"; {one.layer}: {one.reason}" for one in left[:4])
