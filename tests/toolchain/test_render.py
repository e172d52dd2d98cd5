from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from edgekit.reports.compare import Comparison, compare
from edgekit.reports.gate import GateResult, judge, parse_gate
from edgekit.reports.render.terminal import print_comparison, print_report
from edgekit.reports.render.units import Unit, difference_text, figure_text, ratio_text, unit_for
from edgekit.reports.report import Report, make_report
from edgekit_converters.evaluation import Flips
from edgekit_runtime.figure import Figure, Interval, measured, unavailable
from edgekit_runtime.readings import EnergyReading, EnergyRun, Throughput, ThroughputRow
from edgekit_runtime.record import Fact, GoldenCheck
from edgekit_targets.profile import Budgets

MILLISECOND, PERCENT = Unit("ms", 1e6), Unit("%", 0.01)


def shown(comparison: Comparison, gate: GateResult | None = None, width: int = 80) -> str:
    out = io.StringIO()
    print_comparison(comparison, Console(file=out, width=width), gate)
    return out.getvalue()


def shown_report(report: Report) -> str:
    out = io.StringIO()
    print_report(report, Console(file=out, width=80))
    return out.getvalue()


def line_of(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(start))


@pytest.mark.parametrize(
    ("value", "unit", "name"),
    [
        (999, "ns", "ns"),
        (1000, "ns", "µs"),
        (12.3e6, "ns", "ms"),
        (2e9, "ns", "s"),
        (512, "byte", "byte"),
        (98_464, "byte", "kB"),
        (5e6, "byte", "MB"),
        (3e9, "byte", "GB"),
        (0, "byte", "byte"),
        (0.89, "share", "%"),
        (0.0, "share", "%"),
        (9.5, "squared error", "squared error"),
        (900, "µJ", "µJ"),
        (4500, "µJ", "mJ"),
        (2e6, "µJ", "J"),
    ],
)
def test_a_figure_is_shown_in_a_readable_unit(value: float, unit: str, name: str) -> None:
    assert unit_for([measured(value, unit, "m")]).name == name


def test_the_largest_figure_of_a_row_chooses_the_unit() -> None:
    row = [measured(0.3e6, "ns", "m"), unavailable("ns", "gone"), measured(12e6, "ns", "m")]

    assert unit_for(row) == MILLISECOND


def test_a_row_without_figures_has_no_unit() -> None:
    assert unit_for([unavailable("ns", "gone")]).name == ""


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (measured(12.345e6, "ns", "m", Interval(12.305e6, 12.385e6)), "12.35 ± 0.04"),
        (measured(12.345e6, "ns", "m", Interval(12.0e6, 12.7e6)), "12.35 ± 0.35"),
        (measured(123.4e6, "ns", "m", Interval(111.4e6, 135.4e6)), "123 ± 12"),
        (measured(1.5e6, "ns", "m", Interval(1.5e6, 1.5e6)), "1.500 ± 0.000"),
        (measured(88e6, "ns", "m", Interval(57e6, 137e6)), "88 +49 -31"),
        (measured(1e6, "ns", "m", Interval(0.9924e6, 1e6)), "1.000 +0.000 -0.008"),
        (measured(12e6, "ns", "m"), "12"),
        (measured(0.31814e6, "ns", "m"), "0.3181"),
        (measured(123456e6, "ns", "m"), "123456"),
        (measured(0, "ns", "m"), "0"),
    ],
)
def test_a_figure_has_no_more_digits_than_its_interval_bears_out(figure: Figure, text: str) -> None:
    assert figure_text(figure, MILLISECOND) == text


@given(value=st.floats(1e-3, 1e12), half=st.floats(1e-6, 0.9))
def test_a_figure_is_shown_within_its_interval(value: float, half: float) -> None:
    interval = Interval(value * (1 - half), value * (1 + half))

    number, uncertainty = figure_text(measured(value, "ns", "m", interval), Unit("ns", 1)).split(" ± ")

    assert float(number) == pytest.approx(value, rel=1e-3, abs=0.051 * half * value)
    assert float(uncertainty) == pytest.approx(value * half, rel=0.051, abs=value * 1e-3)


@pytest.mark.parametrize(
    ("value", "interval", "texts"),
    [
        (0.342, Interval(0.338, 0.346), ("0.34", "0.34 to 0.35")),
        (1.003, Interval(1.002, 1.004), ("1.003", "1.002 to 1.004")),
        (2.921, Interval(2.85, 2.99), ("2.92", "2.85 to 2.99")),
        (0.25, None, ("0.25", "")),
        (1.0, Interval(1.0, 1.0), ("1.00", "1.00 to 1.00")),
    ],
)
def test_a_ratio_shows_how_it_differs_from_1(value: float, interval: Interval | None, texts: tuple[str, str]) -> None:
    assert ratio_text(value, interval) == texts


def test_a_difference_carries_its_sign() -> None:
    assert difference_text(-0.006, Interval(-0.0158, 0.0038), PERCENT) == ("-0.60", "-1.58 to +0.38")
    assert difference_text(0.01, None, PERCENT) == ("+1.00", "")


def test_a_comparison_fits_into_80_columns_and_needs_no_colour(made: SimpleNamespace) -> None:
    labels = ["a-very-long-name-of-a-first-report", "another-very-long-name-of-a-report"]

    text = shown(compare([made.report(1234.5), made.report(9.87, seed=1)], labels))

    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert "…" in text


def test_a_comparison_shows_figures_ratios_and_that_they_are_measured(made: SimpleNamespace) -> None:
    text = shown(compare([made.report(10.0), made.report(5.0, seed=1)], ["float", "int8"]))

    line = line_of(text, "latency_p50 [ms]")
    assert " ± " in line
    assert "0.50x better, 0.49 to 0.51" in line
    assert line_of(text, "load_time [ms]").endswith("no significant difference,")
    assert "Figures are measured where nothing else is said" in text
    assert "95 % intervals" in text
    assert "kB and MB are decimal" in text


def test_accuracy_is_shown_in_percent_and_points(made: SimpleNamespace) -> None:
    worse = replace(made.report(), evaluation=made.evaluation(0.5, -0.39))

    text = shown(compare([made.report(), worse]))

    assert "88.4 ± 2.8" in line_of(text, "accuracy [%]")
    assert "-38.4 points worse" in line_of(text, "accuracy [%]")


def test_missing_figures_are_shown_with_their_reasons(made: SimpleNamespace) -> None:
    blind = make_report(made.without_memory(made.record()), made.pi_4())

    text = shown(compare([made.report(), blind]))

    assert "missing [1]" in line_of(text, "accuracy")
    assert "[1] the report holds no evaluation" in text
    assert line_of(text, "peak_rss").count("[2]") == 2
    assert "[2] the peak cannot be reset" in text


def test_each_report_after_the_first_has_its_table(made: SimpleNamespace) -> None:
    text = shown(compare([made.report(seed=seed) for seed in range(3)]))

    assert "B against A" in text
    assert "C against A" in text


def test_warnings_and_the_gate_are_shown(made: SimpleNamespace) -> None:
    first, second = made.report(5.0), made.report(10.0, seed=1)
    second = replace(second, record=replace(second.record, precise=False))
    comparison = compare([first, second], ["a", "b"])

    text = shown(comparison, judge(parse_gate("latency_p50 > 1.05x"), comparison))

    assert "warning: b: its median was not precise to 3 %" in text
    assert "gate latency_p50 > 1.05x: failed" in text
    assert "  b: failed, " in text


def test_names_are_shown_as_they_are(made: SimpleNamespace) -> None:
    text = shown(compare([made.report(), made.report()], ["[red]a", "b"]))

    assert "[red]a" in text


def test_what_is_not_measured_says_so(made: SimpleNamespace) -> None:
    report = made.report()
    named = tuple(replace(n, figure=replace(n.figure, mode="simulated")) for n in report.figures)

    text = shown(compare([report, replace(report, figures=named)]), width=120)

    line = text.splitlines().index(line_of(text, "latency_p50"))
    assert "simulated" in text.splitlines()[line + 1]
    assert "All figures are measured" not in text


def test_a_report_shows_figures_budgets_quality_and_golden_outputs(made: SimpleNamespace) -> None:
    text = shown_report(made.report())

    assert text.startswith("resnet8, int8, on Raspberry Pi 4 Model B Rev 1.4 (target raspberry-pi-4b)\n")
    assert "ai-edge-litert 2.3.0, xnnpack, 1 thread, 5 processes" in text
    assert line_of(text, "peak_rss").split() == ["peak_rss", "50.09", "MB", "536.9", "MB", "fits"]
    assert "88.4 % (" in line_of(text, "accuracy")
    assert "the source model 89.0 %" in line_of(text, "accuracy")
    assert "-0.60 points (-1.50 to +0.30)" in line_of(text, "change")
    assert "97.8 % (" in line_of(text, "agreement")
    assert "11 answers flipped: 7 lost, 4 gained" in " ".join(text.split())
    assert "4 samples within tolerance (worst 0, allowed 0 step)" in line_of(text, "golden outputs")
    assert line_of(text, "energy").split()[-2:] == ["predicted", "[2]"]
    assert "[2] processor time of an inference times" in text
    assert "Figures are measured where nothing else is said" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_report_without_budgets_has_no_column_for_them(made: SimpleNamespace) -> None:
    profile = replace(made.pi_4(), budgets=Budgets())

    assert "budget" not in shown_report(make_report(made.record(), profile))


def test_a_report_shows_what_it_lacks_and_its_notes(made: SimpleNamespace) -> None:
    record = made.without_memory(made.record())
    record = replace(
        record,
        environment=replace(record.environment, board=Fact("Jetson Nano")),
        golden=GoldenCheck(0, 0.0, "step", 0.0, "a bare model has none"),
    )

    text = shown_report(make_report(record, made.pi_4()))

    assert "unknown [1]" in line_of(text, "peak_rss")
    assert "[1] the peak cannot be reset" in text
    assert "unknown: no evaluation data was given" in line_of(text, "accuracy")
    assert "not checked: a bare model has none" in line_of(text, "golden outputs")
    assert "note: measured on Jetson Nano, not on the Raspberry Pi 4 Model B" in text


def test_a_report_on_data_without_labels_says_so(made: SimpleNamespace) -> None:
    nothing = unavailable("share", "the evaluation data has no labels")
    evaluation = replace(made.evaluation(), source=nothing, exported=nothing, change=nothing, agreement=None)

    text = shown_report(replace(made.report(), evaluation=evaluation))

    assert "unknown: the evaluation data has no labels" in line_of(text, "accuracy")
    assert "agreement" not in text


def test_a_report_whose_answers_all_agree_says_so(made: SimpleNamespace) -> None:
    evaluation = replace(made.evaluation(), flips=Flips(0, 0, 0))

    assert "no answer flipped" in " ".join(shown_report(replace(made.report(), evaluation=evaluation)).split())


def test_where_all_figures_are_measured_one_line_says_so(made: SimpleNamespace) -> None:
    record = replace(made.record(), energy=EnergyReading("RAPL", (EnergyRun(1.0, 900.0, 100, 10**9),) * 2, 0.01))

    assert "All figures are measured" in shown_report(make_report(record, made.pi_4()))


def test_throughput_has_a_row_for_each_arrangement_and_says_what_its_name_means(made: SimpleNamespace) -> None:
    rows = (ThroughputRow(1, 4, (50.0, 51.0)), ThroughputRow(4, 1, (80.0, 81.0)))

    text = shown_report(make_report(replace(made.record(), throughput=Throughput(rows)), made.pi_4()))

    assert line_of(text, "throughput_1x4").split()[-1] == "1/s"
    assert line_of(text, "throughput_4x1").split()[1].startswith("80")
    assert "throughput_NxM: inferences in a second by N interpreters side by side" in text


def test_batches_stand_in_the_head_of_a_report(made: SimpleNamespace) -> None:
    record = made.record()
    batches = replace(record, settings=replace(record.settings, batch=4))

    assert "1 thread, batches of 4, 5 processes" in shown_report(make_report(batches, made.pi_4()))


@pytest.mark.parametrize(("pin", "text"), [("0", "1 thread on core 0, "), ("2,3", "1 thread on cores 2,3, ")])
def test_cores_stand_in_the_head_of_a_report(made: SimpleNamespace, pin: str, text: str) -> None:
    record = made.record()
    pinned = replace(record, settings=replace(record.settings, pin=pin))

    assert text in shown_report(make_report(pinned, made.pi_4()))
