"""Channels by number, joined where two can only leave together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FIXED = 0  # the atom of every place that stays
OUTPUT = ""  # the reason of what the network gives, which no user needs to be told


@dataclass(frozen=True)
class Solved:
    """What leaves with what.

    Attributes:
        roots: For each atom the smallest one that leaves with it, `FIXED` for those that stay: `(atoms,)`.
        pins: For each atom that stays the place of its reason among `reasons`: `(atoms,)`.
        reasons: In words.
    """

    roots: np.ndarray
    pins: np.ndarray
    reasons: tuple[str, ...]

    def reason(self, atoms: np.ndarray) -> str:
        """Why some atoms stay, all of which do; `OUTPUT` where one of them is given by the network."""
        return self.reasons[int(self.pins[atoms].min())]


class Atoms:
    """An atom for each channel; what is noted is solved once, at the end."""

    def __init__(self) -> None:
        self._count = 1
        self._edges: list[tuple[np.ndarray, np.ndarray]] = []
        self._pins: list[tuple[np.ndarray, str]] = []

    def new(self, count: int) -> np.ndarray:
        """As many new atoms: `(count,)`."""
        self._count += count
        return np.arange(self._count - count, self._count)

    def join(self, one: np.ndarray, other: np.ndarray, reason: str) -> None:
        """Let channels leave together, position by position; those that meet a fixed place stay.

        Args:
            one: `(K,)`.
            other: `(K,)`.
            reason: Why those stay that meet a fixed place.
        """
        if one is other:
            return
        free = (one != FIXED) & (other != FIXED)
        if free.all():
            self._edges.append((one, other))
            return
        self.pin(one[~free], reason)
        self.pin(other[~free], reason)
        self._edges.append((one[free], other[free]))

    def pin(self, atoms: np.ndarray, reason: str) -> None:
        """Let channels stay."""
        atoms = atoms[atoms != FIXED]
        if atoms.size:
            self._pins.append((atoms, reason))

    def solve(self) -> Solved:
        """Find what leaves with what."""
        labels = self._labels()
        pins = sorted(self._pins, key=lambda pin: pin[1] != OUTPUT)  # a stable order: outputs, then as they came
        first = np.full(self._count, len(pins))
        for place, (atoms, _) in reversed(list(enumerate(pins))):
            first[labels[atoms]] = place
        first = first[labels]
        fixed = first < len(pins)
        fixed[FIXED] = True
        return Solved(np.where(fixed, FIXED, labels), first, (*(reason for _, reason in pins), OUTPUT))

    def _labels(self) -> np.ndarray:
        labels = np.arange(self._count)
        if not self._edges:
            return labels
        one = np.concatenate([edge[0] for edge in self._edges])
        other = np.concatenate([edge[1] for edge in self._edges])
        while True:
            least = np.minimum(labels[one], labels[other])
            if (least == labels[one]).all() and (least == labels[other]).all():
                return labels
            for ends in (one, other):
                np.minimum.at(labels, labels[ends], least)
            while not np.array_equal(labels, labels[labels]):
                labels = labels[labels]
