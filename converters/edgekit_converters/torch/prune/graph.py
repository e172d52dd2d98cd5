"""From what was traced to groups of units, and what each layer costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgekit_converters.compress.atoms import FIXED, OUTPUT, Solved
from edgekit_converters.compress.channels import ChannelGraph, Group, LayerMacs, LeftAlone, Part
from edgekit_converters.torch.prune.trace import Trace

NO_UNIT = -1
ALL_TOGETHER = "its channels can only leave all together"


@dataclass(frozen=True)
class Channels:
    """The channels of a module.

    Attributes:
        graph: As pruning sees them.
        groups: For each atom the index of its group, or `NO_UNIT`: `(atoms,)`.
        units: For each atom the index of its unit in that group, or `NO_UNIT`: `(atoms,)`.
        trace: Where the atoms lie.
    """

    graph: ChannelGraph
    groups: np.ndarray
    units: np.ndarray
    trace: Trace


def find_channels(trace: Trace) -> Channels:
    """Sort channels that leave one by one into groups, by the layers that they run through.

    Args:
        trace: Of one run.
    """
    solved = trace.atoms.solve()
    members = _members(trace, solved)
    groups = np.full(len(solved.roots), NO_UNIT)
    units = np.full(len(solved.roots), NO_UNIT)
    for place, roots in enumerate(members.roots):
        groups[roots] = place
        units[roots] = np.arange(len(roots))
    groups, units = groups[solved.roots], units[solved.roots]
    graph = ChannelGraph(members.groups, _layers(trace, groups), _left_alone(trace, solved, groups))
    return Channels(graph, groups, units, trace)


@dataclass(frozen=True)
class _Members:
    groups: tuple[Group, ...]
    roots: tuple[np.ndarray, ...]


def _members(trace: Trace, solved: Solved) -> _Members:
    """Groups of two units or more, in the order in which they are made, each with the roots of its units."""
    first = np.full(len(solved.roots), len(trace.made))
    for place, made in reversed(list(enumerate(trace.made))):
        first[solved.roots[made.atoms]] = place
    first[FIXED] = len(trace.made)
    signatures, widths = _signatures(trace, solved)
    roots = np.flatnonzero(first < len(trace.made))
    runs: dict[tuple[int, int], list[int]] = {}
    for root in roots[np.argsort(first[roots], kind="stable")].tolist():
        runs.setdefault((int(first[root]), int(signatures[root])), []).append(root)
    found = [np.array(run) for run in runs.values() if len(run) > 1]
    names = _names([trace.made[first[run[0]]].layer for run in found])
    makers = _makers(trace, solved, [int(run[0]) for run in found])
    groups = tuple(
        Group(name, len(run), int(widths[run].min()), layers)
        for name, run, layers in zip(names, found, makers, strict=True)
    )
    return _Members(groups, tuple(found))


def _signatures(trace: Trace, solved: Solved) -> tuple[np.ndarray, np.ndarray]:
    """For each root a number that tells where it lies and how often, and the fewest channels that it has anywhere.

    The numbers are sums of random ones, as Zobrist hashing has them: equal for channels that run through the same
    layers, and for others only by a chance of one in 2^64.
    """
    signatures = np.zeros(len(solved.roots), np.uint64)
    widths = np.full(len(solved.roots), np.iinfo(np.int64).max)
    random = np.random.default_rng(0)
    for axis in trace.slots.values():
        drawn = random.integers(1, 2**63, dtype=np.uint64)
        roots, counts = np.unique(solved.roots[axis], return_counts=True)
        signatures[roots] += drawn * (2 * counts.astype(np.uint64) + np.uint64(1))
        widths[roots] = np.minimum(widths[roots], counts)
    return signatures, widths


def _makers(trace: Trace, solved: Solved, firsts: Sequence[int]) -> list[tuple[str, ...]]:
    """For the first root of each group every layer that makes it."""
    owners = np.full(len(solved.roots), NO_UNIT)
    owners[firsts] = np.arange(len(firsts))
    found: list[dict[str, None]] = [{} for _ in firsts]
    for made in trace.made:
        for owner in set(owners[solved.roots[made.atoms]].tolist()) - {NO_UNIT}:
            found[owner][made.layer] = None
    return [tuple(layers) for layers in found]


def _names(layers: Sequence[str]) -> list[str]:
    """Layers that make several groups have a number behind their name."""
    seen: dict[str, int] = {}
    names = []
    for layer in layers:
        seen[layer] = seen.get(layer, 0) + 1
        names.append(layer if seen[layer] == 1 else f"{layer}#{seen[layer]}")
    return names


def _layers(trace: Trace, groups: np.ndarray) -> tuple[LayerMacs, ...]:
    found: dict[tuple[str, tuple[tuple[Part, ...], ...]], int] = {}
    for cost in trace.costs:
        parts = (_parts(groups[axis]) for axis in cost.axes)
        key = cost.layer, tuple(axis for axis in parts if any(part.group is not None for part in axis))
        found[key] = found.get(key, 0) + cost.macs
    return tuple(LayerMacs(layer, macs, axes) for (layer, axes), macs in found.items())


def _parts(axis: np.ndarray) -> tuple[Part, ...]:
    owners, counts = np.unique(axis, return_counts=True)
    return tuple(
        Part(None if owner == NO_UNIT else owner, count)
        for owner, count in zip(owners.tolist(), counts.tolist(), strict=True)
    )


def _left_alone(trace: Trace, solved: Solved, groups: np.ndarray) -> tuple[LeftAlone, ...]:
    found = dict(trace.left_alone)
    for made in trace.made:
        left = made.atoms[(groups[made.atoms] == NO_UNIT) & (made.atoms != FIXED)]
        if not left.size or made.layer in found:
            continue
        fixed = left[solved.roots[left] == FIXED]
        reason = solved.reason(fixed) if fixed.size else ALL_TOGETHER
        if reason == OUTPUT:
            continue
        part = "" if left.size == made.atoms.size else f"{left.size} of its {made.atoms.size} channels stay: "
        found[made.layer] = part + reason
    return tuple(LeftAlone(layer, reason) for layer, reason in found.items())
