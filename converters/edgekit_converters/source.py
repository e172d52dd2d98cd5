"""What a framework session tells of the model that it loaded."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit_runtime.manifest import Library
from edgekit_runtime.tensor import TensorSpec


@dataclass(frozen=True)
class SourceInfo:
    """A loaded source model.

    Attributes:
        inputs: In its own order; shapes like `(-1, H, W, C)`.
        outputs: In its own order.
        parameters: How many numbers it learned.
        libraries: The framework, with version.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    parameters: int
    libraries: tuple[Library, ...]


def signature_names(specs: tuple[TensorSpec, ...]) -> tuple[str, ...]:
    """Names for an exported file's signature: letters, digits and underscores, each once.

    Args:
        specs: Inputs or outputs under the source's names.
    """
    plain = ["".join(c if c.isalnum() else "_" for c in spec.name) for spec in specs]
    return tuple(f"{name}_{i}" if plain.count(name) > 1 else name for i, name in enumerate(plain))
