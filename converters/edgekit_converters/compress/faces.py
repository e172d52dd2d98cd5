"""What a live model must be able to do to be pruned and trained; each framework has its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from edgekit_converters.compress.channels import ChannelGraph
from edgekit_converters.compress.losses import LossPlan
from edgekit_converters.compress.settings import PruneSettings, TrainSettings
from edgekit_converters.compress.surgery import Kept, Operation

Arrays = Mapping[str, np.ndarray]


@runtime_checkable
class Changeable(Protocol):
    """A live model whose shape can change."""

    def operate(self, operation: Operation) -> None:
        """Take channels out, or replace the head; afterwards `info` tells the new network.

        Raises:
            RecipeError: It does not fit this network.
        """
        ...


@runtime_checkable
class Prunable(Changeable, Protocol):
    """A live model whose channels can leave."""

    def channels(self) -> ChannelGraph:
        """Which channels leave together, and what each layer costs.

        Raises:
            RecipeError: Nothing of it can be pruned.
        """
        ...

    def importance(self, graph: ChannelGraph, settings: PruneSettings) -> tuple[np.ndarray, ...]:
        """How much each unit matters, for every group: `(units,)`, larger is more.

        A group that lacks what this importance goes by, such as batch normalization, gets NaN throughout; it is then
        asked for again by L2. `random` is not asked for.

        Raises:
            RecipeError: The whole network lacks what this importance goes by.
            DataError: The data does not fit.
        """
        ...

    def silence(self, graph: ChannelGraph, leaving: Sequence[Kept]) -> Callable[[], None]:
        """Make units give 0 without changing any shape; calling what it returns brings them back.

        Args:
            graph: What `channels` gave.
            leaving: Units that fall silent, of some groups.
        """
        ...


class Trainer(Protocol):
    """A model in training: one optimizer, one loss."""

    def begin(self, epoch: int) -> None:
        """Make ready for an epoch; all that is random in it goes by the settings' seed and this number."""
        ...

    def step(self, inputs: Arrays, labels: Arrays, teacher: Arrays, learning_rate: float) -> float:
        """Take one step, and give the mean loss of the batch before it.

        Args:
            inputs: By name, each `(N, ...)`.
            labels: By output name, each `(N, ...)`, as `LossPlan.targets` gives them; empty without labels.
            teacher: By output name, and its features under `feature.<layer>`, as `Teacher.rows` gives them; empty
                without.
            learning_rate: For this step.
        """
        ...

    def look(self, inputs: Arrays, labels: Arrays, teacher: Arrays) -> tuple[float, dict[str, np.ndarray]]:
        """The mean loss of a batch, and its outputs by name, with the network as it runs on the device."""
        ...

    def finite(self) -> bool:
        """Whether no weight is NaN or infinite; a ReLU hides it from the loss."""
        ...

    def save(self, path: Path) -> None:
        """Write weights and the optimizer's state to a file; the same state gives the same bytes."""
        ...

    def restore(self, path: Path) -> None:
        """Read what `save` wrote."""
        ...

    def finish(self) -> None:
        """Leave the model as it runs on the device."""
        ...


@runtime_checkable
class Trainable(Protocol):
    """A live model that can learn."""

    def output_forms(self) -> dict[str, str]:
        """What each output is: one of `FORMS`, or empty where only its values can tell.

        Raises:
            RecipeError: The model cannot be trained.
        """
        ...

    def trainer(self, settings: TrainSettings, plan: LossPlan) -> Trainer:
        """Make ready to train.

        Raises:
            RecipeError: The model cannot be trained so.
        """
        ...

    def save_weights(self, folder: Path) -> None:
        """Write the weights into a folder: `model.npz` or `model.safetensors`."""
        ...

    def load_weights(self, folder: Path) -> None:
        """Read what `save_weights` wrote for a network of this shape."""
        ...

    def features(self, inputs: Arrays, layers: Sequence[str]) -> dict[str, np.ndarray]:
        """The attention maps of some layers for a batch, each `(N, H, W)`, or `(N, T)` of sequences.

        The mean of the squares over the channels, scaled to length 1 for each sample, which does not depend on
        how many channels there are: Zagoruyko and Komodakis 2017, "Paying More Attention to Attention", (2).
        """
        ...

    def feature_layers(self) -> dict[str, tuple[int, ...]]:
        """For each size of map the last layer that gives it, with that size, in order; `(H, W)` or `(T,)`."""
        ...
