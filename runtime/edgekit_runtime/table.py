"""A record as plain text, for whoever sits at the device."""

from __future__ import annotations

from typing import Optional

from edgekit_runtime.conditions import POINTS, Fact, Throttling, throttle_words
from edgekit_runtime.figure import Figure
from edgekit_runtime.pace import sustained_words
from edgekit_runtime.points import OperatingPoint, OperatingPoints, choice_words
from edgekit_runtime.readings import OperatorTime, OperatorTimes
from edgekit_runtime.record import Environment, GoldenCheck, Record
from edgekit_runtime.summary import figures

SCALES = {
    "ns": ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")),
    "byte": ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "byte")),
    "µJ": ((1e6, "J"), (1e3, "mJ"), (1.0, "µJ")),
}
NAME_WIDTH = 20
SHOWN_OPERATORS = 10


def record_table(record: Record) -> str:
    """All of a record's figures, the surroundings, and why measuring ended, in lines."""
    model = record.model
    rows = [
        ("model", f"{model.name} ({model.format}, {model.scheme})"),
        *_environment_rows(record.environment),
        *_condition_rows(record),
        ("threads", str(record.settings.threads)),
        *((("pinned to cores", record.settings.pin),) if record.settings.pin else ()),
        ("batch", str(record.settings.batch)),
        ("golden outputs", _golden(record.golden)),
        *((named.name, _shown(named.figure)) for named in figures(record)),
        *((("without a rest", sustained_words(record.sustained)),) if record.sustained is not None else ()),
        *((("operating point", record.invalid(POINTS) or choice_words(record.points)),) if record.points else ()),
        ("processes", _ending(record)),
    ]
    text = "".join(f"{name:<{NAME_WIDTH}}{text}\n" for name, text in rows)
    return text + _points(record.points) + _operators(record.operators)


def golden_line(golden: GoldenCheck) -> str:
    """The result of a golden check in one line."""
    return f"golden outputs: {_golden(golden)}\n"


def _environment_rows(environment: Environment) -> tuple[tuple[str, str], ...]:
    return (
        ("interpreter", f"{environment.interpreter}, {environment.kernels} kernels"),
        ("board", _told(environment.board)),
        ("processor", f"{_told(environment.cpu)}; {environment.cores} cores, {environment.machine}"),
        ("system", f"{environment.system}, Python {environment.python}"),
        ("memory", _shown(environment.memory_bytes)),
    )


def _condition_rows(record: Record) -> tuple[tuple[str, str], ...]:
    before, after = record.before, record.after
    clocks = [run.clock_mhz for run in record.runs if run.clock_mhz is not None]
    busy = f"; {min(clocks):.0f} to {max(clocks):.0f} MHz right after the inferences" if clocks else ""
    return (
        ("governor", _change(_told(before.governor), _told(after.governor))),
        ("clock", _change(_shown(before.clock_mhz), _shown(after.clock_mhz)) + busy),
        ("temperature", _change(_shown(before.temperature_c), _shown(after.temperature_c))),
        ("throttled", record.invalid() or _change(_throttling(before.throttling), _throttling(after.throttling))),
    )


def _change(before: str, after: str) -> str:
    return before if before == after else f"{before}; after the runs {after}"


def _throttling(throttling: Throttling) -> str:
    return f"unavailable: {throttling.reason}" if throttling.bits is None else throttle_words(throttling.bits)


def _golden(golden: GoldenCheck) -> str:
    if golden.reason:
        return f"not checked: {golden.reason}"
    return f"{golden.samples} samples, largest difference {golden.worst:g} {golden.unit}, allowed {golden.limit:g}"


def _told(fact: Fact) -> str:
    return fact.value if fact.value is not None else f"unavailable: {fact.reason}"


def _shown(figure: Figure) -> str:
    if figure.value is None:
        return f"unavailable: {figure.reason}"
    return f"{_value(figure)}, {figure.mode}: {figure.method}"


def _value(figure: Figure) -> str:
    assert figure.value is not None
    scales = SCALES.get(figure.unit, ((1.0, figure.unit),))
    factor, unit = next((scale for scale in scales if figure.value >= scale[0]), scales[-1])
    text = f"{_digits(figure.value / factor)} {unit}"
    if figure.interval is not None:
        low, high = figure.interval.low / factor, figure.interval.high / factor
        text += f" ({_digits(low)} to {_digits(high)}, {figure.interval.confidence:.0%})"
    return text


def _digits(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _points(found: Optional[OperatingPoints]) -> str:
    """Every operating point, with what it takes."""
    if found is None or found.reason:
        return ""
    lines = [f"{point.name:<18}" + "; ".join(_value(figure) for figure in _figures(point)) for point in found.points]
    return "\n".join(["\noperating points: interpreters x threads; p90; throughput; cost", *lines]) + "\n"


def _figures(point: OperatingPoint) -> tuple[Figure, ...]:
    return point.latency, point.rate, point.cost


def _operators(times: Optional[OperatorTimes]) -> str:
    """The operators that take longest."""
    if times is None or times.reason:
        return ""
    longest = sorted(times.rows, key=lambda row: -row.time_ns)[:SHOWN_OPERATORS]
    lines = [f"{row.time_ns / 1e3:9.1f} µs {row.time_ns / times.whole_ns:6.1%}  {_operator(row)}" for row in longest]
    return "\n".join([f"\n{len(longest)} of {len(times.rows)} operators, the longest first", *lines]) + "\n"


def _operator(row: OperatorTime) -> str:
    return " ".join(part for part in (f"#{row.place}", row.kind, row.name) if part)


def _ending(record: Record) -> str:
    if record.counts is not None:
        return "counted, not timed"
    precision = f"{record.settings.precision:.1%}"
    if record.precise:
        return f"{len(record.runs)}; the interval of the median is under {precision} of it"
    return f"{len(record.runs)}, the limit; the interval of the median is still {precision} of it or more"
