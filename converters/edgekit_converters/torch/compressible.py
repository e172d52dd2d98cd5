"""A live module: it can become smaller, and learn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save

from edgekit_converters.compress.faces import Arrays, Trainer
from edgekit_converters.compress.losses import LossPlan
from edgekit_converters.compress.settings import TrainSettings
from edgekit_converters.compress.surgery import Operation
from edgekit_converters.torch.border import Forward, example
from edgekit_converters.torch.prune.model import PrunableModel
from edgekit_runtime.errors import RecipeError

WEIGHTS_FILE = "model.safetensors"


class CompressibleModel(PrunableModel):
    """A source model that is a module of the user's own code.

    Args:
        forward: The module, and how it is called.
        source: Where it came from, for errors.

    Raises:
        ModelError: It does not run on inputs of these shapes and types, or what it gives is no tensor of numbers.
    """

    def __init__(self, forward: Forward, source: str) -> None:
        super().__init__(forward, source)
        self.forward, self.source = forward, source

    @property
    def module(self) -> Any:
        """The module, in evaluation mode."""
        return self.forward.module

    def run_example(self) -> dict[str, Any]:
        """Run it once on an example, and give its outputs by name."""
        return self.forward.run([example(spec) for spec in self.forward.inputs])

    def renew(self) -> None:
        """Look anew at what the module gives, after it was changed.

        Raises:
            ModelError: It no longer runs.
        """
        PrunableModel.__init__(self, self.forward, self.source)

    def operate(self, operation: Operation) -> None:
        """Take channels out, or replace the head.

        Raises:
            RecipeError: The channels are not those of this module, or it has no head that can be replaced.
        """
        if operation.classes is not None:
            from edgekit_converters.torch.train.head import replace_head

            replace_head(self.module, self.run_example, operation.classes, operation.seed, self.source)
            self.renew()
        else:
            super().operate(operation)

    def output_forms(self) -> dict[str, str]:
        """What each output is, by the operator that gives it; empty where only its values can tell."""
        from edgekit_converters.torch.train.forms import output_forms

        with torch.enable_grad():
            return output_forms(self.run_example())

    def trainer(self, settings: TrainSettings, plan: LossPlan) -> Trainer:
        """Make ready to train.

        Raises:
            RecipeError: It has nothing to train, or takes one sample at a time.
        """
        from edgekit_converters.torch.train.trainer import TorchTrainer

        bare = [spec.name for spec in (*self.info.inputs, *self.info.outputs) if not spec.batched]
        if bare:
            raise RecipeError(
                f"{self.source}: {', '.join(bare)} has no batch axis, so the module cannot be trained on batches.",
                hint="Give every input and output a batch axis.",
            )
        return TorchTrainer(self.forward, self._run_blind, settings, plan, self.source, self.renew)

    def save_weights(self, folder: Path) -> None:
        """Write them as `model.safetensors`."""
        from edgekit_converters.torch.train.state import tensors

        (folder / WEIGHTS_FILE).write_bytes(save(tensors(self.module)))

    def load_weights(self, folder: Path) -> None:
        """Read what `save_weights` wrote for a module of this shape."""
        self.module.load_state_dict(load((folder / WEIGHTS_FILE).read_bytes()), strict=False)
        self.renew()

    def features(self, inputs: Arrays, layers: Sequence[str]) -> dict[str, np.ndarray]:
        """The attention maps of some parts for a batch."""
        from edgekit_converters.torch.train.features import watched

        values = [torch.from_numpy(np.ascontiguousarray(inputs[spec.name])) for spec in self.info.inputs]
        with torch.no_grad(), watched(self.module, layers) as maps:
            self.forward.run(values)
        return {name: value.numpy() for name, value in maps.items()}

    def feature_layers(self) -> dict[str, tuple[int, ...]]:
        """For each size of map the last part that gives it."""
        from edgekit_converters.torch.train.features import feature_layers

        return feature_layers(self.module, self._run_blind)

    def _run_blind(self) -> object:
        with torch.no_grad():
            return self.run_example()
