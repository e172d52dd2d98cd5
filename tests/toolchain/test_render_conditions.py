from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from edgekit.reports.render.conditions import conditions_text
from edgekit_runtime.conditions import Throttling
from edgekit_runtime.figure import measured
from edgekit_runtime.record import Fact, Record


def with_clocks(record: Record, *clocks: float) -> Record:
    runs = tuple(replace(run, clock_mhz=clock) for run, clock in zip(record.runs, clocks, strict=True))
    return replace(record, runs=runs)


def with_temperatures(record: Record, first: float, later: float) -> Record:
    moments = tuple(
        replace(
            moment,
            conditions=replace(
                moment.conditions, temperature_c=measured(later if place else first, "°C", "thermal zone")
            ),
        )
        for place, moment in enumerate(record.moments)
    )
    return replace(record, moments=moments)


def test_all_that_is_known_is_told(made: SimpleNamespace) -> None:
    record = with_temperatures(with_clocks(made.record(), 1500, 1500, 1500.2, 1499.9, 1500), 45.2, 61.4)

    assert conditions_text(record) == (
        "governor performance; 1500 MHz while inferring; 45 °C before, 61 °C after; throttled: nothing since boot"
    )


def test_clocks_that_differ_are_told_as_a_range(made: SimpleNamespace) -> None:
    assert "1200 to 1400 MHz while inferring" in conditions_text(
        with_clocks(made.record(), 1400, 1400, 1200, 1300, 1200)
    )


def test_a_throttled_record_is_invalid_here_too(made: SimpleNamespace) -> None:
    assert "invalid: throttled while measuring latency (throttled)" in conditions_text(
        made.throttled_in(made.record(), "latency")
    )


def test_what_is_not_known_is_named(made: SimpleNamespace) -> None:
    record = made.record()
    blind = replace(record.before, governor=Fact(reason="no file"), throttling=Throttling(reason="no vcgencmd"))
    moments = tuple(replace(moment, conditions=blind) for moment in record.moments)

    assert conditions_text(replace(record, moments=moments)) == (
        "unknown: governor, clock, temperature, throttling (reasons in the report's file)"
    )
