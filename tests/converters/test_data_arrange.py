"""edgekit_converters.data.arrange: the samples of a student as its teacher takes them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_converters.data.arrange import arrange, order_between
from edgekit_converters.data.npz import NpzSource
from edgekit_runtime.errors import DataError
from edgekit_runtime.tensor import TensorSpec

PICTURE = TensorSpec("image", (-1, 4, 5, 3), "float32")


@given(st.tuples(*[st.integers(1, 4)] * 3))
def test_an_order_turns_one_shape_into_the_other(shape):
    for other in (shape, (*shape[1:], shape[0]), (shape[2], *shape[:2])):
        order = order_between(shape, other)
        assert order is not None
        assert np.transpose(np.zeros(shape), order).shape == other


@pytest.mark.parametrize(("shape", "other"), [((4, 5, 3), (5, 4, 3)), ((3,), (4,)), ((4, 4), (4, 4, 1))])
def test_shapes_that_only_look_alike_have_no_order(shape, other):
    assert order_between(shape, other) is None


def written(tmp_path, **arrays):
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    return path


def test_channels_move_and_names_change(tmp_path):
    pictures = np.arange(6 * 60, dtype=np.float32).reshape(6, 4, 5, 3)
    source = NpzSource(written(tmp_path, image=pictures), (PICTURE,), ())
    other = TensorSpec("x", (-1, 3, 4, 5), "float32")
    arrange(source, (0, 2, 5), (PICTURE,), (other,), tmp_path / "other.npz")
    with np.load(tmp_path / "other.npz") as found:
        np.testing.assert_array_equal(found["x"], pictures[[0, 2, 5]].transpose(0, 3, 1, 2))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.npz", "other.npz"]


def test_inputs_of_the_same_names_meet_whatever_their_order(tmp_path):
    left, right = TensorSpec("left", (-1, 2), "float32"), TensorSpec("right", (-1, 2), "float32")
    path = written(tmp_path, left=np.zeros((3, 2), np.float32), right=np.ones((3, 2), np.float32))
    source = NpzSource(path, (left, right), ())
    arrange(source, (0, 1, 2), (left, right), (right, left), tmp_path / "other.npz")
    with np.load(tmp_path / "other.npz") as found:
        assert found["left"].max() == 0
        assert found["right"].min() == 1


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ((TensorSpec("x", (-1, 8, 8, 3), "float32"),), r"teacher's input x is \(8, 8, 3\)"),
        ((PICTURE, PICTURE), "takes 2 inputs, and the model 1"),
    ],
)
def test_a_teacher_of_other_samples_is_told(tmp_path, others, told):
    source = NpzSource(written(tmp_path, image=np.zeros((2, 4, 5, 3), np.float32)), (PICTURE,), ())
    with pytest.raises(DataError, match=told):
        arrange(source, (0, 1), (PICTURE,), others, tmp_path / "other.npz")
