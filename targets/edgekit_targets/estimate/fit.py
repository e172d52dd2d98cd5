"""Whether a model fits a target at all, as far as its file tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from edgekit_targets.estimate.memory import MemoryEstimate
from edgekit_targets.estimate.subject import Subject
from edgekit_targets.findings import Finding, ranked
from edgekit_targets.fixes import Fix, Need
from edgekit_targets.profile import Profile
from edgekit_targets.rules.cpu import MEASURE, check_cpu

TELL_MEMORY = Fix("Tell its memory in a profile of your own that extends this one, as memory.ram_kib.", "figure")
Outcome = Literal["fits", "does not fit", "unknown"]


class Fit(NamedTuple):
    """Whether a model fits a target.

    Attributes:
        outcome: `fits`, `does not fit`, or `unknown`.
        reason: Why it does not, or why it is unknown; empty where it fits.
        fix: What makes it fit, or tells whether it does; empty where nothing is needed or known.
        needs: What that takes; `None` without one.
    """

    outcome: Outcome
    reason: str
    fix: str = ""
    needs: Need | None = None


def fit_of(subject: Subject, memory: MemoryEstimate, profile: Profile) -> Fit:
    """Whether a model fits a target's processor: its format, its operators, its memory.

    Args:
        subject: The model.
        memory: What it takes.
        profile: The target.
    """
    if profile.npu is not None:
        return Fit("unknown", "what its accelerator takes is told by `edgekit check MODEL --target NAME`")
    broken = fit_of_findings(check_cpu(subject, memory, profile))
    return _by_memory(memory) if broken is None else broken._replace(fix=broken.fix.replace("TARGET", profile.name))


def fit_of_findings(findings: Sequence[Finding]) -> Fit | None:
    """What a check's findings say: the first error, and how many more there are; `None` without one."""
    errors = [finding for finding in ranked(findings) if finding.severity == "error"]
    if not errors:
        return None
    more = f" (and {len(errors) - 1} more: edgekit check)" if len(errors) > 1 else ""
    return Fit("does not fit", f"{errors[0].reason}{more}", errors[0].fix, errors[0].needs)


def _by_memory(memory: MemoryEstimate) -> Fit:
    if memory.outcome == "fits":
        return Fit("fits", "")
    unknown = [limit.reason for limit in memory.limits if limit.outcome == "unknown"]
    if unknown and not memory.peak_rss.available:
        return Fit("unknown", unknown[0])
    reason, fix = (unknown[0], MEASURE) if unknown else ("the target tells no limit of memory", TELL_MEMORY)
    return Fit("unknown", reason, fix.text, fix.needs)
