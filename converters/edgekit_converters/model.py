"""What every framework's model can do inside its session."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from edgekit_converters.parting import Activation
from edgekit_converters.source import AxisOrder, SourceInfo


class Model(Protocol):
    """A live model of a framework; it exists only inside a framework session."""

    @property
    def info(self) -> SourceInfo:
        """What it takes and gives."""
        ...

    def predict(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name for a batch, each `(N, ...)`.

        Args:
            inputs: By name, each `(N, ...)`.
        """
        ...

    def export(self, path: Path, model_format: str) -> tuple[AxisOrder, ...]:
        """Write it as a float file with a static batch of 1, under its own input and output names.

        Args:
            path: Where to write.
            model_format: `tflite` or `onnx`: one of those that its framework can write.

        Returns:
            The inputs and outputs whose axes lie in another order in the file.

        Raises:
            ConversionError: The framework refuses.
        """
        ...


@runtime_checkable
class TellsActivations(Protocol):
    """A live model that can tell what its operators gave."""

    def activations(self, sample: Mapping[str, np.ndarray]) -> tuple[Activation, ...]:
        """What each operator gives for one sample, in the order in which they run.

        Args:
            sample: Inputs by name, without batch axis.
        """
        ...
