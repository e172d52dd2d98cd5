"""A live module whose channels can leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgekit_converters.compress.channels import ChannelGraph
from edgekit_converters.compress.settings import PruneSettings
from edgekit_converters.compress.surgery import Kept, Operation
from edgekit_converters.torch.border import Forward
from edgekit_converters.torch.model import TorchModel
from edgekit_runtime.errors import RecipeError

if TYPE_CHECKING:
    from edgekit_converters.torch.prune.pruner import Pruner


class PrunableModel(TorchModel):
    """A module of the user's own code; it stays the same object, whatever leaves it.

    Args:
        forward: The module, and how it is called.
        source: Where it came from, for errors.

    Raises:
        ModelError: It does not run on inputs of these shapes and types, or what it gives is no tensor of numbers.
    """

    def __init__(self, forward: Forward, source: str) -> None:
        super().__init__(forward, source)
        self._pruner: Pruner | None = None

    def channels(self) -> ChannelGraph:
        """See `Prunable`."""
        self._pruner = self._look()
        return self._pruner.channels.graph

    def importance(self, graph: ChannelGraph, settings: PruneSettings) -> tuple[np.ndarray, ...]:
        """See `Prunable`."""
        return self._known(graph).importance(self.info, settings, self._values)

    def silence(self, graph: ChannelGraph, leaving: Sequence[Kept]) -> Callable[[], None]:
        """See `Prunable`."""
        return self._known(graph).silence(leaving)

    def operate(self, operation: Operation) -> None:
        """Take channels out.

        Raises:
            RecipeError: They are not those of this module.
        """
        pruner = self._pruner or self._look()
        try:
            pruner.take_out(operation.kept, self._renew)
        except RecipeError:
            self._renew()
            raise
        self._pruner = None

    def _renew(self) -> None:
        TorchModel.__init__(self, self._forward, self._source)

    def _known(self, graph: ChannelGraph) -> Pruner:
        if self._pruner is None or self._pruner.channels.graph is not graph:
            self._pruner = self._look()
        return self._pruner

    def _look(self) -> Pruner:
        from edgekit_converters.torch.prune.pruner import Pruner  # brings torch-pruning, which few models need

        return Pruner(self._forward, self._source)
