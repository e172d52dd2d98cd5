"""Statistics of latencies, held against numpy and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.stats import (
    geometric_mean_interval,
    mean_interval,
    middle_mean,
    quantile,
    ratio_interval,
    student_t_quantile,
)

TIMES = st.floats(1e3, 1e10)
SAMPLES = st.lists(TIMES, min_size=2, max_size=20)


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=50), st.floats(0, 1))
def test_a_quantile_is_numpys(samples, q):
    assert quantile(samples, q) == pytest.approx(np.quantile(samples, q), rel=1e-9, abs=1e-3)


@given(st.lists(st.integers(1, 10**10), min_size=1, max_size=50), st.randoms())
def test_a_quantile_does_not_depend_on_the_order(samples, random):
    shuffled = random.sample(samples, len(samples))
    assert quantile(shuffled, 0.9) == quantile(samples, 0.9)


@pytest.mark.parametrize(("samples", "q"), [([], 0.5), ([1.0], -0.1), ([1.0], 1.1), ([1.0], math.nan)])
def test_a_quantile_of_nothing_or_beyond_the_samples_is_refused(samples, q):
    with pytest.raises(ValueError, match="quantile"):
        quantile(samples, q)


@given(st.floats(0.0005, 0.9995), st.floats(1, 1e6))
def test_students_quantile_is_scipys(p, df):
    assert student_t_quantile(p, df) == pytest.approx(scipy.stats.t.ppf(p, df), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("df", "expected"), [(1, 12.7062), (4, 2.7764), (19, 2.0930)])
def test_students_quantile_is_that_of_the_printed_tables(df, expected):
    assert student_t_quantile(0.975, df) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(("p", "df"), [(0.0, 4), (1.0, 4), (0.5, 0.5), (0.5, math.inf), (math.nan, 4)])
def test_students_quantile_outside_its_range_is_refused(p, df):
    with pytest.raises(ValueError, match="Student's t"):
        student_t_quantile(p, df)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_the_arithmetic_mean_has_students_interval(values):
    center, interval = mean_interval(values)
    half = scipy.stats.t.ppf(0.975, len(values) - 1) * scipy.stats.sem(values)
    assert center == pytest.approx(np.mean(values), abs=1e-6)
    assert interval.low == pytest.approx(np.mean(values) - half, rel=1e-6, abs=1e-6)
    assert interval.high == pytest.approx(np.mean(values) + half, rel=1e-6, abs=1e-6)


def test_one_value_has_no_interval():
    with pytest.raises(ValueError, match="at least two values"):
        mean_interval([1.0])


@given(SAMPLES)
def test_the_geometric_mean_has_students_interval_on_the_logarithms(values):
    center, interval = geometric_mean_interval(values)
    logs = np.log(values)
    half = scipy.stats.t.ppf(0.975, len(values) - 1) * scipy.stats.sem(logs)
    assert math.log(center) == pytest.approx(logs.mean(), abs=1e-6)
    assert math.log(interval.low) == pytest.approx(logs.mean() - half, abs=1e-6)
    assert math.log(interval.high) == pytest.approx(logs.mean() + half, abs=1e-6)


@pytest.mark.filterwarnings("ignore:Precision loss")  # scipy's, where the values hardly vary
@given(SAMPLES, SAMPLES)
def test_a_ratio_has_welchs_interval_on_the_logarithms(a, b):
    ratio, interval = ratio_interval(a, b)
    logs_a, logs_b = np.log(a), np.log(b)
    variances = logs_a.var(ddof=1) / len(a), logs_b.var(ddof=1) / len(b)
    assert math.log(ratio) == pytest.approx(logs_a.mean() - logs_b.mean(), abs=1e-6)
    if sum(variances) > 1e-20:  # below it, scipy's own rounding decides
        expected = scipy.stats.ttest_ind(logs_a, logs_b, equal_var=False).confidence_interval(0.95)
        assert math.log(interval.low) == pytest.approx(expected.low, rel=1e-5, abs=1e-6)
        assert math.log(interval.high) == pytest.approx(expected.high, rel=1e-5, abs=1e-6)


@given(SAMPLES, SAMPLES)
def test_exchanging_the_two_sides_inverts_the_ratio(a, b):
    ratio, interval = ratio_interval(a, b)
    inverse, inverse_interval = ratio_interval(b, a)
    assert ratio * inverse == pytest.approx(1)
    assert interval.low * inverse_interval.high == pytest.approx(1)


@given(TIMES, TIMES)
def test_values_that_do_not_vary_have_an_interval_of_one_point(a, b):
    ratio, interval = ratio_interval([a] * 5, [b] * 7)
    assert ratio == pytest.approx(a / b)
    assert interval.low == pytest.approx(interval.high)


def test_one_side_that_does_not_vary_leaves_the_others_interval():
    steady, varying = [100.0] * 5, [90.0, 100.0, 110.0, 95.0, 105.0]
    _, ratio = ratio_interval(steady, varying)
    _, mean = geometric_mean_interval(varying)
    assert ratio.low == pytest.approx(100 / mean.high)
    assert ratio.high == pytest.approx(100 / mean.low)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 0.0], [1.0, -1.0]])
def test_too_few_values_or_one_that_is_not_positive_are_refused(values):
    with pytest.raises(ValueError, match="at least two values"):
        geometric_mean_interval(values)
    with pytest.raises(ValueError, match="at least two values"):
        ratio_interval([1.0, 2.0], values)


@given(st.lists(st.integers(0, 10**6), min_size=1))
def test_a_middle_mean_lies_among_the_middle_values(values):
    ordered = sorted(values)
    cut = len(values) // 4
    assert ordered[cut] <= middle_mean(values) <= ordered[-1 - cut]


def test_an_interruption_does_not_move_a_middle_mean():
    assert middle_mean([10] * 9 + [10**6]) == 10


def test_a_middle_mean_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        middle_mean([])
