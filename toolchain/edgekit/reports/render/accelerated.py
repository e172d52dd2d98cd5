"""What is known of a model on an accelerator, in the rows of an estimate's page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from edgekit.reports.render.units import plain, unit_for
from edgekit_runtime.figure import Figure
from edgekit_targets.estimate.accelerated import Accelerated
from edgekit_targets.estimate.estimate import Compilation
from edgekit_targets.findings import NOT_COMPLETE, Finding
from edgekit_targets.rules.chip import STREAMED

SHOWN_KINDS = 6
SHOWN_FIXES = 4


def accelerator_rows(found: Accelerated, compiled: Compilation | None, *, timed: bool) -> Iterator[tuple[str, str]]:
    """Where the work goes, and what bounds its time.

    Args:
        found: What is known.
        compiled: What the compiler says; `None` where it was not asked.
        timed: Whether its time is told beside these rows.
    """
    placement = found.placement
    there, whole = placement.operators.value or 0, found.operators.value or 0
    known = "" if placement.complete else f"{NOT_COMPLETE}; at most "
    share = 100 * (1 - (found.macs_left.value or 0.0))
    yield "there", f"{known}{there:.0f} of {whole:.0f} operators with {share:.1f} % of the MACs"
    if found.left:
        kinds = Counter(place.name for place in found.left)
        names = [name if count == 1 else f"{name} x {count}" for name, count in kinds.most_common(SHOWN_KINDS)]
        more = f", and {len(kinds) - SHOWN_KINDS} other kinds" if len(kinds) > SHOWN_KINDS else ""
        untold = "" if timed else "; how long it takes is not told"
        yield "processor", f"{len(found.left)} operators: {', '.join(names)}{more}{untold}"
    yield "crossing", f"{_text(placement.link)} between the two in an inference"
    for bound in () if timed else found.least:
        yield "at least", f"at least {_text(bound.time)} for {bound.what}; {bound.time.method}"
    if compiled is not None and compiled.time.available:
        yield "compiler", f"{_text(compiled.time)}, predicted: {compiled.time.method}"


def accelerator_fixes(found: Accelerated, *, timed: bool) -> list[str]:
    """What would bring more of the model onto the accelerator, the most costly first.

    Args:
        found: What is known.
        timed: Whether what its time could win is told beside these.
    """
    told = [finding for finding in found.findings if not (timed and finding.rule == STREAMED)]
    return [_remedy(finding, found) for finding in told[:SHOWN_FIXES]]


def accelerator_widths(found: Accelerated) -> list[str]:
    """What would fill the accelerator's blocks, which wins no time."""
    if not found.alignment or not found.unfilled.value:
        return []
    what = f"widen channels to multiples of {found.alignment}"
    share = f"layers with {100 * found.unfilled.value:.0f} % of the MACs"
    return [f"{what}: {share} end in a block that is not full; its rest is free, and wins accuracy, not time"]


def _remedy(finding: Finding, found: Accelerated) -> str:
    of = f"{len(finding.places)} of {found.operators.value or 0:.0f} operators: " if finding.places else ""
    return f"{of}{finding.reason}. Fix: {finding.fix}"


def _text(figure: Figure) -> str:
    unit = unit_for([figure])
    return f"{plain((figure.value or 0.0) / unit.size)} {unit.name}"
