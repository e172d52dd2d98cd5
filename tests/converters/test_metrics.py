"""edgekit_converters.data.metrics: figures against brute force and published values, intervals by their coverage."""

from __future__ import annotations

import math
from math import comb

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from edgekit_converters.data.metrics import (
    Z95,
    PairedMetric,
    accuracy,
    answers,
    choose_metric,
    mean_squared_error,
    share,
    sqnr_db,
)
from edgekit_runtime.errors import DataError
from edgekit_runtime.figure import Figure, Interval

counts = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
classes = st.integers(1, 40).flatmap(lambda n: st.tuples(*[arrays(np.int64, n, elements=st.integers(0, 3))] * 3))
# Up to 1e3, so that squares and their sums keep their digits.
rows = st.tuples(st.integers(1, 6), st.integers(1, 4)).flatmap(
    lambda shape: st.tuples(*[arrays(np.float32, shape, elements=st.floats(-1e3, 1e3, width=32))] * 3)
)


def hits(k: int, n: int) -> np.ndarray:
    return np.arange(n) < k


def interval_of(figure: Figure) -> Interval:
    assert figure.interval is not None
    return figure.interval


# Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_a_share_has_its_published_value(k, n, low, high):
    figure = share(hits(k, n), "hits")
    assert figure.value == k / n
    assert figure.unit == "share"
    assert "Wilson" in figure.method
    assert interval_of(figure).low == pytest.approx(low, abs=5e-5)
    assert interval_of(figure).high == pytest.approx(high, abs=5e-5)


@given(counts)
def test_the_interval_of_a_share_holds_it_and_stays_between_0_and_1(count):
    k, n = count
    figure = share(hits(k, n), "hits")
    interval = interval_of(figure)
    assert 0 <= interval.low <= k / n <= interval.high <= 1
    assert interval.low < interval.high
    for end in (interval.low, interval.high):
        if 0 < end < 1:  # each end is the share from which k hits lie 1.96 standard errors away
            assert abs(k / n - end) == pytest.approx(Z95 * math.sqrt(end * (1 - end) / n), rel=1e-6, abs=1e-9)


@given(counts)
def test_hits_and_misses_have_mirrored_intervals(count):
    k, n = count
    one, other = interval_of(share(hits(k, n), "hits")), interval_of(share(~hits(k, n), "misses"))
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low))


def test_19_of_20_intervals_of_a_share_hold_the_true_one():
    n = 40
    intervals = [interval_of(share(hits(k, n), "hits")) for k in range(n + 1)]
    coverage = [
        sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k, i in enumerate(intervals) if i.low <= p <= i.high)
        for p in np.linspace(0.02, 0.98, 49)
    ]
    assert min(coverage) > 0.92
    assert 0.94 < np.mean(coverage) < 0.96


@given(classes)
def test_accuracy_and_flips_are_what_a_loop_counts(labelled):
    source, exported, labels = labelled
    rows = list(zip(source, exported, labels, strict=True))
    metric, flips = accuracy(source, exported, labels)
    assert flips.total == sum(s != e for s, e, _ in rows)
    assert flips.lost == sum(s == y != e for s, e, y in rows)
    assert flips.gained == sum(e == y != s for s, e, y in rows)
    assert metric.source.value == sum(s == y for s, _, y in rows) / len(rows)
    assert metric.exported.value == sum(e == y for _, e, y in rows) / len(rows)
    assert metric.change.value == pytest.approx(metric.exported.value - metric.source.value)


def paired(lost: int, gained: int, n: int) -> PairedMetric:
    """Of n samples, all labelled 1, these many are lost and gained, and the others stay right."""
    source, exported = np.ones(n, np.int64), np.ones(n, np.int64)
    exported[:lost] = 0
    source[lost : lost + gained] = 0
    return accuracy(source, exported, np.ones(n, np.int64))[0]


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_the_interval_of_a_change_holds_it_and_mirrors_its_opposite(lost, gained, rest):
    n = lost + gained + rest
    assume(n > 0)
    change, opposite = paired(lost, gained, n).change, paired(gained, lost, n).change
    interval, mirrored = interval_of(change), interval_of(opposite)
    assert -1 <= interval.low <= change.value <= interval.high <= 1
    assert interval.low < interval.high
    assert (interval.low, interval.high) == pytest.approx((-mirrored.high, -mirrored.low))


@pytest.mark.parametrize(("p_lost", "p_gained"), [(0.02, 0.02), (0.1, 0.02), (0.2, 0.05), (0.3, 0.3), (0.02, 0.3)])
def test_19_of_20_intervals_of_a_change_hold_the_true_one(p_lost, p_gained):
    n, coverage = 30, 0.0
    for lost in range(n + 1):
        for gained in range(n + 1 - lost):
            interval = interval_of(paired(lost, gained, n).change)
            if interval.low <= p_gained - p_lost <= interval.high:
                same = n - lost - gained
                ways = comb(n, lost) * comb(n - lost, gained)
                coverage += ways * p_lost**lost * p_gained**gained * (1 - p_lost - p_gained) ** same
    assert coverage > 0.94


def test_one_flip_in_many_is_no_significant_change():
    interval = interval_of(paired(1, 0, 500).change)
    assert interval.low < 0 < interval.high


def test_many_losses_are_a_significant_change():
    assert interval_of(paired(20, 2, 500).change).high < 0


@given(rows)
def test_mean_squared_error_is_numpys(given_rows):
    source, exported, labels = (values.astype(np.float64) for values in given_rows)
    metric = mean_squared_error(*given_rows)
    assert metric.source.value == pytest.approx(np.mean((source - labels) ** 2))
    assert metric.exported.value == pytest.approx(np.mean((exported - labels) ** 2))
    change = np.mean((exported - labels) ** 2 - (source - labels) ** 2)
    assert metric.change.value == pytest.approx(change, abs=1e-6)
    assert metric.source.unit == "squared error"


@given(rows)
@settings(max_examples=30)
def test_the_interval_of_an_error_is_students(given_rows):
    source, _, labels = (values.astype(np.float64) for values in given_rows)
    assume(len(source) > 1)
    errors = np.mean((source - labels) ** 2, axis=1)
    assume(errors.std() > 1e-6 * errors.max())
    interval = interval_of(mean_squared_error(*given_rows).source)
    expected = stats.t.interval(0.95, len(errors) - 1, errors.mean(), stats.sem(errors))
    assert (interval.low, interval.high) == pytest.approx(expected)


def test_the_change_of_an_error_is_paired():
    random = np.random.default_rng(0)
    labels = np.zeros((50, 3))
    source = random.normal(size=(50, 3)) * random.uniform(0, 10, (50, 1))
    metric = mean_squared_error(source, source * 1.01, labels)
    assert interval_of(metric.change).low > 0  # found, though each error alone is far less certain
    assert interval_of(metric.exported).low < metric.source.value


def test_an_error_over_one_sample_has_no_interval():
    metric = mean_squared_error(np.ones((1, 2)), np.zeros((1, 2)), np.zeros((1, 2)))
    assert (metric.source.value, metric.source.interval) == (1.0, None)


def test_unsigned_labels_do_not_wrap():
    labels = np.array([[200]], np.uint8)
    assert mean_squared_error(np.array([[100.0]]), np.array([[250.0]]), labels).source.value == 10000


@given(rows, st.floats(0.1, 10))
def test_signal_to_noise_is_its_formula_and_knows_no_unit(given_rows, factor):
    source, exported, _ = (values.astype(np.float64) for values in given_rows)
    assume(np.sum((source - exported) ** 2) > 1e-3)
    assume(np.sum(source**2) > 1e-3)
    figure = sqnr_db(source, exported)
    assert figure.unit == "dB"
    assert figure.value == pytest.approx(10 * np.log10(np.sum(source**2) / np.sum((source - exported) ** 2)), abs=1e-9)
    assert sqnr_db(factor * source, factor * exported).value == pytest.approx(figure.value, abs=1e-6)


def test_a_tenth_of_the_signal_as_noise_is_20_db():
    assert sqnr_db(np.ones((3, 4)), np.full((3, 4), 1.1)).value == pytest.approx(20)


@pytest.mark.parametrize(
    ("source", "exported", "reason"),
    [
        (1.0, 1.0, "the outputs are equal"),
        (0.0, 1.0, "the source's outputs are all zero"),
        (1.0, math.nan, "an output is NaN or infinite"),
        (math.nan, math.nan, "an output is NaN or infinite"),
        (1.0, math.inf, "an output is NaN or infinite"),
        (-math.inf, 1.0, "an output is NaN or infinite"),
    ],
)
def test_signal_to_noise_is_unavailable_where_it_has_no_value(source, exported, reason):
    figure = sqnr_db(np.full((2, 2), source), np.full((2, 2), exported))
    assert figure.mode == "unavailable"
    assert reason in figure.reason


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_the_error_of_an_output_that_is_no_number_is_unavailable(value):
    metric = mean_squared_error(np.ones((2, 2)), np.array([[1, value], [1, 1]]), np.zeros((2, 2)))
    assert metric.source.available
    assert metric.exported.reason == metric.change.reason == "an output is NaN or infinite"


@given(arrays(np.float32, (5, 4), elements=st.floats(-10, 10, width=32), unique=True))
def test_the_answer_is_the_class_of_the_largest_score(outputs):
    assert answers(outputs).tolist() == [int(np.argsort(row)[-1]) for row in outputs]


def test_a_single_score_is_a_yes_above_one_half():
    assert answers(np.array([[0.2], [0.5], [0.51], [1.0]])).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("shape", [(4,), (4, 2, 2), (4, 8, 8, 3)])
def test_other_outputs_are_no_classes(shape):
    assert answers(np.zeros(shape)) is None


SCORES, SINGLE, PICTURE = np.zeros((4, 3)), np.zeros((4, 1)), np.zeros((4, 2, 2))


@pytest.mark.parametrize(
    ("outputs", "labels", "chosen"),
    [
        (SCORES, np.array([0, 1, 2, 0]), "accuracy"),
        (SCORES, np.array([0, 1, 2, 0], np.uint8), "accuracy"),
        (SCORES, np.array([True, False, True, True]), "accuracy"),
        (SINGLE, np.array([0, 1, 1, 0]), "accuracy"),
        (SINGLE, np.array([[0.5], [1], [2], [3]]), "mean_squared_error"),
        (SCORES, np.zeros((4, 3)), "mean_squared_error"),
        (SCORES, np.zeros((4, 3), np.int32), "mean_squared_error"),
        (PICTURE, PICTURE, "mean_squared_error"),
        (SCORES, None, "none"),
    ],
)
def test_the_labels_speak_for_a_metric(outputs, labels, chosen):
    assert choose_metric("auto", outputs, labels) == chosen
    if chosen != "none":
        assert choose_metric(chosen, outputs, labels) == chosen


@pytest.mark.parametrize("metric", ["accuracy", "mean_squared_error"])
def test_a_metric_that_was_asked_for_needs_labels(metric):
    with pytest.raises(DataError, match=f"{metric} needs labels, and the evaluation data has none") as caught:
        choose_metric(metric, SCORES, None)
    assert "'y'" in caught.value.hint


@pytest.mark.parametrize(
    ("asked", "outputs", "labels"),
    [
        ("auto", SCORES, np.array([0, 1, 3, 0])),
        ("auto", SCORES, np.array([-1, 1, 2, 0])),
        ("auto", SCORES, np.array([0.0, 1.0, 2.0, 0.0])),
        ("auto", SCORES, np.zeros((4, 2))),
        ("auto", PICTURE, np.array([0, 1, 0, 1])),
        ("accuracy", SCORES, np.zeros((4, 3))),
        ("accuracy", SINGLE, np.array([0, 1, 2, 0])),
        ("mean_squared_error", SCORES, np.array([0, 1, 2, 0])),
    ],
)
def test_labels_that_do_not_fit_are_refused_with_those_allowed(asked, outputs, labels):
    with pytest.raises(DataError, match="do not fit outputs of shape") as caught:
        choose_metric(asked, outputs, labels)
    assert (f" for {asked};" in caught.value.message) == (asked != "auto")


def test_a_single_score_takes_two_classes():
    with pytest.raises(DataError, match="class numbers below 2"):
        choose_metric("auto", SINGLE, np.array([0, 1, 2, 0]))
