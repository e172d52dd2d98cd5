"""The size of an arena, from where tensors lie."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.arena import TensorPlace, arena_bytes
from edgekit_runtime.errors import ModelError
from edgekit_runtime.litert import tensor_places
from tests.tflite_files import write_dense, write_free_batch

BASE = 0x7F0000000000
sizes = st.lists(st.tuples(st.integers(1, 4096), st.integers(0, 63), st.booleans()), min_size=1, max_size=12)


@given(sizes, st.randoms())
def test_a_block_without_wide_gaps_is_its_span_in_any_order(parts, random):
    address, places = BASE, []
    for size, gap, activation in parts:
        places.append(TensorPlace(address, size, activation))
        address += size + gap
    places[0] = places[0]._replace(activation=True)
    random.shuffle(places)
    assert arena_bytes(places) == address - parts[-1][1] - BASE


def test_tensors_that_share_their_memory_count_once():
    assert arena_bytes([TensorPlace(BASE, 100, True), TensorPlace(BASE + 20, 30, True)]) == 100


def test_scratch_memory_within_the_block_counts_and_elsewhere_does_not():
    places = [TensorPlace(BASE, 64, True), TensorPlace(BASE + 64, 1000, False), TensorPlace(BASE + 10**6, 5000, False)]
    assert arena_bytes(places) == 1064


@pytest.mark.parametrize(
    "places",
    [
        [],
        [TensorPlace(BASE, 0, True)],
        [TensorPlace(BASE, 64, False)],
        [TensorPlace(BASE, 64, True), TensorPlace(BASE + 10**6, 64, True)],
    ],
)
def test_activations_that_lie_in_no_single_block_give_no_size(places):
    assert arena_bytes(places) is None


def test_the_arena_of_a_model_holds_its_activations_and_grows_with_the_batch(tmp_path):
    path = str(write_free_batch(tmp_path / "m.tflite"))
    one, hundred = (arena_bytes(tensor_places(path, batch)) for batch in (1, 100))
    assert one is not None
    assert hundred is not None
    assert one >= 4 * (8 + 6)  # the first layer's input and output are alive together
    assert hundred >= 100 * 4 * (8 + 6)


def test_a_batch_that_the_model_does_not_take_has_no_places(tmp_path):
    with pytest.raises(ModelError, match="takes no batch of 2"):
        tensor_places(str(write_dense(tmp_path / "m.tflite")), 2)
