"""Hold a finished model against a target: every demand that it does not meet, the most costly first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from edgekit_targets.estimate.memory import estimate_memory
from edgekit_targets.estimate.subject import subject_of
from edgekit_targets.findings import Check, Finding, Place, Placement, Severity, predicted, ranked
from edgekit_targets.graph.graph import Graph, Subgraph
from edgekit_targets.hardware import KIB
from edgekit_targets.placement import Split, Splitter
from edgekit_targets.profile import COMPILES, Npu, Profile
from edgekit_targets.rules.catalog import family_of
from edgekit_targets.rules.cpu import check_cpu
from edgekit_targets.rules.precompiled import FIX as GIVE_SOURCE
from edgekit_targets.rules.precompiled import compiled_for
from edgekit_targets.rules.ruling import Refused, Verdict, judge_by_rules

FROM_SHAPES = "counted from the shapes in the file"
NOT_COMPILED = "no-compilation"
NOTHING_LEFT = "nothing-left"
STREAMED = "streamed-weights"
BEYOND_CHIP = "beyond-chip"
FROM_COMPILER = "Vela's own summary"
SMALLER = "Take a smaller model: fewer channels (convert its source with --prune 0.5), or a narrower variant."
LITERT = "what LiteRT's and onnxruntime's kernels take"


def check_graph(graph: Graph, file: Path, model: str, profile: Profile, verdict: Verdict | None = None) -> Check:
    """Hold a model against a target; nothing is run.

    Args:
        graph: The model.
        file: Its file, for a vendor's compiler that judges it.
        model: What the user called it.
        profile: The target.
        verdict: What its accelerator refuses, where that was asked already.

    Raises:
        MissingExtraError: The vendor's compiler judges the operators, and is not installed.
    """
    if profile.npu is None:
        subject = subject_of(graph, file.stat().st_size)
        found = check_cpu(subject, estimate_memory(subject, profile), profile)
        return _checked(graph, model, profile, Splitter(graph.main), LITERT, None, found)
    verdict = verdict or judge(graph, file, profile.npu)
    family = family_of(profile.npu.family)
    splitter = Splitter(graph.main, one_partition=family is not None and family.one_partition)
    refused = frozenset(one.place.operator for one in verdict.refused)
    if verdict.failure:
        refused = frozenset(range(len(graph.main.operators)))
    method = f"{verdict.rules}; {FROM_SHAPES}"
    placement = _placement(graph.main, splitter, splitter.split(refused), refused, method)
    found = tuple(_findings(verdict.refused, splitter, method))
    whole = _whole_model(verdict, placement, found, sum(splitter.macs), method)
    memories = (*_streamed(graph.main, profile, placement), *_beyond_chip(file, profile.npu, placement))
    findings = (*whole, *memories, *found)
    return _checked(graph, model, profile, splitter, verdict.rules, placement, findings)


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
        return Verdict(source, (), f"the file was compiled already, for {compiled_for(graph)}", GIVE_SOURCE)
    if graph.format not in taken:
        allowed = " and ".join(f".{name}" for name in taken)
        fix = f"Convert the source for it: edgekit convert MODEL --target TARGET --format {taken[0]}"
        failure = f"its compiler takes {allowed} files, and this is an .{graph.format} file"
        return Verdict(source, (), failure, fix)
    if family is not None:
        return judge_by_rules(family, graph.main, npu)
    from edgekit_targets.rules.ethos_u import judge as ask_vela

    assert npu.compiler is not None, "a profile of an Ethos-U says what Vela is told"
    return ask_vela(file, graph.main, npu.compiler)


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
    )


def _placement(graph: Subgraph, splitter: Splitter, split: Split, refused: frozenset[int], method: str) -> Placement:
    first = min(refused, default=None)
    return Placement(
        operators=predicted(len(graph.operators) - len(split.on_cpu), "operator", method),
        macs=predicted(sum(splitter.macs) - split.macs_on_cpu, "MAC", method),
        partitions=predicted(split.partitions, "partition", method),
        link=predicted(split.link_bytes, "byte", method),
        first_refused=None if first is None else Place.of(graph, first),
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
        yield Finding("error", NOT_COMPILED, verdict.failure, verdict.fix, (), **everything)
    elif not placement.partitions.value and all(finding.partitions.value for finding in found):
        fix = max(found, key=lambda finding: len(finding.places)).fix if found else "Give it a model with operators."
        reason = "no operator of the model runs on the accelerator"
        yield Finding("error", NOTHING_LEFT, reason, fix, (), **everything)


def _streamed(graph: Subgraph, profile: Profile, placement: Placement) -> Iterator[Finding]:
    """Weights that do not fit on the chip of an accelerator behind a link cross it in each inference."""
    npu, link = profile.npu, profile.link
    if npu is None or link is None or npu.sram_kib is None or not placement.operators.value:
        return
    constants = {tensor.storage: tensor.data.nbytes for tensor in graph.tensors if tensor.data is not None}
    beyond = sum(constants.values()) - npu.sram_kib.value * KIB
    if beyond > 0:
        kept = f"the chip keeps {npu.sram_kib.value} KiB of weights, and the model has {beyond // KIB} KiB more"
        reason = f"{kept}, which cross the {link.name.value} in each inference"
        none = predicted(0, "MAC", FROM_SHAPES)
        bytes_beyond = predicted(beyond, "byte", FROM_SHAPES)
        yield Finding("warning", STREAMED, reason, SMALLER, (), none, placement.partitions, bytes_beyond)


def _beyond_chip(file: Path, npu: Npu, placement: Placement) -> Iterator[Finding]:
    """What a compiled model takes more of than there is on the chip."""
    if npu.family != "ethos-u" or not placement.operators.value:
        return
    from edgekit_targets.vela.room import beyond_chip

    for reason in beyond_chip(file, npu):
        none = predicted(0, "MAC", FROM_COMPILER)
        link = predicted(0, "byte", FROM_COMPILER)
        yield Finding("error", BEYOND_CHIP, reason, SMALLER, (), none, placement.partitions, link)


def _for_target(finding: Finding, target: str) -> Finding:
    return replace(finding, fix=finding.fix.replace("TARGET", target))
