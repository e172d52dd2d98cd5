"""Whether a model's file and memory fit a target, told by the very rules that check goes by."""

from __future__ import annotations

from pathlib import Path

from edgekit.pipeline.plan import Plan
from edgekit.pipeline.sources import FORMATS
from edgekit_targets.estimate.memory import estimate_memory
from edgekit_targets.estimate.subject import subject_of
from edgekit_targets.graph.read import read_graph
from edgekit_targets.profile import Profile
from edgekit_targets.rules.cpu import check_memory

NARROWER = ("int8", "int16x8")  # the schemes that make activations smaller, by an amount that is not known before


def room_warnings(file: Path, profile: Profile) -> tuple[str, ...]:
    """What speaks against a file's length and the memory that it takes; nothing is run.

    Args:
        file: A finished file.
        profile: The target.

    Raises:
        ModelError: It is damaged.
    """
    subject = subject_of(read_graph(file), file.stat().st_size)
    found = check_memory(estimate_memory(subject, profile), profile, subject)
    return tuple(one.reason for one in found if one.severity == "error")


def early_warnings(plan: Plan) -> tuple[str, ...]:
    """The same of a source that is finished already, before any work is done.

    Args:
        plan: Names it, and what becomes of it.

    Raises:
        ModelError: It is damaged.
    """
    if plan.source.format not in FORMATS or plan.recipe.quantize.scheme in NARROWER:
        return ()
    return room_warnings(plan.model, plan.target.profile)
