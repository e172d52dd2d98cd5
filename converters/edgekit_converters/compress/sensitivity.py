"""How much the outputs change when a group loses units: what a scan on samples finds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np

from edgekit_converters.compress.channels import ChannelGraph
from edgekit_converters.compress.faces import Prunable
from edgekit_converters.compress.surgery import Kept
from edgekit_converters.compress.widths import Harm, allowed
from edgekit_converters.data.source import Sample, open_drawn
from edgekit_converters.settings import DataSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.child import Report

BATCH = 32
WIDTHS = (0.25, 0.5, 0.75)  # of a group's units, which are tried
STAGE = "looking which layers matter"
Batch = dict[str, np.ndarray]


class Scannable(Prunable, Protocol):
    """A live model that can be pruned, and run."""

    @property
    def info(self) -> SourceInfo:
        """What it takes and gives."""
        ...

    def predict(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name for a batch, each `(N, ...)`."""
        ...


def scan(
    model: Scannable,
    graph: ChannelGraph,
    importance: Sequence[np.ndarray],
    alignment: int,
    data: DataSettings,
    report: Report,
) -> tuple[Harm, ...]:
    """Silence the least important units of each group, some at a time, and see how far the outputs move.

    No labels are needed, and no more than a batch is held.

    Args:
        model: The model.
        graph: What its `channels` gave.
        importance: For every group: `(units,)`.
        alignment: Of the widths that are tried.
        data: Samples.
        report: Told how many runs are done.

    Returns:
        For every group the change of the outputs: the mean over the outputs of the sum of squared differences
        divided by that of squares.

    Raises:
        DataError: The data does not fit.
    """
    trials = [(place, count) for place, group in enumerate(graph.groups) for count in _tried(allowed(group, alignment))]
    source, indexes = open_drawn(data, model.info.inputs, model.info.outputs)
    total = -(-len(indexes) // BATCH) * len(trials)
    moved = np.zeros((len(trials), len(model.info.outputs)))
    size = np.zeros(len(model.info.outputs))
    done = 0
    for batch in _batches(source.read(indexes), model.info):
        before = model.predict(batch)
        size += [float(np.square(before[spec.name], dtype=np.float64).sum()) for spec in model.info.outputs]
        for row, (place, count) in enumerate(trials):
            moved[row] += _moved(model, graph, _leaving(graph, importance, place, count), batch, before)
            done += 1
            report({"stage": STAGE, "done": done, "total": total})
    harm = (moved / np.maximum(size, np.finfo(float).tiny)).mean(axis=1)
    return tuple(_harm(graph.groups[place].units, place, trials, harm) for place in range(len(graph.groups)))


def least_first(importance: np.ndarray) -> np.ndarray:
    """Units in the order in which they leave; of equals, the last leaves first.

    Args:
        importance: `(units,)`.
    """
    return np.lexsort((-np.arange(len(importance)), importance))


def _tried(counts: tuple[int, ...]) -> list[int]:
    """A few of the numbers of units that a group may have, all of them left out."""
    nearest = {min(counts, key=lambda count: abs(count - share * counts[-1])) for share in WIDTHS}
    return sorted(nearest - {counts[-1]})


def _batches(samples: Iterator[Sample], info: SourceInfo) -> Iterator[Batch]:
    while batch := list(itertools.islice(samples, BATCH)):
        yield {spec.name: np.stack([sample.inputs[spec.name] for sample in batch]) for spec in info.inputs}


def _leaving(graph: ChannelGraph, importance: Sequence[np.ndarray], place: int, count: int) -> Kept:
    order = least_first(importance[place])[: graph.groups[place].units - count]
    return Kept(graph.groups[place].name, tuple(sorted(int(unit) for unit in order)))


def _moved(model: Scannable, graph: ChannelGraph, leaving: Kept, batch: Batch, before: Batch) -> list[float]:
    """For each output the sum of the squared differences that the silence of some units makes."""
    restore = model.silence(graph, [leaving])
    try:
        after = model.predict(batch)
    finally:
        restore()
    return [
        float(np.square(after[spec.name] - before[spec.name], dtype=np.float64).sum()) for spec in model.info.outputs
    ]


def _harm(units: int, place: int, trials: Sequence[tuple[int, int]], harm: np.ndarray) -> Harm:
    found = {count: float(harm[row]) for row, (group, count) in enumerate(trials) if group == place}
    found[units] = 0.0
    return Harm(tuple(found), tuple(found.values()))
