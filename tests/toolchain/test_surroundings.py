from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from edgekit.reports.report import Report
from edgekit.reports.surroundings import doubts
from edgekit_runtime.conditions import Throttling
from edgekit_runtime.record import Fact, GoldenCheck


def at_all_times(report: Report, **changes: object) -> Report:
    moments = tuple(
        replace(moment, conditions=replace(moment.conditions, **changes))  # type: ignore[arg-type]  # any field of it
        for moment in report.record.moments
    )
    return replace(report, record=replace(report.record, moments=moments))


def in_environment(report: Report, **changes: object) -> Report:
    environment = replace(report.record.environment, **changes)  # type: ignore[arg-type]  # any field of it
    return replace(report, record=replace(report.record, environment=environment))


def test_reports_from_the_same_surroundings_raise_no_doubts(made: SimpleNamespace) -> None:
    assert doubts([made.report(seed=1), made.report(seed=2)], ["a", "b"]) == ()


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"board": Fact("Jetson")}, "The board differs: a has Raspberry Pi 4 Model B Rev 1.4, b has Jetson."),
        ({"board": Fact(reason="no file")}, "b has unknown (no file)."),
        ({"machine": "x86_64"}, "The instruction set differs: a has aarch64, b has x86_64."),
        ({"cpu": Fact("Other")}, "The processor differs: a has ARM Cortex-A72, b has Other."),
        ({"cores": 2}, "The number of cores differs: a has 4, b has 2."),
        ({"system": "Linux 5"}, "The system differs: a has Linux 6.12.34, b has Linux 5."),
        ({"python": "3.9.2"}, "The Python differs: a has 3.11.2, b has 3.9.2."),
        ({"interpreter": "x 1"}, "The interpreter differs: a has ai-edge-litert 2.3.0, b has x 1."),
        ({"kernels": "builtin"}, "The kind of kernels differs: a has xnnpack, b has builtin."),
    ],
)
def test_each_difference_of_surroundings_is_told(made: SimpleNamespace, changes: dict[str, object], doubt: str) -> None:
    (told,) = doubts([made.report(), in_environment(made.report(), **changes)], ["a", "b"])

    assert told.endswith(doubt)


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"governor": Fact("ondemand")}, "The governor differs: a has performance, b has ondemand."),
        (
            {"throttling": Throttling(0x10000)},
            "b: when it began, the firmware reported under-voltage since boot.",
        ),
    ],
)
def test_each_difference_of_conditions_is_told(made: SimpleNamespace, changes: dict[str, object], doubt: str) -> None:
    assert doubts([made.report(), at_all_times(made.report(), **changes)], ["a", "b"]) == (doubt,)


@pytest.mark.parametrize(("setting", "name"), [("threads", "number of threads"), ("batch", "batch")])
def test_another_setting_is_told(made: SimpleNamespace, setting: str, name: str) -> None:
    report = made.report()
    settings = replace(report.record.settings, **{setting: 4})
    four = replace(report, record=replace(report.record, settings=settings))

    assert doubts([report, four], ["a", "b"]) == (f"The {name} differs: a has 1, b has 4.",)


def test_other_evaluation_samples_are_told(made: SimpleNamespace) -> None:
    other = replace(made.report(), evaluation=made.evaluation(data="00" * 32))

    assert doubts([made.report(), other], ["a", "b"]) == ("a and b were evaluated on different samples.",)


def test_unchecked_outputs_are_told_of_the_first_report_too(made: SimpleNamespace) -> None:
    report = made.report()
    golden = GoldenCheck(0, 0.0, "step", 0.0, "a bare model has no golden samples")
    unchecked = replace(report, record=replace(report.record, golden=golden))

    assert doubts([unchecked, report], ["a", "b"]) == (
        "a: its outputs were not checked: a bare model has no golden samples.",
    )


def test_a_run_that_was_not_precise_is_told(made: SimpleNamespace) -> None:
    report = made.report()
    vague = replace(report, record=replace(report.record, precise=False))

    assert doubts([report, vague], ["a", "b"]) == ("b: its median was not precise to 3 % after 5 processes.",)


def test_an_unknown_throttle_state_raises_no_doubt(made: SimpleNamespace) -> None:
    unknown = at_all_times(made.report(), throttling=Throttling(reason="no vcgencmd"))

    assert doubts([unknown, unknown], ["a", "b"]) == ()


def test_notes_of_the_reports_are_told_once_with_those_that_carry_them(made: SimpleNamespace) -> None:
    report = made.report()
    noted = replace(report, notes=("measured elsewhere",))

    assert doubts([noted, report, noted], ["a", "b", "c"]) == ("a, c: measured elsewhere.",)
