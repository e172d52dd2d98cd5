"""A live model whose layers are Keras 3's: it can become smaller, and learn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edgekit_converters.compress.channels import ChannelGraph
from edgekit_converters.compress.faces import Arrays, Trainer
from edgekit_converters.compress.losses import LossPlan
from edgekit_converters.compress.settings import PruneSettings, TrainSettings
from edgekit_converters.compress.surgery import Kept, Operation
from edgekit_converters.keras.layers import LayersProgram
from edgekit_converters.keras.load import make_program
from edgekit_converters.keras.model import KerasModel
from edgekit_converters.keras.prune.model import PrunableLayers
from edgekit_runtime.errors import RecipeError

WEIGHTS_FILE = "model.npz"


class CompressibleModel(KerasModel):
    """A source model made of layers of Keras 3.

    Args:
        program: The model itself.
        path: Where it came from, for errors.

    Raises:
        ModelError: Its inputs or outputs have free axes besides the batch, or what they hold is no numbers.
    """

    def __init__(self, program: LayersProgram, path: Path) -> None:
        super().__init__(program, path)
        self.layers: Any = program.model

    def become(self, layers: Any) -> None:
        """Go on as other layers, or as the same ones with other weights.

        Args:
            layers: A model of Keras 3.

        Raises:
            ModelError: It has NaN among its weights.
            ConversionError: It has a recurrent layer that cannot be unrolled.
        """
        self.layers = layers
        self.__dict__.pop("_pruning", None)
        self.run(make_program(layers, keras, self.path))

    @cached_property
    def _pruning(self) -> PrunableLayers:
        return PrunableLayers(self.layers, self.info, str(self.path))

    def channels(self) -> ChannelGraph:
        """Which channels leave together, and what each layer costs.

        Raises:
            RecipeError: Nothing of it can be pruned.
        """
        return self._pruning.graph

    def importance(self, graph: ChannelGraph, settings: PruneSettings) -> tuple[np.ndarray, ...]:  # noqa: ARG002  # the face of Prunable
        """How much each unit matters, for every group: `(units,)`, larger is more.

        Raises:
            RecipeError: The network lacks what this importance goes by.
            DataError: The data does not fit.
        """
        return self._pruning.importance(settings)

    def silence(self, graph: ChannelGraph, leaving: Sequence[Kept]) -> Callable[[], None]:  # noqa: ARG002  # likewise
        """Make units give 0 without changing any shape; calling what it returns brings them back."""
        return self._pruning.silence(leaving)

    def operate(self, operation: Operation) -> None:
        """Take channels out, or replace the head.

        Raises:
            RecipeError: It was meant for another network, or this one has no head that can be replaced.
        """
        if operation.classes is None:
            self.become(self._pruning.cut(operation.kept))
            return
        from edgekit_converters.keras.train.head import replace_head

        self.become(replace_head(self.layers, operation.classes, operation.seed, str(self.path)))

    def output_forms(self) -> dict[str, str]:
        """What each output is, by the layer that gives it; empty where only its values can tell."""
        from edgekit_converters.keras.train.forms import output_forms

        names = (spec.name for spec in self.info.outputs)
        return dict(zip(names, output_forms(self.layers), strict=True))

    def trainer(self, settings: TrainSettings, plan: LossPlan) -> Trainer:
        """Make ready to train.

        Raises:
            RecipeError: It has nothing to train, or a fixed batch other than the one that was asked for.
        """
        from edgekit_converters.keras.train.trainer import KerasTrainer

        if self.batch not in (None, settings.batch):
            raise RecipeError(
                f"{self.path}: it was built for batches of {self.batch}; allowed: batch {self.batch}.",
                hint="Build it with a free batch axis.",
            )
        names = tuple(spec.name for spec in self.info.inputs), tuple(spec.name for spec in self.info.outputs)
        return KerasTrainer(self.layers, names, settings, plan, str(self.path), finish=lambda: self.become(self.layers))

    def save_weights(self, folder: Path) -> None:
        """Write them as `model.npz`."""
        from edgekit_converters.keras.train.state import lasting, write_variables

        write_variables(folder / WEIGHTS_FILE, lasting(self.layers))

    def load_weights(self, folder: Path) -> None:
        """Read what `save_weights` wrote for layers of these shapes."""
        from edgekit_converters.keras.train.state import lasting, read_variables

        read_variables(folder / WEIGHTS_FILE, lasting(self.layers))
        self.become(self.layers)

    def features(self, inputs: Arrays, layers: Sequence[str]) -> dict[str, np.ndarray]:
        """The attention maps of some layers for a batch."""
        from edgekit_converters.keras.train.features import maps_of

        return maps_of(self.layers, [inputs[spec.name] for spec in self.info.inputs], layers)

    def feature_layers(self) -> dict[str, tuple[int, ...]]:
        """For each size of map the last layer that gives it."""
        from edgekit_converters.keras.train.features import feature_layers

        return feature_layers(self.layers)
