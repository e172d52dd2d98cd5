"""The text that Prometheus scrapes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.metrics import Histogram, Metric, Sample, counted, exposition


def test_a_histogram_counts_what_is_up_to_each_bound_and_adds_up():
    histogram = Histogram((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 7.0):
        histogram.add(seconds)
    lines = exposition([Metric("t", "histogram", "Times.", histogram.samples())]).splitlines()
    assert lines == [
        "# HELP t Times.",
        "# TYPE t histogram",
        't_bucket{le="0.1"} 2',
        't_bucket{le="1"} 3',
        't_bucket{le="+Inf"} 4',
        "t_sum 7.65",
        "t_count 4",
    ]
    assert histogram.mean == pytest.approx(7.65 / 4)


def test_a_histogram_of_nothing_has_a_mean_of_zero():
    assert Histogram().mean == 0


@given(st.lists(st.floats(0, 100)))
def test_a_histograms_counts_never_fall_and_end_in_the_number_of_values(values):
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    counts = [sample.value for sample in histogram.samples() if sample.suffix == "_bucket"]
    assert counts == sorted(counts)
    assert counts[-1] == histogram.count == len(values)
    bounds = [float(dict(sample.labels)["le"]) for sample in histogram.samples() if sample.suffix == "_bucket"]
    assert counts == [sum(value <= bound for value in values) for bound in bounds]


def test_labels_and_help_are_escaped():
    metric = Metric("m", "gauge", 'a\nb\\c "d"', (Sample(1.5, (("name", 'x"y\\z\n'),)),))
    assert exposition([metric]).splitlines() == [
        '# HELP m a\\nb\\\\c "d"',
        "# TYPE m gauge",
        'm{name="x\\"y\\\\z\\n"} 1.5',
    ]


def test_a_missing_value_is_a_comment_with_its_reason():
    text = exposition([Metric("m", "gauge", "M.", (), "no\nsensor")])
    assert text.splitlines()[-1] == "# m is unavailable: no sensor"


def test_counts_are_sorted_by_their_label():
    assert counted({"b": 2, "a": 1}, "kind") == (Sample(1, (("kind", "a"),)), Sample(2, (("kind", "b"),)))


@pytest.mark.parametrize(("value", "text"), [(math.inf, "+Inf"), (-math.inf, "-Inf"), (3.0, "3"), (0.25, "0.25")])
def test_numbers_are_as_prometheus_reads_them(value, text):
    assert exposition([Metric("m", "gauge", "M.", (Sample(value),))]).splitlines()[-1] == f"m {text}"
