"""What a source is to TensorFlow, whatever it was saved as: tensors in, tensors out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from edgekit_converters.parting import Activation
from edgekit_runtime.manifest import Library
from edgekit_runtime.tensor import TensorSpec


class Program(Protocol):
    """A loaded model that TensorFlow can trace.

    Attributes:
        inputs: In its own order, shapes like `(-1, H, W, C)`; a free axis is -1.
        outputs: In its own order.
        batch: Its number of samples in one call; `None` where that is free.
        parameters: How many numbers it learned.
        libraries: What loaded it.
        holder: Whatever must live as long as an exported graph; `None` for nothing.
    """

    @property
    def inputs(self) -> tuple[TensorSpec, ...]: ...  # noqa: D102  # told above
    @property
    def outputs(self) -> tuple[TensorSpec, ...]: ...  # noqa: D102  # told above
    @property
    def batch(self) -> int | None: ...  # noqa: D102  # told above
    @property
    def parameters(self) -> int: ...  # noqa: D102  # told above
    @property
    def libraries(self) -> tuple[Library, ...]: ...  # noqa: D102  # told above
    @property
    def holder(self) -> Any: ...  # noqa: D102  # told above

    def run(self, values: Sequence[Any]) -> list[Any]:
        """One tensor for each output, from one for each input."""
        ...

    def run_for_export(self, values: Sequence[Any]) -> list[Any]:
        """The same, in the form that TFLite takes best: loops unrolled, weights as constants where that is easy."""
        ...

    def activations(self, values: Sequence[Any]) -> tuple[Activation, ...]:
        """What each layer gives for one sample; nothing where layers are not known."""
        ...
