from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.reports.compare import Comparison, Row, compare
from edgekit.reports.render.json_text import comparison_json
from edgekit.reports.report import Report, make_report
from edgekit_converters.evaluation import Evaluation
from edgekit_runtime.errors import ReportError
from edgekit_runtime.figure import Figure, Interval, measured, unavailable

METRICS = (
    "accuracy",
    "model_size",
    "latency_p50",
    "latency_p90",
    "latency_p99",
    "load_time",
    "first_inference",
    "cpu_time",
    "peak_rss",
    "model_memory",
    "arena_size",
    "energy",
)


def row(comparison: Comparison, metric: str) -> Row:
    return next(row for row in comparison.rows if row.metric == metric)


def quality(first: Evaluation | None, second: Evaluation | None, made: SimpleNamespace) -> Row:
    reports = [replace(made.report(), evaluation=first), replace(made.report(), evaluation=second)]
    return compare(reports).rows[0]


def test_every_metric_has_a_row_with_the_figure_of_each_report(made: SimpleNamespace) -> None:
    reports = [made.report(10.0), made.report(5.0), made.report(7.0)]

    comparison = compare(reports)

    assert tuple(row.metric for row in comparison.rows) == METRICS
    for line in comparison.rows[1:]:
        assert line.figures == tuple(report.figure(line.metric) for report in reports)
        assert len(line.changes) == 2


def test_half_the_latency_is_a_better_ratio_of_one_half(made: SimpleNamespace) -> None:
    (change,) = row(compare([made.report(10.0), made.report(5.0, seed=1)]), "latency_p50").changes

    assert change.verdict == "better"
    assert change.figure.interval is not None
    assert change.figure.interval.low < 0.5 < change.figure.interval.high
    assert "Welch" in change.figure.method


def test_twice_the_latency_is_worse(made: SimpleNamespace) -> None:
    (change,) = row(compare([made.report(5.0), made.report(10.0, seed=1)]), "latency_p99").changes

    assert change.verdict == "worse"


def test_a_difference_within_the_spread_of_processes_is_not_significant(made: SimpleNamespace) -> None:
    first, second = made.report(10.0, spread=0.1), made.report(10.2, seed=1, spread=0.1)

    assert row(compare([first, second]), "latency_p50").changes[0].verdict == "no significant difference"


def test_a_report_does_not_differ_from_itself(made: SimpleNamespace) -> None:
    report = made.report()

    verdicts = {row.metric: row.changes[0].verdict for row in compare([report, report]).rows}

    assert [verdicts.pop(name) for name in ("model_size", "arena_size")] == ["equal", "equal"]
    assert set(verdicts.values()) == {"no significant difference"}


def test_the_ratio_of_sizes_is_exact(made: SimpleNamespace) -> None:
    (change,) = row(compare([made.report(size_bytes=400), made.report(size_bytes=100)]), "model_size").changes

    assert change.figure.value == 0.25
    assert change.figure.interval is None
    assert change.verdict == "better"


def with_energy(report: Report, energy: Figure) -> Report:
    figures = tuple(replace(n, figure=energy) if n.name == "energy" else n for n in report.figures)
    return replace(report, figures=figures)


@settings(max_examples=50)
@given(
    values=st.tuples(st.floats(1, 1e6), st.floats(1, 1e6)),
    shares=st.tuples(*[st.floats(0.01, 0.9)] * 4),
)
def test_the_ratio_of_energies_combines_their_intervals(
    made: SimpleNamespace, values: tuple[float, float], shares: tuple[float, float, float, float]
) -> None:
    first, second = (
        with_energy(made.report(), measured(value, "µJ", "m", Interval(value * (1 - down), value * (1 + up))))
        for value, down, up in zip(values, shares[::2], shares[1::2], strict=True)
    )

    (change,) = row(compare([first, second]), "energy").changes
    (inverse,) = row(compare([second, first]), "energy").changes

    assert change.figure.value == pytest.approx(values[1] / values[0])
    assert change.figure.interval is not None
    assert inverse.figure.interval is not None
    assert change.figure.interval.low < change.figure.value < change.figure.interval.high
    assert inverse.figure.interval.low == pytest.approx(1 / change.figure.interval.high)
    # no narrower than either of the two, on the logarithms
    assert change.figure.interval.low <= change.figure.value * (1 - shares[2])
    assert change.figure.interval.low <= change.figure.value / (1 + shares[1])


def test_predictions_for_one_target_are_compared_by_what_they_were_made_from(made: SimpleNamespace) -> None:
    first, second = made.report(10.0), made.report(5.0, seed=1)

    comparison = compare([first, second])

    energy, cpu_time = (row(comparison, name).changes[0].figure for name in ("energy", "cpu_time"))
    assert (energy.mode, energy.value, energy.interval) == ("predicted", cpu_time.value, cpu_time.interval)
    assert "the error of the target's model cancels" in energy.method


def test_predictions_for_two_targets_keep_their_own_errors(made: SimpleNamespace) -> None:
    first, second = made.report(10.0), replace(made.report(5.0, seed=1), target="raspberry-pi-5")

    (change,) = row(compare([first, second]), "energy").changes

    assert "ratio of the two figures" in change.figure.method
    assert change.verdict == "no significant difference"


def test_an_energy_that_may_be_nothing_has_no_ratio(made: SimpleNamespace) -> None:
    vague = with_energy(made.report(), measured(5.0, "µJ", "m", Interval(-1.0, 11.0)))

    (change,) = row(compare([vague, vague]), "energy").changes

    assert change.figure.reason == "the interval of a figure reaches down to 0"


def test_a_measured_energy_and_a_predicted_one_have_no_ratio(made: SimpleNamespace) -> None:
    sensed = with_energy(made.report(), measured(5.0, "µJ", "m", Interval(4.0, 6.0)))

    (change,) = row(compare([made.report(), sensed]), "energy").changes

    assert change.figure.reason == "one figure is measured, the other predicted"


def test_a_throttled_report_warns_and_has_no_ratio_of_times(made: SimpleNamespace) -> None:
    throttled = make_report(made.throttled_in(made.record(), "latency"), made.pi_4(), made.evaluation())

    comparison = compare([made.report(), throttled], ["a", "b"])

    assert row(comparison, "latency_p50").changes[0].verdict == "unknown"
    assert row(comparison, "peak_rss").changes[0].verdict == "no significant difference"
    (warning,) = comparison.warnings
    assert warning.startswith("b: invalid: throttled while measuring latency (throttled)")


def test_a_first_report_of_size_0_has_no_ratio(made: SimpleNamespace) -> None:
    (change,) = row(compare([made.report(size_bytes=0), made.report()]), "model_size").changes

    assert (change.verdict, change.figure.reason) == ("unknown", "the first report's figure is 0")


@settings(max_examples=30)
@given(a=st.floats(1, 1000), b=st.floats(1, 1000), seed=st.integers(0, 99), spread=st.floats(0.001, 0.1))
def test_swapping_the_reports_inverts_every_ratio(
    made: SimpleNamespace, a: float, b: float, seed: int, spread: float
) -> None:
    first, second = made.report(a, seed=seed, spread=spread), made.report(b, seed=seed + 1, spread=spread)
    swapped = {"better": "worse", "worse": "better"}

    for there, back in zip(compare([first, second]).rows, compare([second, first]).rows, strict=True):
        change, inverse = there.changes[0], back.changes[0]
        assert inverse.verdict == swapped.get(change.verdict, change.verdict)
        if change.figure.unit != "ratio":
            continue
        assert change.figure.value is not None
        assert inverse.figure.value == pytest.approx(1 / change.figure.value)
        if change.figure.interval and inverse.figure.interval:
            assert inverse.figure.interval.low == pytest.approx(1 / change.figure.interval.high)


def test_missing_memory_stays_visible_with_its_reason(made: SimpleNamespace) -> None:
    blind = make_report(made.without_memory(made.record()), made.pi_4())

    line = row(compare([made.report(), blind]), "peak_rss")

    assert line.figures[1].reason == "the peak cannot be reset"
    assert line.changes[0].verdict == "unknown"
    assert line.changes[0].figure.reason == "the peak cannot be reset"


def test_simulated_and_measured_figures_have_no_ratio(made: SimpleNamespace) -> None:
    report = made.report()
    named = tuple(replace(n, figure=replace(n.figure, mode="simulated")) for n in report.figures)

    (change,) = row(compare([report, replace(report, figures=named)]), "latency_p50").changes

    assert change.figure.reason == "one figure is simulated, the other measured"


def test_a_process_that_needed_no_memory_gives_no_ratio(made: SimpleNamespace) -> None:
    report = made.report()
    reading = report.record.runs[0].memory
    nothing = replace(report.record.runs[0], memory=replace(reading, peak_rss_bytes=reading.baseline_rss_bytes))
    odd = replace(report, record=replace(report.record, runs=(nothing, *report.record.runs[1:])))

    (change,) = row(compare([report, odd]), "model_memory").changes

    assert change.verdict == "unknown"
    assert "all positive" in change.figure.reason


def test_accuracies_against_one_source_are_compared_by_their_paired_changes(made: SimpleNamespace) -> None:
    line = quality(made.evaluation(0.890, 0.0), made.evaluation(0.850, -0.04), made)

    (change,) = line.changes
    assert change.figure.value == pytest.approx(-0.04)
    assert change.verdict == "worse"
    assert "paired" in change.figure.method
    assert "unpaired" not in change.figure.method
    assert change.figure.interval is not None
    # Two intervals of half width 0.009 combine to 0.009 * sqrt(2).
    assert change.figure.interval.high == pytest.approx(-0.04 + 0.009 * 2**0.5)


def test_accuracies_on_other_samples_are_compared_unpaired(made: SimpleNamespace) -> None:
    line = quality(made.evaluation(0.890, 0.0), made.evaluation(0.855, -0.035, data="99" * 32), made)

    (change,) = line.changes
    assert "unpaired" in change.figure.method
    assert change.verdict == "no significant difference"


def test_a_higher_accuracy_is_better_and_a_higher_error_is_worse(made: SimpleNamespace) -> None:
    low, high = made.evaluation(0.6, -0.29), made.evaluation(0.9, 0.01)
    error_low, error_high = (replace(e, metric="mean_squared_error", higher_is_better=False) for e in (low, high))

    assert quality(low, high, made).changes[0].verdict == "better"
    assert quality(error_low, error_high, made).changes[0].verdict == "worse"


def test_a_quality_without_interval_allows_no_verdict(made: SimpleNamespace) -> None:
    def bare(evaluation: Evaluation) -> Evaluation:
        figures = {name: replace(getattr(evaluation, name), interval=None) for name in ("exported", "change")}
        return replace(evaluation, **figures)

    (change,) = quality(bare(made.evaluation(0.9, 0.01)), bare(made.evaluation(0.5, -0.39)), made).changes

    assert change.verdict == "unknown"
    assert change.figure.value == pytest.approx(-0.4)


def test_a_missing_evaluation_stays_visible_with_its_reason(made: SimpleNamespace) -> None:
    line = quality(made.evaluation(), None, made)

    assert line.metric == "accuracy"
    assert line.figures[1].reason == "the report holds no evaluation"
    assert line.changes[0].verdict == "unknown"


def test_an_evaluation_without_labels_stays_visible_with_its_reason(made: SimpleNamespace) -> None:
    nothing = unavailable("share", "the evaluation data has no labels")
    blind = replace(made.evaluation(), metric="none", source=nothing, exported=nothing, change=nothing)

    line = quality(blind, blind, made)

    assert line.metric == "accuracy"
    assert line.changes[0].figure.reason == "the evaluation data has no labels"


def test_other_metrics_cannot_be_compared(made: SimpleNamespace) -> None:
    error = replace(made.evaluation(), metric="mean_squared_error")

    (change,) = quality(made.evaluation(), error, made).changes

    assert change.figure.reason == "the metrics differ: accuracy, mean_squared_error"


@settings(max_examples=30)
@given(
    values=st.tuples(st.floats(0.1, 0.9), st.floats(0.1, 0.9)),
    halves=st.tuples(*[st.floats(0.001, 0.1)] * 4),
)
def test_the_interval_of_a_difference_holds_it_and_is_wider_than_each_part(
    made: SimpleNamespace, values: tuple[float, float], halves: tuple[float, float, float, float]
) -> None:
    parts = [
        replace(
            made.evaluation(data=data),
            exported=measured(value, "share", "m", Interval(value - halves[2 * i], value + halves[2 * i + 1])),
        )
        for i, (value, data) in enumerate(zip(values, ("a", "b"), strict=True))
    ]

    figure = quality(parts[0], parts[1], made).changes[0].figure

    assert figure.value is not None
    assert figure.interval is not None
    assert figure.interval.low < figure.value < figure.interval.high
    assert figure.interval.high - figure.interval.low >= max(halves[0] + halves[1], halves[2] + halves[3]) - 1e-12


def test_reports_are_called_by_model_and_scheme_and_told_apart(made: SimpleNamespace) -> None:
    comparison = compare([made.report(), made.report()])

    assert [side.label for side in comparison.sides] == ["resnet8 int8 (1)", "resnet8 int8 (2)"]


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_reports_are_refused(made: SimpleNamespace, count: int) -> None:
    with pytest.raises(ReportError, match=f"{count}; allowed: two or more"):
        compare([made.report()] * count)


def test_labels_must_be_as_many_as_reports(made: SimpleNamespace) -> None:
    with pytest.raises(ReportError, match="1 labels for 2 reports"):
        compare([made.report(), made.report()], ["one"])


def test_a_comparison_without_a_gate_is_json_with_a_null_gate(made: SimpleNamespace) -> None:
    tree = json.loads(comparison_json(compare([made.report(), made.report()])))

    assert (tree["schema"], tree["version"], tree["gate"]) == ("edgekit/comparison", 1, None)


def test_the_public_function_is_this_one() -> None:
    import edgekit

    assert edgekit.compare is compare
