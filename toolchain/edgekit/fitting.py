"""Whether a model fits a target, for its estimate: by operator rules, and by its accelerator's compiler."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from edgekit_runtime.child import ChildError
from edgekit_runtime.errors import EdgekitError, MissingExtraError
from edgekit_runtime.figure import Figure, unavailable
from edgekit_targets.check import check_graph, judge
from edgekit_targets.estimate.accelerated import accelerated
from edgekit_targets.estimate.estimate import Compilation, Estimate
from edgekit_targets.estimate.fit import Outcome, fit_of_findings
from edgekit_targets.estimate.npu.on_accelerator import with_accelerator
from edgekit_targets.estimate.price import price_of
from edgekit_targets.estimate.subject import Subject
from edgekit_targets.findings import Check
from edgekit_targets.fixes import Fix
from edgekit_targets.graph.graph import Graph
from edgekit_targets.npu import NpuCompiler
from edgekit_targets.profile import Profile
from edgekit_targets.rules.chip import BEYOND_RAM
from edgekit_targets.rules.cpu import MEMORY_UNKNOWN
from edgekit_targets.rules.ruling import Verdict
from edgekit_targets.vela.vela import core_of

KIB = 1024
NS_PER_US = 1000
ASK_MAKER = Fix("Ask its maker's compiler.", "vendor")
NOT_KNOWN = (BEYOND_RAM, MEMORY_UNKNOWN)
"""Findings by which it is unknown whether a model fits."""
SAME_RULES = {"EthosU65": "EthosU55"}
"""Kinds of Ethos-U of which Vela demands, operator by operator, what it demands of another; a test asks it."""
Verdicts = dict[str, Verdict]
"""What Vela said of a model, by the kind of Ethos-U: those of one kind differ in speed, not in what they take."""


def judged(
    estimate: Estimate, subject: Subject, file: Path, profile: Profile, verdicts: Verdicts, *, ask_compiler: bool
) -> Estimate:
    """An estimate with what the rules of the target's accelerator say of the model; without one it says all by itself.

    Args:
        estimate: The estimate, with what the memory says.
        subject: The model.
        file: Its file.
        profile: The target.
        verdicts: What Vela said of the model already; it is asked for the others, and they are added.
        ask_compiler: Whether it also compiles the model, which takes seconds, and says what it costs.
    """
    if profile.npu is None:
        return estimate
    try:
        verdict = _verdict(subject.graph, file, profile, verdicts)
        check = check_graph(subject.graph, file, str(file), profile, verdict, subject)
    except MissingExtraError as missing:
        return replace(estimate, fit="unknown", fit_reason=str(missing).rstrip("."))
    found = replace(_with_check(estimate, check), accelerated=accelerated(check, subject, profile))
    if check.placement is not None:
        found = with_accelerator(found, subject, check.placement, profile)
    compiler = _vela(profile)
    if ask_compiler and found.fit == "fits" and compiler is not None:
        return replace(found, compilation=_compiled(file, compiler, profile))
    return found


def _vela(profile: Profile) -> NpuCompiler | None:
    return profile.npu.compiler if profile.npu is not None and profile.npu.family == "ethos-u" else None


def _verdict(graph: Graph, file: Path, profile: Profile, verdicts: Verdicts) -> Verdict | None:
    compiler = _vela(profile)
    if compiler is None or profile.npu is None:
        return None
    core = core_of(compiler.accelerator)
    kind = SAME_RULES.get(core, core)
    if kind not in verdicts:
        verdicts[kind] = judge(graph, file, profile.npu)
    return verdicts[kind]


def _with_check(estimate: Estimate, check: Check) -> Estimate:
    """What breaks a rule counts first; what an accelerator takes, and what is not known of it, is told beside it."""
    broken = fit_of_findings(check.findings)
    if broken is not None:
        price = None if broken.needs is None else price_of((broken.needs,))
        return replace(estimate, fit=broken.outcome, fit_reason=broken.reason, fix=broken.fix, price=price)
    placement = check.placement
    assert placement is not None, "a target without an accelerator is not judged here"
    open_ones = [finding for finding in check.findings if finding.rule in NOT_KNOWN]
    taken, whole = placement.operators.value or 0, check.operators.value or 0
    part = [] if taken == whole else [f"{taken:.0f} of {whole:.0f} operators run on its accelerator"]
    outcome: Outcome = "fits" if placement.complete and not open_ones else "unknown"
    reason = "; ".join((*part, *(finding.reason for finding in open_ones), *check.notes))
    if outcome == "fits":
        return replace(estimate, fit=outcome, fit_reason=reason, fix="", price=None)
    fix = Fix(open_ones[0].fix, open_ones[0].needs) if open_ones else ASK_MAKER
    return replace(estimate, fit=outcome, fit_reason=reason, fix=fix.text, price=price_of((fix.needs,)))


def _compiled(file: Path, compiler: NpuCompiler, profile: Profile) -> Compilation:
    from edgekit_targets.vela.vela import compile_with_vela, vela_version

    try:
        with tempfile.TemporaryDirectory(prefix="edgekit-estimate-") as folder:
            summary = compile_with_vela(file, compiler, Path(folder)).summary
            method = f"Vela {vela_version()}, its own estimate for the accelerator alone"
    except (EdgekitError, ChildError) as error:
        reason = str(error)
        none = (unavailable(unit, reason) for unit in ("cycle", "byte", "ns"))
        return Compilation(*none)
    cycles = Figure("predicted", "cycle", float(summary["cycles_total"]), method)
    sram = Figure("predicted", "byte", KIB * float(summary["sram_memory_used"]), method)
    return Compilation(cycles, sram, _time(cycles, profile))


def _time(cycles: Figure, profile: Profile) -> Figure:
    clock = profile.npu.clock_mhz if profile.npu is not None else None
    if clock is None or cycles.value is None:
        return unavailable("ns", "the profile does not say npu.clock_mhz")
    method = f"{cycles.method}, at {clock.value:g} MHz; no published figure checks it"
    return Figure("predicted", "ns", cycles.value / clock.value * NS_PER_US, method)
