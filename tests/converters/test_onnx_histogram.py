"""edgekit_converters.onnx.quantize.histogram: ranges of values in constant memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from edgekit_converters.onnx.quantize.histogram import BINS, Histogram
from edgekit_converters.quantize.statistics import Range

# no subnormal numbers: libraries may switch the processor to take them as 0
VALUES = arrays(np.float32, array_shapes(max_dims=3), elements=st.floats(-1e4, 1e4, width=32, allow_subnormal=False))


def histogram_of(*batches: np.ndarray) -> Histogram:
    histogram = Histogram()
    for batch in batches:
        histogram.update(batch)
    return histogram


def width_of(*batches: np.ndarray) -> float:
    """The widest that a bin can be: the limit is less than twice the largest magnitude."""
    return 4 * max(float(np.abs(batch).max()) for batch in batches) / BINS


@given(st.lists(VALUES, min_size=1, max_size=4), st.floats(0.5, 1.0))
def test_a_percentile_lies_within_the_extremes_and_keeps_its_share(batches, share):
    histogram = histogram_of(*batches)
    values = np.concatenate([batch.ravel() for batch in batches])
    found = histogram.percentile(share)
    assert histogram.range == Range(float(values.min()), float(values.max()))
    assert histogram.range.low <= found.low <= found.high <= histogram.range.high
    slack = 1e-3 * width_of(*batches)  # what float32 rounds a place by, next to the border of a bin
    kept = np.mean((values >= found.low - slack) & (values <= found.high + slack))
    assert kept >= share - 1e-9


@given(st.lists(VALUES, min_size=2, max_size=4))
def test_batches_may_come_together_or_one_by_one(batches):
    together = histogram_of(np.concatenate([batch.ravel() for batch in batches])).percentile(0.9)
    apart = histogram_of(*batches).percentile(0.9)
    width = width_of(*batches)
    assert apart.low == pytest.approx(together.low, abs=width)
    assert apart.high == pytest.approx(together.high, abs=width)


def test_it_is_that_of_numpy_but_for_the_width_of_a_bin():
    values = np.random.default_rng(0).normal(size=(40, 5000)).astype(np.float32)
    found = histogram_of(*values).percentile(0.999)
    expected = np.percentile(values, [0.05, 99.95])
    assert (found.low, found.high) == pytest.approx(expected, abs=2 * width_of(values))


def test_outliers_are_left_out_and_zeros_of_a_relu_stay_the_lower_end():
    values = np.maximum(np.random.default_rng(1).normal(size=100_000), 0).astype(np.float32)
    values[7] = 1000
    found = histogram_of(values).percentile(0.9999)
    assert found.low == 0
    assert 3.5 < found.high < 5


@pytest.mark.parametrize("value", [0.0, 3.0, -2.5])
def test_a_constant_tensor_has_its_value_as_range(value):
    assert histogram_of(np.full((2, 3), value, np.float32)).percentile(0.99) == Range(value, value)


def test_a_border_of_a_bin_beyond_the_largest_value_is_not_taken():
    found = histogram_of(np.array([-1, -2e-16, -2e-16, -2e-16], np.float32)).percentile(0.5)
    assert found.low <= found.high < 0


def test_values_next_to_0_are_counted_like_others():
    tiny = float(np.finfo(np.float32).tiny)
    histogram = histogram_of(np.array([0, tiny], np.float32))
    assert histogram.percentile(1.0) == Range(0, tiny)
    histogram.update(np.array([1.0], np.float32))
    assert histogram.percentile(1.0) == Range(0, 1)


def test_an_empty_tensor_changes_nothing_and_infinity_shows_in_the_range():
    histogram = histogram_of(np.ones(3, np.float32), np.zeros((0, 4), np.float32))
    assert histogram.percentile(1.0) == Range(1, 1)
    histogram.update(np.array([-np.inf], np.float32))
    assert histogram.range == Range(-np.inf, 1)
