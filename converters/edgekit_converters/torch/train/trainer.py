"""One step of a module's training."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save

from edgekit_converters.compress.faces import Arrays
from edgekit_converters.compress.losses import LossPlan
from edgekit_converters.compress.settings import TrainSettings
from edgekit_converters.torch.border import Forward
from edgekit_converters.torch.refusal import user_line
from edgekit_converters.torch.train.features import watched
from edgekit_converters.torch.train.freeze import freeze
from edgekit_converters.torch.train.losses import make_loss
from edgekit_converters.torch.train.norms import quickened
from edgekit_converters.torch.train.state import deterministic, optimizer_state, take_optimizer_state, tensors
from edgekit_runtime.errors import ConversionError, EdgekitError, first_line

WEIGHTS, OPTIMIZER = "weights.", "optimizer."


class TorchTrainer:
    """A module in training, by Adam (Kingma and Ba 2015).

    Adam without weight decay: the weights come trained, and what pulls them towards 0 would change them beyond what
    the loss asks for.

    Args:
        forward: The module, and how it is called.
        run_example: Runs it once on an example.
        settings: How.
        plan: The loss.
        source: Where the module came from, for errors.
        finish: Called when training is over.

    Raises:
        RecipeError: It has nothing that could be trained.
        DataError: The user's own loss is not found.
    """

    def __init__(
        self,
        forward: Forward,
        run_example: Callable[[], object],
        settings: TrainSettings,
        plan: LossPlan,
        source: str,
        finish: Callable[[], None],
    ) -> None:
        self._forward, self._module, self._source, self._finish = forward, forward.module, source, finish
        self._seed = settings.seed
        self._loss = make_loss(plan)
        self._frozen = freeze(self._module, settings.freeze, run_example, source)
        learning = [parameter for parameter in self._module.parameters() if parameter.requires_grad]
        self._optimizer = torch.optim.Adam(learning, settings.learning_rate, fused=True)
        self._open = ExitStack()
        self._open.enter_context(deterministic())
        self._open.enter_context(quickened(self._module, settings.batch))
        self._maps = self._open.enter_context(watched(self._module, plan.features))

    def begin(self, epoch: int) -> None:
        """Seed what draws, and turn training on."""
        torch.manual_seed(int(np.random.default_rng((self._seed, epoch)).integers(2**63)))
        self._module.train()
        for part in self._frozen.parts:
            part.eval()

    def step(self, inputs: Arrays, labels: Arrays, teacher: Arrays, learning_rate: float) -> float:
        """Take one step, and give the mean loss of the batch before it.

        Raises:
            ConversionError: PyTorch cannot run it.
            DataError: The user's own loss fails.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._optimizer.zero_grad()
        loss, _ = self._run(inputs, labels, teacher)
        try:
            loss.backward()
        except RuntimeError as error:
            raise self._refusal(error, inputs) from error
        self._optimizer.step()
        return float(loss.detach())

    def look(self, inputs: Arrays, labels: Arrays, teacher: Arrays) -> tuple[float, dict[str, np.ndarray]]:
        """The mean loss of a batch, and its outputs, as the module runs outside training.

        Raises:
            ConversionError: PyTorch cannot run it.
            DataError: The user's own loss fails.
        """
        self._module.eval()
        with torch.no_grad():
            loss, outputs = self._run(inputs, labels, teacher)
        return float(loss), {name: value.numpy() for name, value in outputs.items()}

    def finite(self) -> bool:
        """Whether no weight is NaN or infinite."""
        return all(bool(value.isfinite().all()) for value in tensors(self._module).values())

    def save(self, path: Path) -> None:
        """Write weights and the optimizer's state as safetensors: nothing is pickled."""
        state = {WEIGHTS + name: value for name, value in tensors(self._module).items()}
        state |= {OPTIMIZER + name: value for name, value in optimizer_state(self._optimizer).items()}
        path.write_bytes(save(state))

    def restore(self, path: Path) -> None:
        """Read what `save` wrote."""
        state = load(path.read_bytes())
        weights = {name.removeprefix(WEIGHTS): value for name, value in state.items() if name.startswith(WEIGHTS)}
        self._module.load_state_dict(weights, strict=False)
        own = {name.removeprefix(OPTIMIZER): value for name, value in state.items() if name.startswith(OPTIMIZER)}
        take_optimizer_state(self._optimizer, own)

    def finish(self) -> None:
        """Undo what training alone needs, and let the model know that its weights are others."""
        self._open.close()
        self._frozen.undo()
        self._module.eval()
        self._finish()

    def _run(self, inputs: Arrays, labels: Arrays, teacher: Arrays) -> tuple[Any, dict[str, Any]]:
        values = [torch.from_numpy(np.ascontiguousarray(inputs[spec.name])) for spec in self._forward.inputs]
        held = [
            {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in rows.items()}
            for rows in (labels, teacher)
        ]
        try:
            outputs = self._forward.run(values)
            return self._loss(outputs, self._maps, *held), outputs
        except EdgekitError:
            raise
        except Exception as error:  # a forward may raise anything
            raise self._refusal(error, inputs) from error

    def _refusal(self, error: Exception, inputs: Arrays) -> ConversionError:
        count = len(next(iter(inputs.values())))
        return ConversionError(
            f"{self._source}: PyTorch cannot train it with a batch of {count}: {first_line(error).rstrip('.')}"
            f"{user_line(error)}.",
            hint="A forward that trains takes several samples at a time.",
        )
