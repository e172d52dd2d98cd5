"""Whether a model fits a target at all, as far as its file tells."""

from __future__ import annotations

from typing import Literal, NamedTuple

from edgekit_targets.estimate.memory import KIB, MemoryEstimate
from edgekit_targets.graph.graph import Graph
from edgekit_targets.profile import Profile

Outcome = Literal["fits", "does not fit", "unknown"]
COMPILED = {"ethos-u": "an Arm Ethos-U", "edgetpu-custom-op": "a Coral Edge TPU"}
"""Custom operators that a vendor's compiler makes of whole parts of a model, and what runs them."""


class Fit(NamedTuple):
    """Whether a model fits a target.

    Attributes:
        outcome: `fits`, `does not fit`, or `unknown`.
        reason: Why it does not, or why it is unknown; empty where it fits.
    """

    outcome: Outcome
    reason: str


def fit_of(graph: Graph, memory: MemoryEstimate, profile: Profile) -> Fit:
    """Whether a model fits a target's processor: its format, its operators, its memory.

    Args:
        graph: The model.
        memory: What it takes.
        profile: The target.
    """
    if profile.npu is not None:
        return Fit("unknown", "what its accelerator takes is told by `edgekit check MODEL --target NAME`")
    if graph.format not in profile.formats:
        formats = " or ".join(f".{name}" for name in profile.formats)
        return Fit("does not fit", f"it reads {formats}: convert with --format {profile.formats[0]}")
    custom = sorted({op.name for part in graph.subgraphs for op in part.operators if op.custom})
    if custom:
        made_for = COMPILED.get(custom[0])
        why = (
            f"was compiled for {made_for}" if made_for else "is a custom operator, which its interpreter does not know"
        )
        return Fit("does not fit", f"{custom[0]} {why}")
    return _by_memory(memory)


def _by_memory(memory: MemoryEstimate) -> Fit:
    if memory.outcome == "fits":
        return Fit("fits", "")
    if memory.limit_kib is None:
        return Fit("unknown", "the target tells no limit of memory")
    if memory.peak_rss.interval is None:
        return Fit("unknown", memory.peak_rss.reason)
    limit, least = memory.limit_kib * KIB, memory.peak_rss.interval.low
    if memory.outcome == "over":
        return Fit("does not fit", f"takes at least {least / 1e6:.0f} MB, and {limit / 1e6:.0f} MB are allowed")
    return Fit("unknown", f"the {limit / 1e6:.0f} MB that are allowed lie inside the predicted range")
