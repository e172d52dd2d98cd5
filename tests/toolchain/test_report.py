from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.reports.report import Report, judge_budgets, make_report, read_report, write_report
from edgekit_runtime.errors import OutputError, ReportError
from edgekit_runtime.figure import Interval, measured, unavailable
from edgekit_runtime.readings import EnergyReading, EnergyRun
from edgekit_runtime.record import Fact
from edgekit_targets.profile import Budgets


def with_board(report: Report, board: Fact) -> Any:
    return replace(report.record, environment=replace(report.record.environment, board=board))


def test_a_report_holds_the_record_and_its_figures(made: SimpleNamespace) -> None:
    record = made.record()

    report = make_report(record, made.pi_4(), made.evaluation())

    assert report.target == "raspberry-pi-4b"
    assert report.record == record
    assert report.figure("model_size").value == record.model.size_bytes
    assert report.figure("latency_p50").mode == "measured"


def test_a_figure_the_report_lacks_is_unavailable_with_the_reason(made: SimpleNamespace) -> None:
    assert made.report().figure("watts").reason == "the report has no figure watts"


@pytest.mark.parametrize(
    ("figure", "outcome"),
    [
        (measured(9e6, "ns", "m", Interval(8e6, 10e6)), "fits"),
        (measured(10e6, "ns", "m"), "fits"),
        (measured(10.1e6, "ns", "m"), "over"),
        (measured(12e6, "ns", "m", Interval(11e6, 13e6)), "over"),
        (measured(10e6, "ns", "m", Interval(9e6, 11e6)), "unknown"),
        (unavailable("ns", "no clock"), "unknown"),
    ],
)
def test_a_figure_fits_its_budget_only_with_its_whole_interval(figure: Any, outcome: str) -> None:
    (verdict,) = judge_budgets({"latency_p50": figure}, Budgets(latency_p50_ms=10))

    assert verdict.outcome == outcome
    assert verdict.limit == 10e6
    assert bool(verdict.reason) == (outcome == "unknown")


def test_memory_budgets_are_in_kib(made: SimpleNamespace) -> None:
    figures = {"peak_rss": measured(1025, "byte", "m"), "model_size": measured(1024, "byte", "m")}

    verdicts = judge_budgets(figures, Budgets(peak_rss_kib=1, model_size_kib=1))

    assert {verdict.metric: verdict.outcome for verdict in verdicts} == {"peak_rss": "over", "model_size": "fits"}


def test_each_budget_of_a_profile_is_judged(made: SimpleNamespace) -> None:
    profile = replace(made.pi_4(), budgets=Budgets(1000, 1000, 1000, 1000, 1000, 1e6, 1e6, 1e6))

    report = make_report(made.record(), profile)

    without = {"cpu_time", "arena_size", "energy"}
    assert {verdict.metric for verdict in report.verdicts} == {named.name for named in report.figures} - without
    assert {verdict.outcome for verdict in report.verdicts} == {"fits"}


def test_without_budgets_there_are_no_verdicts() -> None:
    assert judge_budgets({}, Budgets()) == ()


def test_a_report_from_the_board_of_its_target_needs_no_note(made: SimpleNamespace) -> None:
    assert made.report().notes == ()


@pytest.mark.parametrize(
    ("board", "found"),
    [
        (Fact("Jetson Nano"), "Jetson Nano"),
        (Fact(reason="no device tree"), "an unknown board (ARM Cortex-A72)"),
    ],
)
def test_a_report_from_another_board_says_so(made: SimpleNamespace, board: Fact, found: str) -> None:
    (note,) = make_report(with_board(made.report(), board), made.pi_4()).notes

    assert note == (f"measured on {found}, not on the Raspberry Pi 4 Model B that target raspberry-pi-4b describes")


def test_a_throttled_report_is_invalid_and_keeps_its_samples(made: SimpleNamespace) -> None:
    record = made.throttled_in(made.record(), "latency")
    profile = replace(made.pi_4(), budgets=Budgets(latency_p50_ms=1000))

    report = make_report(record, profile)

    assert report.figure("latency_p50").reason == "invalid: throttled while measuring latency (throttled)"
    (note,) = report.notes
    assert note == (
        "invalid: throttled while measuring latency (throttled); "
        "what was measured then is left out, its raw samples are in the report"
    )
    assert report.verdicts[0].outcome == "unknown"
    assert report.record.runs == record.runs


def test_energy_is_predicted_on_the_board_of_the_target(made: SimpleNamespace) -> None:
    energy = made.report().figure("energy")

    assert energy.mode == "predicted"
    assert energy.interval is not None


def test_energy_is_not_predicted_from_another_boards_times(made: SimpleNamespace) -> None:
    energy = make_report(with_board(made.report(), Fact("Jetson Nano")), made.pi_4()).figure("energy")

    assert energy.reason == (
        "no power sensor; not predicted either: measured on another board than the power model describes"
    )


def test_a_measured_energy_stays(made: SimpleNamespace) -> None:
    runs = tuple(EnergyRun(1000.0, 1500.0 + i, 100, 10**9) for i in range(3))
    record = replace(made.record(), energy=EnergyReading("RAPL", runs, 0.01))

    assert make_report(record, made.pi_4()).figure("energy").mode == "measured"


def test_a_target_without_boards_takes_any_machine(made: SimpleNamespace) -> None:
    profile = replace(made.pi_4(), boards=())

    assert make_report(with_board(made.report(), Fact("Any PC")), profile).notes == ()


@settings(max_examples=25)
@given(latency=st.floats(0.01, 1000), seed=st.integers(0, 99), evaluated=st.booleans(), memory=st.booleans())
def test_a_report_is_read_as_it_was_written(
    made: SimpleNamespace,
    tmp_path_factory: pytest.TempPathFactory,
    latency: float,
    seed: int,
    evaluated: bool,
    memory: bool,
) -> None:
    record = made.record(latency, seed=seed)
    record = record if memory else made.without_memory(record)
    report = make_report(record, made.pi_4(), made.evaluation() if evaluated else None)
    path = tmp_path_factory.mktemp("reports") / "r.json"

    write_report(report, path)

    assert read_report(path) == report


def test_a_report_begins_with_schema_and_version(made: SimpleNamespace, tmp_path: Path) -> None:
    write_report(made.report(), tmp_path / "r.json")

    assert list(json.loads((tmp_path / "r.json").read_text()))[:2] == ["schema", "version"]


FAULTS: dict[str, Callable[[Any], object]] = {
    "target: is 3; allowed: text": lambda t: t.update(target=3),
    "record.environment.cores: missing; allowed: a whole number": lambda t: t["record"]["environment"].pop("cores"),
    "record.runs[1].load_ns: is 1.5; allowed: a whole number": lambda t: t["record"]["runs"][1].update(load_ns=1.5),
    "figures[0].figure: mode is 'guessed'; allowed: measured": lambda t: t["figures"][0]["figure"].update(
        mode="guessed"
    ),
    'verdicts[0].outcome: is "good"; allowed: fits, over, unknown': lambda t: t["verdicts"][0].update(outcome="good"),
    "evaluation.samples: is true; allowed: a whole number": lambda t: t["evaluation"].update(samples=True),
    "extra: unknown; allowed: the keys target": lambda t: t.update(extra=1),
}


@settings(max_examples=25)
@given(st.sets(st.sampled_from(sorted(FAULTS)), min_size=1))
def test_all_faults_of_a_report_are_told_at_once(
    made: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory, faults: set[str]
) -> None:
    path = tmp_path_factory.mktemp("reports") / "r.json"
    write_report(made.report(), path)
    tree = json.loads(path.read_text())
    for fault in faults:
        FAULTS[fault](tree)
    path.write_text(json.dumps(tree))

    with pytest.raises(ReportError) as caught:
        read_report(path)

    lines = caught.value.message.split("\n")
    assert len(lines) == len(faults)
    assert all(any(line.startswith(f"{path}: {fault}") for line in lines) for fault in faults)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"schema": "edgekit/report", "version": 2}', "written by a newer edgekit"),
        ('{"schema": "edgekit/record", "version": 1}', "schema: is 'edgekit/record'; allowed: 'edgekit/report'"),
        ('{"version": 1}', "schema: is None"),
        ("[]", "it is no JSON object"),
        ("{", "it is no JSON in UTF-8"),
        ("", "it is no JSON in UTF-8"),
    ],
)
def test_what_is_no_report_of_this_version_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)

    with pytest.raises(ReportError) as caught:
        read_report(path)

    assert fault in str(caught.value)


def test_a_report_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ReportError, match="no JSON in UTF-8"):
        read_report(tmp_path / "r.json")


@pytest.mark.parametrize("name", ["gone.json", "."])
def test_a_report_that_cannot_be_opened_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReportError, match="the report cannot be read"):
        read_report(tmp_path / name)


def test_writing_replaces_an_older_report(made: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    write_report(made.report(seed=1), path)
    write_report(made.report(seed=2), path)

    assert read_report(path) == made.report(seed=2)
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_nothing_behind(made: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()

    with pytest.raises(OutputError, match="the report cannot be written"):
        write_report(made.report(), tmp_path / "taken")

    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_report_cannot_be_written_into_a_folder_that_is_not_there(made: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="the report cannot be written"):
        write_report(made.report(), tmp_path / "no" / "r.json")
