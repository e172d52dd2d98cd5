"""How many units of each group stay, so that the multiply-accumulates that are left are those asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgekit_converters.compress.channels import ChannelGraph, Group
from edgekit_runtime.errors import RecipeError

CLOSE = 1e-9  # of all MACs: rounding
NEAR = 0.002  # of the MACs asked for: nearer is not looked for
NEAR_ENOUGH, NEAR_ENOUGH_ALIGNED = 0.01, 0.05  # likewise, where groups would have to differ more for it
STEPS = 1  # that a group may be wider or narrower than the same share of all, while that brings it near enough
EXCHANGES = (1, 2, 3)  # steps that one group gives to another
FEW = 100_000  # choices for a whole network, which are all looked at where exchanges come to a standstill
ROUNDS = 200
NAMED = 6  # layers that an error lists
Order = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Harm:
    """What a group's loss of units does to the outputs.

    Attributes:
        units: How many stay, ascending, the last being all.
        harm: For each the change of the outputs, as a share of their own size.
    """

    units: tuple[int, ...]
    harm: tuple[float, ...]

    def at(self, units: int) -> float:
        """The harm where so many stay, on the line between the nearest that are known."""
        return float(np.interp(units, self.units, np.maximum.accumulate(self.harm[::-1])[::-1]))


def allowed(group: Group, alignment: int) -> tuple[int, ...]:
    """How many units a group may have, ascending.

    Where the group is at least as wide as the alignment, multiples of it in channels. A narrower one keeps all, or a
    power of two.

    Args:
        group: The group.
        alignment: In channels.
    """
    step = alignment // math.gcd(alignment, group.width)
    if step <= group.units:
        return tuple(range(step, group.units + 1, step))
    powers = (1 << power for power in range(group.units.bit_length()))
    return tuple(sorted({*powers, group.units}))


def _coarse(group: Group, alignment: int) -> tuple[int, ...]:
    """The same, in twice the steps where a group is wide: kernels often take twice the channels at once.

    ResNet8 with half of its MACs, float32 on x86-64 with AVX-512: 1.26 times as fast in widths that are odd multiples
    of 8, 1.4 to 1.55 times with those of 16.
    """
    return allowed(group, 2 * alignment if group.units * group.width >= 4 * alignment else alignment)


def reachable(graph: ChannelGraph, alignment: int) -> float:
    """The largest share of the MACs that can be removed, each group keeping the fewest units that it may have."""
    least = _Macs(graph)([allowed(group, alignment)[0] for group in graph.groups])
    whole = graph.macs(graph.full)
    return 1 - least / whole if whole else 0.0


def by_share(graph: ChannelGraph, share: float, alignment: int) -> tuple[int, ...]:
    """Units to keep, about the same share of them in every group, for a share of the MACs to remove.

    What is left is at or below what was asked for, and as near to it as steps of single groups come.

    Args:
        graph: The network.
        share: Share of the MACs to remove.
        alignment: Widths become multiples of it.

    Raises:
        RecipeError: So much cannot be removed.
    """
    check_share(graph, share, alignment)
    coarse = _Fit(graph, share, alignment, coarse=True)
    if alignment > 1 and coarse.reaches():
        ranks = _uniform(coarse)
        if coarse.gap(ranks) < NEAR_ENOUGH_ALIGNED:
            return coarse.units(ranks)
    fit = _Fit(graph, share, alignment)
    return fit.units(_uniform(fit))


def _uniform(fit: _Fit) -> np.ndarray:
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if fit.holds(fit.ranks(middle)) else (low, middle)
    return fit.searched(fit.filled(fit.ranks(low), lambda ranks: fit.kept(ranks) / fit.full, far=STEPS))


def by_width(graph: ChannelGraph, width: float, alignment: int) -> tuple[int, ...]:
    """Units to keep, the same share of them in every group.

    Args:
        graph: The network.
        width: The share that stays.
        alignment: Widths become multiples of it.

    Raises:
        RecipeError: It leaves a layer empty.
    """
    empty = [group for group in graph.groups if width * group.units < 1 / 2]
    if empty:
        widest = max(1 / (2 * group.units) for group in graph.groups)
        raise RecipeError(
            f"a width of {width:g} leaves {_listed([group.name for group in empty])} empty.",
            hint=f"Keep more: at least {_up(widest):g}.",
        )
    return tuple(
        min(allowed(group, alignment), key=lambda units: (abs(units - width * group.units), units))
        for group in graph.groups
    )


def by_harm(graph: ChannelGraph, share: float, alignment: int, harms: Sequence[Harm]) -> tuple[int, ...]:
    """Units to keep, so that the outputs change little: step by step, the group leaves that harms least for its MACs.

    Args:
        graph: The network.
        share: Share of the MACs to remove.
        alignment: Widths become multiples of it.
        harms: For every group.

    Raises:
        RecipeError: So much cannot be removed.
    """
    check_share(graph, share, alignment)
    fit = _Fit(graph, share, alignment)
    known = [np.array([harm.at(units) for units in counts]) for harm, counts in zip(harms, fit.allowed, strict=True)]
    ranks = np.array([len(counts) - 1 for counts in fit.allowed])
    while not fit.holds(ranks):
        ranks = fit.cheapest(ranks, known)
    return fit.units(fit.filled(ranks, lambda ranks: -fit.gains(ranks, known), far=max(graph.full)))


class _Macs:
    """The MACs of a graph for many choices at once."""

    def __init__(self, graph: ChannelGraph) -> None:
        full = np.array(graph.full, float)
        axes = [axis for layer in graph.layers for axis in layer.axes]
        self._constant = np.zeros(len(axes) + 1)
        self._constant[-1] = 1.0
        self._slope = np.zeros((len(axes) + 1, len(full)))
        for place, axis in enumerate(axes):
            whole = sum(part.channels for part in axis)
            for part in axis:
                if part.group is None:
                    self._constant[place] += part.channels / whole
                else:
                    self._slope[place, part.group] += part.channels / whole / full[part.group]
        most = max((len(layer.axes) for layer in graph.layers), default=0)
        self._axes = np.full((len(graph.layers), most), len(axes))  # the last axis is always 1
        place = 0
        for row, layer in enumerate(graph.layers):
            self._axes[row, : len(layer.axes)] = range(place, place + len(layer.axes))
            place += len(layer.axes)
        self._macs = np.array([layer.macs for layer in graph.layers], float)

    def __call__(self, kept: Sequence[int] | np.ndarray) -> float:
        return float(self.many(np.asarray(kept, float)[None])[0])

    def many(self, kept: np.ndarray) -> np.ndarray:
        """MACs for each row of units that stay: `(N, groups)` to `(N,)`."""
        lengths = kept @ self._slope.T + self._constant
        return np.asarray(lengths[:, self._axes].prod(axis=2) @ self._macs)


class _Fit:
    """The search for widths: ranks are places in the list of what each group may have."""

    def __init__(self, graph: ChannelGraph, share: float, alignment: int, *, coarse: bool = False) -> None:
        self.macs = _Macs(graph)
        self.full = np.array(graph.full)
        counts = _coarse if coarse else allowed
        self.allowed = [np.array(counts(group, alignment)) for group in graph.groups]
        self.last = np.array([len(counts) - 1 for counts in self.allowed])
        whole = self.macs(self.full)
        self._limit = whole * (1 - share + CLOSE)
        self._near_enough = NEAR_ENOUGH if alignment == 1 else NEAR_ENOUGH_ALIGNED

    def kept(self, ranks: np.ndarray) -> np.ndarray:
        """Units for each group: `(groups,)`, or `(N, groups)` for rows of ranks."""
        columns = [counts[ranks[..., place]] for place, counts in enumerate(self.allowed)]
        return np.stack(columns, axis=-1)

    def ranks(self, share: float) -> np.ndarray:
        """The nearest that each group may have to this share of its units."""
        nearest = [np.abs(counts - share * full).argmin() for counts, full in zip(self.allowed, self.full, strict=True)]
        return np.array(nearest)

    def reaches(self) -> bool:
        """Whether so much can be removed."""
        return self.holds(np.zeros_like(self.last))

    def holds(self, ranks: np.ndarray) -> bool:
        """Whether no more MACs are left than asked for."""
        return self.macs(self.kept(ranks)) <= self._limit

    def filled(self, ranks: np.ndarray, order: Order, far: int) -> np.ndarray:
        """Give groups back what fits, the first in an order first, then exchange until nothing comes nearer.

        Args:
            ranks: Where to begin.
            order: What `ranks` are ordered by, for each group.
            far: How many steps a group may go from there, unless that does not come near enough.
        """
        ranks = self._within(ranks, order, np.maximum(ranks - far, 0), np.minimum(ranks + far, self.last))
        if self.gap(ranks) >= self._near_enough:
            ranks = self._within(ranks, order, np.zeros_like(ranks), self.last)
        return ranks

    def searched(self, ranks: np.ndarray) -> np.ndarray:
        """These ranks, or, where they do not come near enough, the most even of all that do, or else the nearest.

        Exchanges between two groups come to a standstill where three would have to change at once.
        """
        choices = math.prod((self.last + 1).tolist())
        if self.gap(ranks) < self._near_enough or choices > FEW:
            return ranks
        rows = np.stack(np.unravel_index(np.arange(choices), self.last + 1), axis=-1)
        macs = self.macs.many(self.kept(rows))
        macs[macs > self._limit] = -1
        shares = self.kept(rows) / self.full
        spread = np.ptp(shares, axis=1).round(9)
        spread[macs <= (1 - self._near_enough) * self._limit] = np.inf
        return np.asarray(rows[np.lexsort((-shares.sum(axis=1), -macs, spread))[0]])

    def units(self, ranks: np.ndarray) -> tuple[int, ...]:
        """Units for each group."""
        return tuple(int(units) for units in self.kept(ranks))

    def _within(self, ranks: np.ndarray, order: Order, least: np.ndarray, most: np.ndarray) -> np.ndarray:
        for _ in range(ROUNDS):
            if self.gap(ranks) < NEAR:
                break
            better = self._widened(ranks, order, most)
            better = self._exchanged(ranks, least, most) if better is None else better
            if better is None:
                break
            ranks = better
        return ranks

    def gap(self, ranks: np.ndarray) -> float:
        """How far below what was asked for the MACs are, as a share of that."""
        return 1 - self.macs(self.kept(ranks)) / self._limit

    def _widened(self, ranks: np.ndarray, order: Order, most: np.ndarray) -> np.ndarray | None:
        """One group one step wider, if any fits."""
        places = np.flatnonzero(ranks < most)
        rows = ranks + np.eye(len(ranks), dtype=int)[places]
        fitting = self.macs.many(self.kept(rows)) <= self._limit
        if not fitting.any():
            return None
        values = order(ranks)[places]
        return np.asarray(rows[int(np.where(fitting, values, np.inf).argmin())])

    def _exchanged(self, ranks: np.ndarray, least: np.ndarray, most: np.ndarray) -> np.ndarray | None:
        """One group wider and another narrower, by a few steps, if that comes nearer to what was asked for."""
        size = len(ranks)
        up, down, more, less = (
            axis.ravel() for axis in np.meshgrid(range(size), range(size), EXCHANGES, EXCHANGES, indexing="ij")
        )
        fits = (up != down) & (ranks[up] + more <= most[up]) & (ranks[down] - less >= least[down])
        if not fits.any():
            return None
        rows = np.tile(ranks, (int(fits.sum()), 1))
        places = np.arange(len(rows))
        rows[places, up[fits]] += more[fits]
        rows[places, down[fits]] -= less[fits]
        macs = self.macs.many(self.kept(rows))
        macs[macs > self._limit] = -1
        best = int(macs.argmax())
        now = self.macs(self.kept(ranks))
        return np.asarray(rows[best]) if macs[best] > now * (1 + CLOSE) else None

    def gains(self, ranks: np.ndarray, known: Sequence[np.ndarray]) -> np.ndarray:
        """Harm that one step wider takes back, for each MAC it costs."""
        return self._rates(ranks, ranks, np.minimum(ranks + 1, self.last), known)

    def cheapest(self, ranks: np.ndarray, known: Sequence[np.ndarray]) -> np.ndarray:
        """One step narrower where that harms least for each MAC."""
        rates = self._rates(ranks, np.maximum(ranks - 1, 0), ranks, known)
        rates[ranks == 0] = np.inf
        lower = ranks.copy()
        lower[int(rates.argmin())] -= 1
        return lower

    def _rates(
        self, ranks: np.ndarray, narrow: np.ndarray, wide: np.ndarray, known: Sequence[np.ndarray]
    ) -> np.ndarray:
        """Harm for each MAC between two ranks of each group, the others being as they are."""
        places = np.arange(len(ranks))
        rows = np.tile(ranks, (2 * len(places), 1))
        rows[places, places] = narrow
        rows[len(places) + places, places] = wide
        macs = self.macs.many(self.kept(rows))
        saved = macs[len(places) :] - macs[: len(places)]
        harm = np.array([values[low] - values[high] for values, low, high in zip(known, narrow, wide, strict=True)])
        return np.asarray(np.divide(harm, saved, out=np.full(len(places), np.inf), where=saved > 0))


def check_share(graph: ChannelGraph, share: float, alignment: int) -> None:
    """Refuse a share that cannot be removed.

    Raises:
        RecipeError: It is not reached even where each group keeps the fewest units that it may have.
    """
    most = reachable(graph, alignment)
    if share <= most + CLOSE:
        return
    finer = ", or, in a recipe, for a smaller alignment" if alignment > 1 and share <= reachable(graph, 1) else ""
    alone = told_alone(graph)
    aligned = f"in widths of multiples of {alignment}, " if alignment > 1 else ""
    raise RecipeError(
        f"{aligned}at most {_down(most):.1%} of the multiply-accumulates can be removed, and {share:.1%} were asked for"
        f"{f'; these stay whole: {alone}' if alone else ''}.",
        hint=f"Ask for at most {_down(most):g}{finer}.",
    )


def told_alone(graph: ChannelGraph) -> str:
    """The layers that stay whole, by reason, for a message; empty where there are none."""
    layers: dict[str, list[str]] = {}
    for left in graph.left_alone:
        layers.setdefault(left.reason, []).append(left.layer)
    return _listed([f"{_listed(names)} ({reason})" for reason, names in layers.items()])


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _down(share: float) -> float:
    return math.floor(share * 1000) / 1000


def _up(width: float) -> float:
    return math.ceil(width * 1000) / 1000
