"""Channels that must leave together, found by joining the places where they meet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FIXED = 0  # the atom of every place that stays


@dataclass(frozen=True)
class Pin:
    """Why some atoms stay.

    Attributes:
        atoms: `(K,)`.
        reason: In words, to stand behind the name of the layer that makes them.
    """

    atoms: np.ndarray
    reason: str


class Atoms:
    """Channels by number: an atom for each channel that a layer makes, joined where two can only leave together."""

    def __init__(self) -> None:
        self._count = 1
        self._edges: list[tuple[np.ndarray, np.ndarray]] = []
        self._pins: list[Pin] = []

    def new(self, count: int) -> np.ndarray:
        """Atoms for the channels that a layer makes: `(count,)`."""
        self._count += count
        return np.arange(self._count - count, self._count)

    def join(self, one: np.ndarray, other: np.ndarray, reason: str) -> None:
        """Let channels leave together, position by position; those that meet a fixed place stay.

        Args:
            one: `(K,)`.
            other: `(K,)`.
            reason: Why those stay that meet a fixed place.
        """
        self.pin(one[other == FIXED], reason)
        self.pin(other[one == FIXED], reason)
        both = (one != FIXED) & (other != FIXED) & (one != other)
        if both.any():
            self._edges.append((one[both], other[both]))

    def pin(self, atoms: np.ndarray, reason: str, *, foremost: bool = False) -> None:
        """Let channels stay.

        Args:
            atoms: `(K,)`.
            reason: Why, to stand behind the name of the layer that makes them.
            foremost: Whether this reason is told before those that were given earlier.
        """
        atoms = atoms[atoms != FIXED]
        if atoms.size:
            self._pins.insert(0 if foremost else len(self._pins), Pin(atoms, reason))

    def roots(self) -> np.ndarray:
        """For each atom the smallest one that leaves with it, `FIXED` for those that stay: `(atoms,)`."""
        labels = self._labels()
        fixed = np.zeros(self._count, bool)
        fixed[FIXED] = True
        for pin in self._pins:
            fixed[labels[pin.atoms]] = True
        return np.where(fixed[labels], FIXED, labels)

    def reason(self, atoms: np.ndarray) -> str:
        """Why the first of some atoms stays that does.

        Args:
            atoms: `(K,)`, at least one of which stays.
        """
        labels = self._labels()
        wanted = set(labels[atoms].tolist())
        for pin in self._pins:
            if not wanted.isdisjoint(labels[pin.atoms].tolist()):
                return pin.reason
        return ""

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
            labels = _compressed(labels)


def _compressed(labels: np.ndarray) -> np.ndarray:
    while not np.array_equal(labels, labels[labels]):
        labels = labels[labels]
    return labels
