"""What a framework session tells of the model that it loaded."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass

from edgekit_runtime.manifest import Library
from edgekit_runtime.tensor import TensorSpec


@dataclass(frozen=True)
class AxisOrder:
    """The axes of an input or output in an exported file.

    Attributes:
        name: Its name in the source.
        order: For each axis in the file the axis in the source, such as (0, 2, 3, 1) from NCHW to NHWC.
    """

    name: str
    order: tuple[int, ...]


@dataclass(frozen=True)
class SourceInfo:
    """A loaded source model.

    Attributes:
        inputs: In its own order; shapes like `(-1, H, W, C)`.
        outputs: In its own order.
        parameters: How many numbers it learned.
        libraries: The framework, with version.
        orders: Inputs and outputs whose axes lie in another order in the file that was exported.
        notes: What had to be done to load it, for the trail.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    parameters: int
    libraries: tuple[Library, ...]
    orders: tuple[AxisOrder, ...] = ()
    notes: tuple[str, ...] = ()


def signature_names(specs: tuple[TensorSpec, ...]) -> tuple[str, ...]:
    """Names for an exported file's signature, as TensorFlow takes them.

    They become parameters of a Python function and names of a graph: ASCII letters, digits and
    underscores, no underscore first, no word of Python's, and each once even where letter case
    does not count.

    Args:
        specs: Inputs or outputs under the source's names.
    """
    plain = [_plain(spec.name) for spec in specs]
    lower = [name.lower() for name in plain]
    taken = set(lower)
    return tuple(
        name
        if lower.count(name.lower()) == 1 and not keyword.iskeyword(name) and name != "self"
        else _untaken(f"{name}_{i}", taken)
        for i, name in enumerate(plain)
    )


def _plain(name: str) -> str:
    name = re.sub(r"[^A-Za-z0-9]", "_", name)
    return name if name[:1].isalnum() else f"tensor{name}"


def _untaken(name: str, taken: set[str]) -> str:
    while name.lower() in taken:
        name += "_"
    taken.add(name.lower())
    return name
