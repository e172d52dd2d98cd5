"""Attention masks: numbers like -1e9 that make a softmax give 0, and would take the whole range of int8."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgekit_converters.quantize.statistics import Range
from edgekit_targets.graph.graph import Operator, Subgraph

HUGE = 1e4  # below the others by so much, a value has no share in a softmax: exp(-104) is 0 in float32
MARGIN = 16.0  # nor below them by so much: exp(-16) is 1e-7, what float32 resolves
MERGES = frozenset({"ADD", "SELECT", "SELECT_V2"})  # where a mask meets the scores
CARRIES = frozenset({"BROADCAST_TO", "EXPAND_DIMS", "MUL", "RESHAPE", "SQUEEZE", "TRANSPOSE"})
SOFTMAX = "SOFTMAX"


@dataclass(frozen=True)
class Mask:
    """A mask on its way to a softmax.

    Attributes:
        constant: The tensor that holds the huge numbers.
        adds: Whether it is added to the scores; else it is taken in their place.
        before: Tensors that carry it to where it meets the scores.
        after: The masked scores, and the tensors that carry them to the softmax.
    """

    constant: str
    adds: bool
    before: tuple[str, ...]
    after: tuple[str, ...]

    def level(self, ranges: Mapping[str, Range]) -> float:
        """What masks as well as the huge number, with scores in the ranges that were found."""
        scores = [ranges[name] for name in self.after]
        if self.adds:
            return -max(score.high - score.low for score in scores) - MARGIN
        return min(score.low for score in scores) - MARGIN


def find_masks(graph: Subgraph) -> tuple[Mask, ...]:
    """Find the masks of a float graph whose huge numbers are constants that serve nothing else."""
    readers: dict[int, list[Operator]] = {}
    for operator in graph.operators:
        for place in operator.inputs:
            if place is not None:
                readers.setdefault(place, []).append(operator)
    found = [_follow(graph, place, readers) for place in range(len(graph.tensors)) if _is_huge(graph, place)]
    return tuple(mask for mask in found if mask is not None)


def unmasked(values: np.ndarray) -> np.ndarray:
    """The values that no mask has made huge, as a flat array."""
    return np.asarray(values[values > -HUGE])


def within_reach(masks: tuple[Mask, ...], ranges: Mapping[str, Range]) -> dict[str, Range]:
    """The ranges of a file whose masks are at their new level.

    Args:
        masks: The masks.
        ranges: Found without what the masks made huge.
    """
    found = dict(ranges)
    for mask in masks:
        level = mask.level(ranges)
        found.update((name, Range(level, 0.0)) for name in mask.before)
        found.update((name, Range(ranges[name].low - MARGIN, ranges[name].high)) for name in mask.after)
    return found


def lower(values: np.ndarray, level: float) -> None:
    """Put a level in place of a constant's huge numbers.

    Args:
        values: The constant's values, which are changed.
        level: The new number.
    """
    values[values <= -HUGE] = level


def _is_huge(graph: Subgraph, place: int) -> bool:
    tensor = graph.tensors[place]
    if tensor.data is None or tensor.dtype != "float32" or len(tensor.data) % 4:
        return False
    values = np.frombuffer(tensor.data, np.float32)
    return bool(values.size) and bool(values.min() <= -HUGE) and bool(values.max() <= 0)


def _follow(graph: Subgraph, constant: int, readers: Mapping[int, list[Operator]]) -> Mask | None:
    before: list[str] = []
    after: list[str] = []
    adds, ends = False, 0
    waiting = [(constant, False)]
    while waiting:
        place, masked = waiting.pop(0)
        for operator in readers.get(place, []):
            if operator.name == SOFTMAX and masked:
                ends += 1
                continue
            merges = not masked and _meets_scores(graph, operator, place)
            if not merges and operator.name not in CARRIES | MERGES:
                return None
            adds = adds or (merges and operator.name == "ADD")
            output = next(output for output in operator.outputs if output is not None)
            (after if masked or merges else before).append(graph.tensors[output].name)
            waiting.append((output, masked or merges))
    return Mask(graph.tensors[constant].name, adds, tuple(before), tuple(after)) if ends else None


def _meets_scores(graph: Subgraph, operator: Operator, mask: int) -> bool:
    """Whether the other operand is computed; where it is a constant as well, the mask is only being made."""
    operands = operator.inputs[1:] if operator.name.startswith("SELECT") else operator.inputs
    others = [place for place in operands if place is not None and place != mask]
    return operator.name in MERGES and any(graph.tensors[place].data is None for place in others)
