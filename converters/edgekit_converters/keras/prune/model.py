"""What pruning asks of a Keras model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from edgekit_converters.compress.channels import ChannelGraph
from edgekit_converters.compress.settings import TAYLOR, PruneSettings
from edgekit_converters.compress.surgery import Kept
from edgekit_converters.compress.widths import told_alone
from edgekit_converters.data.source import DataSource, open_drawn
from edgekit_converters.keras.layers import call
from edgekit_converters.keras.prune.importance import Batch, Scores, by_taylor, by_weights
from edgekit_converters.keras.prune.network import read_network
from edgekit_converters.keras.prune.surgery import rebuild, silence
from edgekit_converters.source import SourceInfo
from edgekit_runtime.errors import RecipeError

BATCH = 32


class PrunableLayers:
    """A model of Keras 3, for one pruning.

    Args:
        layers: The model.
        info: What it takes and gives.
        path: Where it came from, for errors.

    Raises:
        RecipeError: Nothing of it can be pruned.
    """

    def __init__(self, layers: Any, info: SourceInfo, path: str) -> None:
        self._layers, self._info, self._path = layers, info, path
        self._network = read_network(layers)
        if not self.graph.groups:
            alone = told_alone(self.graph) or "all of them are its outputs"
            raise RecipeError(f"{path}: none of its channels can leave: {alone}.")

    @property
    def graph(self) -> ChannelGraph:
        """Which channels leave together, and what each layer costs."""
        return self._network.graph

    def importance(self, settings: PruneSettings) -> Scores:
        """How much each unit matters.

        Raises:
            RecipeError: The network lacks what this importance goes by.
            DataError: The data does not fit.
        """
        if settings.importance != TAYLOR:
            return by_weights(self._network, settings.importance)
        assert settings.data is not None
        source, indexes = open_drawn(settings.data, self._info.inputs, self._info.outputs)
        return by_taylor(self._network, lambda values: call(self._layers, values), self._batches(source, indexes))

    def _batches(self, source: DataSource, indexes: Sequence[int]) -> Iterator[Batch]:
        for begin in range(0, len(indexes), BATCH):
            samples = list(source.read(indexes[begin : begin + BATCH]))
            inputs = [np.stack([sample.inputs[spec.name] for sample in samples]) for spec in self._info.inputs]
            labels = {
                place: np.stack([sample.labels[spec.name] for sample in samples])
                for place, spec in enumerate(self._info.outputs)
                if spec.name in samples[0].labels
            }
            yield inputs, labels

    def silence(self, leaving: Sequence[Kept]) -> Callable[[], None]:
        """Let units give 0 until what it returns is called."""
        stays = [np.ones(group.units, bool) for group in self.graph.groups]
        places = {group.name: place for place, group in enumerate(self.graph.groups)}
        for gone in leaving:
            stays[places[gone.group]][list(gone.units)] = False
        return silence(self._network, stays)

    def cut(self, kept: Sequence[Kept]) -> Any:
        """The model of what is left.

        Raises:
            RecipeError: It is meant for another network.
        """
        if [(group.group, max(group.units, default=-1) >= 0) for group in kept] != [
            (group.name, True) for group in self.graph.groups
        ] or any(group.units[-1] >= known.units for group, known in zip(kept, self.graph.groups, strict=True)):
            raise RecipeError(
                f"{self._path}: the pruning was made for another network.", hint="Prune this one, or take that one."
            )
        stays = [
            np.isin(np.arange(known.units), group.units) for known, group in zip(self.graph.groups, kept, strict=True)
        ]
        return rebuild(self._layers, self._network, stays)
