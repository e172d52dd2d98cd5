"""Find the first operator where an exported file and its source part, by their intermediate values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

CLOSE = 1e-3  # of the largest value: far above rounding, far below a wrong operator


@dataclass(frozen=True)
class Activation:
    """What one operator gave for a sample.

    Attributes:
        name: Its name: a layer, a module, a tensor.
        operator: The kind of its operator, such as `Conv2D`; empty for an input.
        inputs: Names of the activations that it was made of.
        values: What it gave, of any shape.
    """

    name: str
    operator: str
    inputs: tuple[str, ...]
    values: np.ndarray = field(compare=False)


@dataclass(frozen=True)
class Place:
    """An operator of a source or of a file.

    Attributes:
        name: Its name.
        operator: Its kind.
    """

    name: str
    operator: str

    def __str__(self) -> str:
        return f"{self.operator} {self.name}" if self.operator else self.name


@dataclass(frozen=True)
class Parting:
    """Where the two part; `None` where that cannot be told.

    Attributes:
        source: The first operator of the source whose values the file does not have.
        exported: The first operator of the file whose values the source does not have.
    """

    source: Place | None
    exported: Place | None


def find_parting(source: Sequence[Activation], exported: Sequence[Activation]) -> Parting:
    """Find where a source and its exported file part.

    A file has no operator for each of its source's: some are fused, others taken apart, and channels may come
    last instead of first. So values are compared as sets, whatever their order, and an operator whose own
    values the other side lacks still counts as right where something that is made of them is right.

    Args:
        source: The source's activations, each after those it is made of.
        exported: The file's, likewise.
    """
    return Parting(_first_wrong(source, _Values(exported)), _first_wrong(exported, _Values(source)))


class _Values:
    """Sorted values of some activations, by how many there are."""

    def __init__(self, activations: Iterable[Activation]) -> None:
        self._by_size: dict[int, list[np.ndarray]] = {}
        for activation in activations:
            self._by_size.setdefault(activation.values.size, []).append(_sorted(activation.values))

    def has(self, values: np.ndarray) -> bool:
        wanted = _sorted(values)
        scale = float(np.max(np.abs(wanted), initial=0.0)) or 1.0
        return any(
            bool(np.max(np.abs(found - wanted), initial=0.0) <= CLOSE * scale)
            for found in self._by_size.get(values.size, [])
        )


def _sorted(values: np.ndarray) -> np.ndarray:
    return np.sort(np.nan_to_num(values.astype(np.float64).ravel()))


def _first_wrong(activations: Sequence[Activation], others: _Values) -> Place | None:
    right = {activation.name for activation in activations if others.has(activation.values)}
    for activation in reversed(activations):
        if activation.name in right:
            right.update(activation.inputs)
    for activation in activations:
        if activation.name not in right and activation.operator:
            return Place(activation.name, activation.operator)
    return None
