"""What speaks against holding two reports against each other: other surroundings, missing checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from edgekit.reports.report import Report
from edgekit_runtime.conditions import Fact, throttle_words
from edgekit_runtime.record import Record


def _told(fact: Fact) -> str:
    return fact.value if fact.value is not None else f"unknown ({fact.reason})"


_SURROUNDINGS: tuple[tuple[str, Callable[[Record], str]], ...] = (
    ("board", lambda record: _told(record.environment.board)),
    ("instruction set", lambda record: record.environment.machine),
    ("processor", lambda record: _told(record.environment.cpu)),
    ("number of cores", lambda record: str(record.environment.cores)),
    ("system", lambda record: record.environment.system),
    ("Python", lambda record: record.environment.python),
    ("interpreter", lambda record: record.environment.interpreter),
    ("kind of kernels", lambda record: record.environment.kernels),
    ("governor", lambda record: _told(record.before.governor)),
    ("number of threads", lambda record: str(record.settings.threads)),
    ("batch", lambda record: str(record.settings.batch)),
    ("set of cores", lambda record: record.settings.pin or "any"),
)


def doubts(reports: Sequence[Report], labels: Sequence[str]) -> tuple[str, ...]:
    """Tell why the figures of reports may not be comparable.

    Args:
        reports: The first is what the others are held against.
        labels: How to call each.
    """
    return tuple(_all_doubts(reports, labels))


def _all_doubts(reports: Sequence[Report], labels: Sequence[str]) -> Iterator[str]:
    base = reports[0].record
    for report, label in zip(reports[1:], labels[1:], strict=True):
        for name, here, there in _differences(report.record, base):
            yield f"The {name} differs: {labels[0]} has {there}, {label} has {here}."
        ours, theirs = report.evaluation, reports[0].evaluation
        if ours and theirs and ours.data_sha256 != theirs.data_sha256:
            yield f"{labels[0]} and {label} were evaluated on different samples."
    yield from _notes(reports, labels)
    for report, label in zip(reports, labels, strict=True):
        yield from _own_doubts(report.record, label)


def _notes(reports: Sequence[Report], labels: Sequence[str]) -> Iterator[str]:
    """The reports' own notes, each once, with those that carry it."""
    for note in dict.fromkeys(note for report in reports for note in report.notes):
        carriers = [label for report, label in zip(reports, labels, strict=True) if note in report.notes]
        yield f"{', '.join(carriers)}: {note}."


def _differences(record: Record, base: Record) -> Iterator[tuple[str, str, str]]:
    for name, read in _SURROUNDINGS:
        here, there = read(record), read(base)
        if here != there:
            yield name, here, there


def _own_doubts(record: Record, label: str) -> Iterator[str]:
    if record.golden.samples == 0:
        yield f"{label}: its outputs were not checked: {record.golden.reason}."
    before = record.before.throttling.bits
    if before and not record.invalid():  # an invalid record says so in its notes
        yield f"{label}: when it began, the firmware reported {throttle_words(before)}."
    if record.counts is None and not record.precise:
        precision = record.settings.precision
        yield f"{label}: its median was not precise to {100 * precision:g} % after {len(record.runs)} processes."
