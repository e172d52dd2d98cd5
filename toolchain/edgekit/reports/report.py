"""A report: what one device measured, held against what the target may cost."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

from edgekit.reports.energy import UNIT, predict_energy
from edgekit.reports.metrics import METRICS
from edgekit_converters.evaluation import Evaluation
from edgekit_runtime.codec import FormatError, dumps_document, strip_header
from edgekit_runtime.conditions import STAGES, throttled_in
from edgekit_runtime.counts import UNTIMED
from edgekit_runtime.errors import OutputError, ReportError
from edgekit_runtime.figure import Figure, unavailable
from edgekit_runtime.record import Environment, Record
from edgekit_runtime.summary import NamedFigure, figures
from edgekit_targets.estimate.counted import latency_from_counts
from edgekit_targets.profile import Budgets, Profile
from edgekit_targets.validate import validate


@dataclass(frozen=True)
class Verdict:
    """A figure held against the target's budget.

    Attributes:
        metric: Which figure.
        outcome: `fits`, `over`, or `unknown`.
        limit: The budget, in the figure's unit.
        unit: That unit.
        reason: Why it is unknown; empty otherwise.
    """

    metric: str
    outcome: Literal["fits", "over", "unknown"]
    limit: float
    unit: str
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """What one device measured of one model, with everything that was derived from it.

    Attributes:
        target: Name of the target's profile.
        record: The measurement.
        figures: What it comes to.
        evaluation: How the exported model does beside its source; `None` where nothing is known.
        verdicts: The figures against the target's budgets, where it has any.
        notes: What a reader must know to use the figures rightly.
    """

    SCHEMA: ClassVar[str] = "edgekit/report"
    VERSION: ClassVar[int] = 1

    target: str
    record: Record
    figures: tuple[NamedFigure, ...]
    evaluation: Evaluation | None
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]

    def figure(self, metric: str) -> Figure:
        """The figure of a metric; unavailable where the report has none."""
        for named in self.figures:
            if named.name == metric:
                return named.figure
        return unavailable("", f"the report has no figure {metric}")


def make_report(record: Record, profile: Profile, evaluation: Evaluation | None = None) -> Report:
    """Hold a measurement against the profile of its target.

    Args:
        record: What the device measured.
        profile: The target.
        evaluation: The bundle's evaluation, if it has one.
    """
    predict = _with_energy if record.counts is None else _with_latency
    found = predict(figures(record), record, profile)
    return Report(
        target=profile.name,
        record=record,
        figures=found,
        evaluation=evaluation,
        verdicts=judge_budgets({named.name: named.figure for named in found}, profile.budgets),
        notes=(*_invalid(record), *_board_notes(record.environment, profile)),
    )


def judge_budgets(found: Mapping[str, Figure], budgets: Budgets) -> tuple[Verdict, ...]:
    """Hold figures against budgets; one verdict for each budget that is set.

    A figure with an interval fits only where the whole interval does.
    """
    limits = ((metric, metric.budget(budgets)) for metric in METRICS)
    return tuple(
        _verdict(metric.name, found[metric.name], limit * metric.budget_unit)
        for metric, limit in limits
        if limit is not None
    )


def read_report(path: Path) -> Report:
    """Read a report that `write_report` wrote.

    Raises:
        ReportError: It cannot be read, or is no report of this version; one line for each fault.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReportError(f"{path}: the report cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{path}: it is no JSON in UTF-8: {error}.") from error
    try:
        return validate(Report, strip_header(Report, tree))
    except FormatError as error:
        faults = "\n".join(f"{path}: {fault}" for fault in error.faults)
        raise ReportError(f"{faults}.", hint=_advice(tree)) from error


def write_report(report: Report, path: Path) -> None:
    """Write a report as JSON; the file is either whole or not there.

    Raises:
        OutputError: It cannot be written there.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(dumps_document(report), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: the report cannot be written: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)


def _verdict(metric: str, figure: Figure, limit: float) -> Verdict:
    if figure.value is None:
        return Verdict(metric, "unknown", limit, figure.unit, figure.reason)
    low, high = (figure.interval.low, figure.interval.high) if figure.interval else (figure.value, figure.value)
    if high <= limit:
        return Verdict(metric, "fits", limit, figure.unit)
    if low > limit:
        return Verdict(metric, "over", limit, figure.unit)
    return Verdict(metric, "unknown", limit, figure.unit, "the budget lies inside the figure's interval")


def _with_energy(found: tuple[NamedFigure, ...], record: Record, profile: Profile) -> tuple[NamedFigure, ...]:
    """The figures, with the energy predicted where it was not measured and a prediction can be made."""
    by_name = {named.name: named.figure for named in found}
    if by_name["energy"].available:
        return found
    if _board_notes(record.environment, profile):
        energy = unavailable(UNIT, "measured on another board than the power model describes")
    else:
        energy = predict_energy(by_name["cpu_time"], profile)
    if not energy.available:
        energy = unavailable(UNIT, f"{by_name['energy'].reason}; not predicted either: {energy.reason}")
    return tuple(replace(named, figure=energy) if named.name == "energy" else named for named in found)


def _with_latency(found: tuple[NamedFigure, ...], record: Record, profile: Profile) -> tuple[NamedFigure, ...]:
    """The figures, with the latency predicted from the counts of an emulated board."""
    assert record.counts is not None
    latency = latency_from_counts(record.counts, profile, record.settings.threads)
    if not latency.available:
        latency = unavailable("ns", f"{UNTIMED}; not predicted either: {latency.reason}")
    return tuple(replace(named, figure=latency) if named.name == "latency_p50" else named for named in found)


def _invalid(record: Record) -> tuple[str, ...]:
    told = {stage: throttled_in(stage, record.moments) for stage in STAGES}
    stages = [stage for stage in STAGES if told[stage]]
    if not stages:
        return ()
    words = " and ".join(dict.fromkeys(told[stage] for stage in stages))
    left_out = "what was measured then is left out, its raw samples are in the report"
    return (f"invalid: throttled while measuring {', '.join(stages)} ({words}); {left_out}",)


def _board_notes(environment: Environment, profile: Profile) -> tuple[str, ...]:
    board, expected = environment.board.value, " or ".join(profile.boards)
    if not expected or _begins(board or "", profile.boards):
        return ()
    found = board or f"an unknown board ({environment.cpu.value or environment.machine})"
    return (f"measured on {found}, not on the {expected} that target {profile.name} describes",)


def _begins(name: str, beginnings: Sequence[str]) -> bool:
    return any(name.startswith(beginning) for beginning in beginnings)


def _advice(tree: object) -> str:
    version = tree.get("version") if isinstance(tree, dict) else None
    newer = isinstance(version, int) and version > Report.VERSION
    return "It was written by a newer edgekit: update this one to read it." if newer else ""
