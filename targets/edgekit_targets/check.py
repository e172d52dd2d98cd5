"""Hold a finished model against a target: every demand that it does not meet, the most costly first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from edgekit_targets.estimate.memory import estimate_memory
from edgekit_targets.estimate.subject import Subject, subject_of
from edgekit_targets.findings import NOT_COMPLETE, Check, Finding, Place, Placement, Severity, predicted, ranked
from edgekit_targets.fixes import Fix
from edgekit_targets.graph.graph import Graph, Subgraph
from edgekit_targets.npu import COMPILES, Npu
from edgekit_targets.placement import Split, Splitter
from edgekit_targets.profile import Profile
from edgekit_targets.rules.catalog import family_of
from edgekit_targets.rules.chip import check_chip, chip_notes
from edgekit_targets.rules.cpu import check_cpu, check_left, check_memory
from edgekit_targets.rules.precompiled import FIX as GIVE_SOURCE
from edgekit_targets.rules.precompiled import compiled_for
from edgekit_targets.rules.ruling import Refused, Verdict, judge_by_rules

FROM_SHAPES = "counted from the shapes in the file"
NOT_COMPILED = "no-compilation"
NOTHING_LEFT = "nothing-left"
WITH_OPERATORS = Fix("Give it a model with operators.", "rewrite")
LITERT = "what LiteRT's and onnxruntime's kernels take"


def check_graph(
    graph: Graph,
    file: Path,
    model: str,
    profile: Profile,
    verdict: Verdict | None = None,
    subject: Subject | None = None,
) -> Check:
    """Hold a model against a target; nothing is run.

    Args:
        graph: The model.
        file: Its file, for a vendor's compiler that judges it.
        model: What the user called it.
        profile: The target.
        verdict: What its accelerator refuses, where that was asked already.
        subject: What the graph computes, where that was worked out already.

    Raises:
        MissingExtraError: The vendor's compiler judges the operators, and is not installed.
    """
    subject = subject or subject_of(graph, file.stat().st_size)
    memory = estimate_memory(subject, profile)
    splitter = Splitter(graph.main, one_partition=_one_partition(profile.npu))
    if profile.npu is None:
        return _checked(graph, model, profile, splitter, LITERT, None, check_cpu(subject, memory, profile))
    verdict = verdict or judge(graph, file, profile.npu)
    refused = frozenset(one.place.operator for one in verdict.refused)
    if verdict.failure:
        refused = frozenset(range(len(graph.main.operators)))
    method, split = f"{verdict.rules}; {FROM_SHAPES}", splitter.split(refused)
    placement = _placement(graph.main, splitter, split, refused, method, complete=_complete(profile.npu))
    found = tuple(_findings(verdict.refused, splitter, method))
    findings = (
        *_whole_model(verdict, placement, found, sum(splitter.macs), method),
        *check_chip(subject, file, profile, placement),
        *check_memory(memory, profile, subject),
        *(() if verdict.failure or not profile.runtimes else check_left(graph, sorted(split.on_cpu))),
        *found,
    )
    return _checked(graph, model, profile, splitter, verdict.rules, placement, findings)


def _one_partition(npu: Npu | None) -> bool:
    family = None if npu is None else family_of(npu.family)
    return family is not None and family.one_partition


def _complete(npu: Npu) -> bool:
    """Whether it is known of every operator whether it runs on an accelerator."""
    family = family_of(npu.family)
    return family is None or bool(family.operators)


def judge(graph: Graph, file: Path, npu: Npu) -> Verdict:
    """Which operators of a model an accelerator refuses.

    Args:
        graph: The model.
        file: Its file, for a vendor's compiler that judges it.
        npu: The accelerator.

    Raises:
        MissingExtraError: The vendor's compiler judges the operators, and is not installed.
    """
    family, taken = family_of(npu.family), COMPILES[npu.family]
    source = family.source if family is not None else "Vela"
    if compiled_for(graph):
        failure = f"the file was compiled already, for {compiled_for(graph)}"
        return Verdict(source, (), failure, GIVE_SOURCE.text, GIVE_SOURCE.needs)
    if graph.format not in taken:
        allowed = " and ".join(f".{name}" for name in taken)
        fix = _to_format(taken[0], npu)
        failure = f"its compiler takes {allowed} files, and this is an .{graph.format} file"
        return Verdict(source, (), failure, fix.text, fix.needs)
    if family is not None:
        return judge_by_rules(family, graph.main, npu)
    from edgekit_targets.rules.ethos_u import judge as ask_vela

    assert npu.compiler is not None, "a profile of an Ethos-U says what Vela is told"
    return ask_vela(file, graph.main, npu.compiler)


def _to_format(name: str, npu: Npu) -> Fix:
    """Convert to another format, and to integers in the same run where the accelerator computes in nothing else."""
    command = f"Convert the source for it: edgekit convert MODEL --target TARGET --format {name}"
    if any("float" in dtype for dtype in npu.dtypes.value):
        return Fix(command, "format")
    return Fix(f"{command} --quantize int8 --calibrate DATA", "samples")


def _checked(
    graph: Graph,
    model: str,
    profile: Profile,
    splitter: Splitter,
    rules: str,
    placement: Placement | None,
    findings: Iterable[Finding],
) -> Check:
    sorted_findings = ranked(_for_target(finding, profile.name) for finding in findings)
    return Check(
        model=model,
        target=profile.name,
        rules=rules,
        fits=all(finding.severity != "error" for finding in sorted_findings),
        operators=predicted(len(graph.main.operators), "operator", FROM_SHAPES),
        macs=predicted(sum(splitter.macs), "MAC", FROM_SHAPES),
        placement=placement,
        findings=sorted_findings,
        notes=tuple(_notes(profile)),
    )


def _notes(profile: Profile) -> Iterator[str]:
    if profile.npu is not None:
        yield from chip_notes(profile.npu)
        if not _complete(profile.npu):
            yield f"{NOT_COMPLETE}: no list of what it takes is public, and its compiler has the last word"


def _placement(
    graph: Subgraph, splitter: Splitter, split: Split, refused: frozenset[int], method: str, *, complete: bool
) -> Placement:
    first = min(refused, default=None)
    return Placement(
        operators=predicted(len(graph.operators) - len(split.on_cpu), "operator", method),
        macs=predicted(sum(splitter.macs) - split.macs_on_cpu, "MAC", method),
        partitions=predicted(split.partitions, "partition", method),
        link=predicted(split.link_bytes, "byte", method),
        first_refused=None if first is None else Place.of(graph, first),
        complete=complete,
        left=tuple(Place.of(graph, index) for index in sorted(split.on_cpu)),
    )


def _findings(refused: Iterable[Refused], splitter: Splitter, method: str) -> Iterator[Finding]:
    """One finding for each demand that is not met."""
    groups: dict[tuple[str, str, str], list[Refused]] = {}
    for one in refused:
        groups.setdefault((one.rule, one.reason, one.fix), []).append(one)
    whole = splitter.split(frozenset())
    for group in groups.values():
        places = tuple(sorted({one.place for one in group}, key=lambda place: place.operator))
        split = splitter.split({place.operator for place in places})
        first = min(group, key=lambda one: one.place.operator)
        yield Finding(
            severity=_severity(split, whole),
            rule=first.rule,
            reason=f"{first.reason} ({first.detail})" if first.detail else first.reason,
            fix=first.fix,
            needs=first.needs,
            places=places,
            macs=predicted(split.macs_on_cpu, "MAC", method),
            partitions=predicted(split.partitions, "partition", method),
            link=predicted(split.link_bytes, "byte", method),
        )


def _severity(split: Split, whole: Split) -> Severity:
    """An operator on the processor is an error where it computes, or where it tears the accelerator's work apart."""
    return "error" if split.macs_on_cpu or split.partitions != whole.partitions else "warning"


def _whole_model(
    verdict: Verdict, placement: Placement, found: tuple[Finding, ...], macs: int, method: str
) -> Iterator[Finding]:
    """What no operator alone is to blame for."""
    everything = {
        "macs": predicted(macs, "MAC", method),
        "partitions": predicted(0, "partition", method),
        "link": predicted(0, "byte", method),
    }
    if verdict.failure:
        assert verdict.needs is not None, "who tells a failure tells what to do"
        yield Finding("error", NOT_COMPILED, verdict.failure, verdict.fix, verdict.needs, (), **everything)
    elif not placement.partitions.value and all(finding.partitions.value for finding in found):
        most = max(found, key=lambda finding: len(finding.places), default=None)
        fix = WITH_OPERATORS if most is None else Fix(most.fix, most.needs)
        reason = "no operator of the model runs on the accelerator"
        yield Finding("error", NOTHING_LEFT, reason, fix.text, fix.needs, (), **everything)


def _for_target(finding: Finding, target: str) -> Finding:
    return replace(finding, fix=finding.fix.replace("TARGET", target))
