"""edgekit_runtime.affine: real numbers to stored ones and back, within half a step."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from edgekit_runtime.affine import restore, storable, store
from edgekit_runtime.tensor import Quantization, TensorSpec

INTEGERS = ("int8", "uint8", "int16", "int32")
scales = st.floats(1e-6, 1e3)
reals = st.floats(-1e4, 1e4)


@st.composite
def quantized_specs(draw) -> TensorSpec:
    dtype = draw(st.sampled_from(("int8", "uint8", "int16")))
    limits = np.iinfo(dtype)
    return TensorSpec("t", (1,), dtype, Quantization((draw(scales),), (draw(st.integers(limits.min, limits.max)),)))


def real_limits(spec: TensorSpec) -> tuple[float, float]:
    assert spec.quantization is not None
    limits, scale, zero_point = np.iinfo(spec.dtype), spec.quantization.scale[0], spec.quantization.zero_point[0]
    return (limits.min - zero_point) * scale, (limits.max - zero_point) * scale


@given(quantized_specs(), arrays(np.float64, array_shapes(min_dims=0, max_dims=4, max_side=3), elements=reals))
def test_a_value_comes_back_within_half_a_step_and_values_outside_are_clipped(spec, values):
    stored = store(values, spec)
    back = restore(stored, spec)
    assert stored.dtype == spec.dtype
    assert stored.shape == back.shape == values.shape
    low, high = real_limits(spec)
    nearest = np.clip(values, low, high)
    slack = 1e-6 * max(abs(low), abs(high))  # restored values are float32
    assert np.all(np.abs(back - nearest) <= spec.quantization.scale[0] / 2 + slack)


@given(quantized_specs())
def test_every_stored_value_is_its_own_round_trip(spec):
    limits = np.iinfo(spec.dtype)
    every = np.arange(limits.min, limits.max + 1).astype(spec.dtype)
    assert np.array_equal(store(restore(every, spec), spec), every)


@given(quantized_specs())
def test_zero_is_stored_without_error(spec):
    assert restore(store(np.zeros((2, 2)), spec), spec).tolist() == [[0, 0], [0, 0]]


@st.composite
def specs_with_values(draw) -> tuple[TensorSpec, np.ndarray]:
    """A tensor with one scale or one for each channel, and values of any type that it is given."""
    values = draw(
        st.one_of(
            arrays(
                st.sampled_from(("uint8", "int8", "bool", "int32", "float16")), array_shapes(max_dims=4, max_side=3)
            ),
            arrays(
                st.sampled_from(("float32", "float64")),
                array_shapes(max_dims=4, max_side=3),
                elements=st.one_of(st.floats(-1e4, 1e4, width=32), st.sampled_from((-math.inf, math.inf))),
            ),
        ).filter(lambda values: not np.isnan(values).any())
    )
    axis = draw(st.none() | st.integers(0, values.ndim - 1))
    count = 1 if axis is None else values.shape[axis]
    channel_scales = draw(st.lists(scales, min_size=count, max_size=count))
    zero_points = draw(st.lists(st.integers(-100, 100), min_size=count, max_size=count))
    dtype = draw(st.sampled_from(("int8", "uint8", "int16")))
    return TensorSpec("t", (1,), dtype, Quantization(tuple(channel_scales), tuple(zero_points), axis)), values


@given(specs_with_values())
def test_what_is_stored_is_what_the_formula_gives_to_the_last_bit(drawn):
    spec, values = drawn
    shape = [1] * values.ndim
    if spec.quantization.axis is not None:
        shape[spec.quantization.axis] = -1
    scale, zero_point = (
        np.reshape(np.array(part, np.float64), shape)
        for part in (spec.quantization.scale, spec.quantization.zero_point)
    )
    limits = np.iinfo(spec.dtype)
    expected = np.clip(np.rint(values.astype(np.float64) / scale) + zero_point, limits.min, limits.max)
    assert np.array_equal(store(values, spec), expected.astype(spec.dtype))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_storing_takes_the_memory_of_one_array_of_float64(dtype):
    values = np.ones((1, 224, 224, 3), dtype)
    tracemalloc.start()
    try:
        stored = store(values, TensorSpec("t", values.shape, "int8", Quantization((0.5,), (3,))))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < values.size * 8 + stored.nbytes + 100_000


@pytest.mark.parametrize(
    "values", [np.zeros((0, 3), np.uint8), np.arange(6, dtype=np.uint8).reshape(2, 3).T, np.int8(-5)]
)
def test_bytes_of_any_form_are_stored_as_the_same_numbers_of_another_type_are(values):
    spec = TensorSpec("t", values.shape, "int8", Quantization((0.5,), (3,)))
    stored = store(values, spec)
    assert stored.shape == values.shape
    assert stored.dtype == np.int8
    assert stored.tolist() == store(values.astype(np.float32), spec).tolist()


def test_infinite_values_become_the_ends_of_the_range():
    spec = TensorSpec("t", (1, 2), "int8", Quantization((0.5,), (3,)))
    assert store(np.array([[-math.inf, math.inf]]), spec).tolist() == [[-128, 127]]


@given(st.integers(0, 2), st.tuples(scales, scales, scales), st.tuples(*[st.integers(-9, 9)] * 3))
def test_each_channel_has_its_own_scale_and_zero_point(axis, channel_scales, zero_points):
    spec = TensorSpec("t", (3, 3, 3), "int8", Quantization(channel_scales, zero_points, axis))
    stored = np.random.default_rng(0).integers(-128, 128, (3, 3, 3)).astype(np.int8)
    found = restore(stored, spec)
    for channel in range(3):
        one = TensorSpec("c", (3, 3), "int8", Quantization((channel_scales[channel],), (zero_points[channel],)))
        assert np.array_equal(found.take(channel, axis), restore(stored.take(channel, axis), one))
    assert np.array_equal(store(found, spec), stored)


def test_float_tensors_stay_as_they_are():
    spec = TensorSpec("t", (1, 2), "float32")
    values = np.array([[1.5, math.nan]], np.float32)
    assert restore(values, spec) is values
    assert np.array_equal(store(values, spec), values, equal_nan=True)
    assert store(np.array([[1.0, 2.0]]), spec).dtype == np.float32


def test_integers_without_a_scale_are_never_rescaled():
    spec = TensorSpec("tokens", (1, 3), "int32")
    tokens = np.array([[0, 7, 30000]])
    assert store(tokens, spec).tolist() == tokens.tolist()
    assert restore(tokens, spec) is tokens


def test_what_is_stored_lies_in_one_piece():
    spec = TensorSpec("t", (2, 3), "float32")
    assert store(np.zeros((3, 2), np.float32).T, spec).flags.c_contiguous


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("value", [math.nan, math.inf, 0.5, 1e12, -3e9])
def test_integers_without_a_scale_hold_whole_numbers_of_their_range_alone(dtype, value):
    assert not storable(np.array([0.0, value]), TensorSpec("t", (1,), dtype))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_whole_numbers_of_any_type_are_storable(dtype):
    limits = np.iinfo(dtype)
    spec = TensorSpec("t", (1,), dtype)
    assert storable(np.array([limits.min, limits.max]), spec)
    assert storable(np.array([0.0, 100.0]), spec)
    assert not storable(np.array([limits.max + 1]), spec)


def test_a_scale_makes_all_but_nan_storable():
    spec = TensorSpec("t", (1,), "int8", Quantization((0.5,), (0,)))
    assert storable(np.array([0.3, 1e9, math.inf]), spec)
    assert not storable(np.array([0.3, math.nan]), spec)


def test_a_float_tensor_holds_every_number():
    assert storable(np.array([0.5, math.nan, math.inf]), TensorSpec("t", (1,), "float32"))


def test_a_scalar_without_a_scale_stays_one():
    assert store(np.int32(16000), TensorSpec("rate", (), "int64")).shape == ()
