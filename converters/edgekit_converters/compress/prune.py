"""Prune a live model: which units matter, how many stay, and the cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgekit_converters.compress.channels import ChannelGraph
from edgekit_converters.compress.results import Pruned, Width
from edgekit_converters.compress.sensitivity import Scannable, least_first, scan
from edgekit_converters.compress.settings import L2, RANDOM, SENSITIVITY, TAYLOR, PruneSettings
from edgekit_converters.compress.surgery import Kept, Operation
from edgekit_converters.compress.widths import by_harm, by_share, by_width, check_share
from edgekit_runtime.child import Report
from edgekit_runtime.errors import RecipeError


def prune_model(model: Scannable, settings: PruneSettings, report: Report) -> Pruned:
    """Take channels out of a live model.

    Args:
        model: The model; it is changed.
        settings: How much leaves, and which.
        report: Told how far the scan of samples is.

    Raises:
        RecipeError: The settings do not fit each other or the network, or so much cannot be removed.
        DataError: The data does not fit.
    """
    graph = check_prune(model, settings)  # before any data is read
    scores, by_l2 = _scores(model, graph, settings)
    kept = _widths(model, graph, scores, settings, report)
    chosen = zip(graph.groups, scores, kept, strict=True)
    model.operate(Operation(tuple(_kept(group.name, score, count) for group, score, count in chosen)))
    widths = tuple(
        Width(group.name, group.units, count, group.width) for group, count in zip(graph.groups, kept, strict=True)
    )
    macs = round(graph.macs(graph.full)), round(graph.macs(kept))
    return Pruned(*macs, model.info.parameters, widths, graph.left_alone, by_l2)


def check_prune(model: Scannable, settings: PruneSettings) -> ChannelGraph:
    """Refuse what cannot be done, and give the network as pruning sees it.

    Raises:
        RecipeError: The settings do not fit each other or the network, or so much cannot be removed.
    """
    _check(settings)
    graph = model.channels()
    if settings.share is not None:
        check_share(graph, settings.share, settings.alignment)
    return graph


def foretell(graph: ChannelGraph, settings: PruneSettings) -> float | None:
    """The share of the MACs that will leave; `None` where only a scan on samples tells.

    Args:
        graph: What `check_prune` gave.
        settings: How much is to leave.
    """
    if settings.widths == SENSITIVITY:
        return None
    kept = _uniform(graph, settings)
    return 1 - graph.macs(kept) / graph.macs(graph.full)


def _check(settings: PruneSettings) -> None:
    if (settings.share is None) == (settings.width is None):
        raise RecipeError("pruning takes a share of the MACs to remove or a width, and exactly one of them.")
    asked = settings.width if settings.share is None else settings.share
    if asked is None or not 0 < asked < 1:
        name = "width" if settings.share is None else "share"
        raise RecipeError(f"a {name} of {asked:g} was asked for; allowed: above 0 and below 1, such as 0.5.")
    if settings.alignment < 1:
        raise RecipeError(f"an alignment of {settings.alignment} was asked for; allowed: 1 or more channels.")
    if settings.data is None and (settings.importance == TAYLOR or settings.widths == SENSITIVITY):
        what = "the importance taylor" if settings.importance == TAYLOR else "a scan of the layers' sensitivity"
        raise RecipeError(f"{what} needs samples.", hint="Name some with --train or --evaluate, or choose l2.")
    if settings.widths == SENSITIVITY and settings.share is None:
        raise RecipeError(
            "a scan of the layers' sensitivity finds the widths for a share of the MACs, and a width was asked for.",
            hint="Ask for a share, or for uniform widths.",
        )


def _scores(model: Scannable, graph: ChannelGraph, settings: PruneSettings) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """How much each unit matters, and the groups that had to go by L2."""
    if settings.importance == RANDOM:
        random = np.random.default_rng(settings.seed)
        return [random.random(group.units) for group in graph.groups], ()
    scores = list(model.importance(graph, settings))
    lacking = [place for place, score in enumerate(scores) if np.isnan(score).any()]
    if lacking:
        others = model.importance(graph, replace(settings, importance=L2))
        for place in lacking:
            scores[place] = others[place]
    return scores, tuple(graph.groups[place].name for place in lacking)


def _widths(
    model: Scannable, graph: ChannelGraph, scores: Sequence[np.ndarray], settings: PruneSettings, report: Report
) -> tuple[int, ...]:
    if settings.share is not None and settings.widths == SENSITIVITY and settings.data is not None:
        harms = scan(model, graph, scores, settings.alignment, settings.data, report)
        return by_harm(graph, settings.share, settings.alignment, harms)
    return _uniform(graph, settings)


def _uniform(graph: ChannelGraph, settings: PruneSettings) -> tuple[int, ...]:
    if settings.share is None:
        return by_width(graph, settings.width or 0.0, settings.alignment)
    return by_share(graph, settings.share, settings.alignment)


def _kept(name: str, score: np.ndarray, count: int) -> Kept:
    stays = least_first(score)[len(score) - count :]
    return Kept(name, tuple(sorted(int(unit) for unit in stays)))
