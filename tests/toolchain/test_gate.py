from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.reports.compare import Change, Comparison, Row, Side, compare
from edgekit.reports.gate import Gate, judge, parse_gate
from edgekit.reports.report import make_report
from edgekit_runtime.errors import ReportError
from edgekit_runtime.figure import Figure, Interval, measured, unavailable

METRICS = (
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
RANK = ("passed", "undecided", "failed")


def ratio(low: float, high: float) -> Figure:
    return measured((low + high) / 2, "ratio", "m", Interval(low, high))


def comparison_of(*ratios: Figure) -> Comparison:
    sides = tuple(Side(f"report {i}", "host", "m", "int8", "b") for i in range(len(ratios) + 1))
    base = measured(1, "ns", "m")
    row = Row("latency_p50", False, (base,) * len(sides), tuple(Change(r, "unknown") for r in ratios))
    return Comparison(sides, (row,), ())


@given(
    metric=st.sampled_from(METRICS),
    sign=st.sampled_from("<>"),
    number=st.from_regex(r"[1-9][0-9]{0,3}(\.[0-9]{1,4})?", fullmatch=True),
    gaps=st.tuples(*[st.sampled_from(["", " ", "  ", "\t"])] * 5),
)
def test_every_condition_of_the_grammar_is_read(
    metric: str, sign: str, number: str, gaps: tuple[str, str, str, str, str]
) -> None:
    a, b, c, d, e = gaps

    assert parse_gate(f"{a}{metric}{b}{sign}{c}{number}{d}x{e}") == Gate(metric, sign, float(number))  # type: ignore[arg-type]  # sign is one of the two


@given(metric=st.sampled_from(METRICS), sign=st.sampled_from("<>"), factor=st.sampled_from([0.5, 1.0, 1.05, 12.0]))
def test_a_gate_reads_its_own_text(metric: str, sign: str, factor: float) -> None:
    gate = Gate(metric, sign, factor)  # type: ignore[arg-type]  # sign is one of the two

    assert parse_gate(str(gate)) == gate


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "latency_p50",
        "latency_p50 > 1.05",
        "latency_p50 > x",
        "latency_p50 >= 1.05x",
        "latency_p50 = 1x",
        "latency_p50 > -1x",
        "latency_p50 > 1e3x",
        "latency_p50 > .5x",
        "latency_p50 > 1.x",
        "latency_p50 > 5%",
        "latency_p50 > 1x and peak_rss > 1x",
        "1.05x < latency_p50",
        "power > 1x",
        "LATENCY_P50 > 1x",
        "accuracy < 1x",
        "latency_p50 > \u0661x",
    ],
)
def test_what_is_no_condition_is_told_with_form_and_metrics(condition: str) -> None:
    with pytest.raises(ReportError) as caught:
        parse_gate(condition)

    assert repr(condition) in caught.value.message
    assert "METRIC > NUMBERx or METRIC < NUMBERx" in caught.value.message
    assert all(metric in caught.value.message for metric in METRICS)


@pytest.mark.parametrize("number", ["0", "0.000", "9" * 400])
def test_a_factor_is_above_zero_and_finite(number: str) -> None:
    with pytest.raises(ReportError, match="allowed: more than 0"):
        parse_gate(f"latency_p50 > {number}x")


@given(st.text(max_size=40))
def test_any_text_is_a_condition_or_a_told_error(text: str) -> None:
    try:
        gate = parse_gate(text)
    except ReportError:
        return
    assert gate.metric in METRICS


@pytest.mark.parametrize(
    ("condition", "figure", "outcome"),
    [
        ("latency_p50 > 1.05x", ratio(1.06, 1.2), "failed"),
        ("latency_p50 > 1.05x", ratio(1.05, 1.2), "undecided"),
        ("latency_p50 > 1.05x", ratio(1.0, 1.2), "undecided"),
        ("latency_p50 > 1.05x", ratio(0.9, 1.05), "passed"),
        ("latency_p50 > 1.05x", ratio(0.9, 1.0), "passed"),
        ("latency_p50 < 0.9x", ratio(0.7, 0.8), "failed"),
        ("latency_p50 < 0.9x", ratio(0.8, 0.9), "undecided"),
        ("latency_p50 < 0.9x", ratio(0.8, 1.0), "undecided"),
        ("latency_p50 < 0.9x", ratio(0.9, 1.0), "passed"),
        ("latency_p50 > 1.05x", measured(1.06, "ratio", "exact"), "failed"),
        ("latency_p50 > 1.05x", measured(1.05, "ratio", "exact"), "passed"),
        ("latency_p50 < 1x", measured(0.99, "ratio", "exact"), "failed"),
    ],
)
def test_only_a_whole_interval_beyond_the_factor_fails(condition: str, figure: Figure, outcome: str) -> None:
    result = judge(parse_gate(condition), comparison_of(figure))

    assert result.outcome == outcome
    assert f"{figure.value:.4g}x" in result.judgements[0].reason


def test_a_missing_figure_fails_the_gate_and_says_why() -> None:
    result = judge(parse_gate("latency_p50 > 2x"), comparison_of(unavailable("ratio", "no clock")))

    assert result.outcome == "failed"
    assert result.judgements[0].reason == "there is no ratio: no clock"


@given(
    ends=st.lists(st.tuples(st.floats(0.1, 3), st.floats(0.1, 3)).map(sorted), min_size=1, max_size=5),
    factor=st.floats(0.1, 3),
    sign=st.sampled_from("<>"),
)
def test_the_worst_of_the_reports_after_the_first_counts(ends: list[list[float]], factor: float, sign: str) -> None:
    gate = Gate("latency_p50", sign, factor)  # type: ignore[arg-type]  # sign is one of the two
    figures = [ratio(low, high) for low, high in ends]

    result = judge(gate, comparison_of(*figures))

    each = [judge(gate, comparison_of(figure)).outcome for figure in figures]
    assert [judgement.outcome for judgement in result.judgements] == each
    assert result.outcome == max(each, key=RANK.index)


@given(low=st.floats(0.1, 3), width=st.floats(0, 2), factor=st.floats(0.1, 3))
def test_a_looser_factor_never_turns_a_pass_into_a_failure(low: float, width: float, factor: float) -> None:
    comparison = comparison_of(ratio(low, low + width))

    strict = judge(Gate("latency_p50", ">", factor), comparison).outcome
    loose = judge(Gate("latency_p50", ">", factor * 1.5), comparison).outcome

    assert RANK.index(loose) <= RANK.index(strict)


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_can_be_gated_on_real_reports(made: SimpleNamespace, metric: str) -> None:
    comparison = compare([made.report(10.0), made.report(30.0, seed=1, size_bytes=10**6)])

    result = judge(parse_gate(f"{metric} > 1.05x"), comparison)

    assert result.outcome == ("passed" if metric in ("load_time", "arena_size") else "failed")


def test_missing_memory_fails_a_gate_on_memory(made: SimpleNamespace) -> None:
    blind = make_report(made.without_memory(made.record()), made.pi_4())

    result = judge(parse_gate("peak_rss > 2x"), compare([made.report(), blind]))

    assert result.outcome == "failed"
    assert "the peak cannot be reset" in result.judgements[0].reason


def test_a_throttled_report_fails_the_gate_as_a_missing_figure_does(made: SimpleNamespace) -> None:
    throttled = make_report(made.throttled_in(made.record(1.0), "latency"), made.pi_4())

    result = judge(parse_gate("latency_p50 > 1.05x"), compare([made.report(10.0), throttled]))

    assert result.outcome == "failed"
    assert result.judgements[0].reason.startswith("there is no ratio: invalid: throttled while measuring latency")
