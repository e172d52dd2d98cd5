"""From bodies to answers, and the results that are kept."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.model import load
from edgekit_runtime.serve_body import NPY_TYPE
from edgekit_runtime.serve_http import JSON_TYPE, Head
from edgekit_runtime.serve_predict import Predictor, ResultCache
from tests.bundle_files import dense_bundle, two_by_two_bundle

VALUES = [0.5] * 8


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load(dense_bundle(tmp_path_factory.mktemp("dense")))


def head_of(kind: str, accept: str = "") -> Head:
    return Head("POST", "/v1/predict", {"content-type": kind, "accept": accept})


def json_of(inputs: object) -> bytes:
    return json.dumps({"inputs": inputs}).encode()


def test_an_answer_is_what_the_model_gives(model):
    answered = Predictor(model, 4, 0).answer(head_of(JSON_TYPE), json_of([VALUES, VALUES]))
    assert (answered.response.status, answered.samples, answered.cached) == (200, 2, None)
    assert answered.inference_s > 0
    expected = model(np.array([VALUES, VALUES], np.float32))
    assert np.allclose(json.loads(answered.response.body)["outputs"]["scores"], expected)


def test_arrays_go_in_and_come_out_as_npy(model):
    values = np.array(VALUES, np.float32)
    file = io.BytesIO()
    np.save(file, values)
    answered = Predictor(model, 4, 0).answer(head_of(NPY_TYPE, NPY_TYPE), file.getvalue())
    assert np.array_equal(np.load(io.BytesIO(answered.response.body)), model(values))


def test_several_inputs_and_outputs_go_by_their_names(tmp_path):
    predictor = Predictor(load(two_by_two_bundle(tmp_path)), 4, 0)
    answered = predictor.answer(head_of(JSON_TYPE), json_of({"a": [3, 3, 3, 3], "b": [1, 1, 1, 1]}))
    assert json.loads(answered.response.body)["outputs"] == {"sum": [4.0] * 4, "difference": [2.0] * 4}


@pytest.mark.parametrize(
    ("kind", "body", "status", "part"),
    [
        (JSON_TYPE, json_of([1.0] * 7), 400, "has shape (7,); allowed: (8,)"),
        (JSON_TYPE, json_of({"other": VALUES}), 400, "inputs are other; allowed: features"),
        (JSON_TYPE, b"{", 400, "no JSON"),
        (JSON_TYPE, json_of([VALUES] * 5), 413, "there are 5 samples; allowed: 4"),
        (JSON_TYPE, b'{"inputs": [1e400, 1, 1, 1, 1, 1, 1, 1]}', 400, "output scores is NaN or infinite"),
        (NPY_TYPE, b"abc", 400, "no .npy file"),
        ("text/html", b"", 415, "Content-Type is 'text/html'"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(model, kind, body, status, part):
    answered = Predictor(model, 4, 4).answer(head_of(kind), body)
    assert (answered.response.status, answered.samples) == (status, 0)
    message = json.loads(answered.response.body)["error"]["message"]
    assert part in message
    assert "\n" not in message


@given(st.binary(max_size=60), st.sampled_from([JSON_TYPE, NPY_TYPE, "x"]))
def test_any_body_has_an_answer(model, body, kind):
    answered = Predictor(model, 4, 2).answer(head_of(kind), body)
    assert answered.response.status in (200, 400, 413, 415)


def test_equal_inputs_are_answered_from_the_cache(model):
    predictor = Predictor(model, 4, 2)
    first, second, other = (
        predictor.answer(head_of(JSON_TYPE), json_of(values)) for values in (VALUES, VALUES, [0.0, *VALUES[1:]])
    )
    assert (first.cached, second.cached, other.cached) == (False, True, False)
    assert second.inference_s == 0
    assert second.response == first.response
    assert len(predictor.cache) == 2


def test_an_input_of_another_shape_is_another_input(model):
    predictor = Predictor(model, 4, 2)
    alone = predictor.answer(head_of(JSON_TYPE), json_of(VALUES))
    one_row = predictor.answer(head_of(JSON_TYPE), json_of([VALUES]))
    assert one_row.cached is False
    assert one_row.response != alone.response


def result_of(count: int) -> dict[str, np.ndarray]:
    return {"y": np.zeros(count, np.uint8)}


def test_the_result_not_asked_for_longest_goes_first():
    cache = ResultCache(2)
    for key in (b"a", b"b"):
        cache.keep(key, result_of(1))
    assert cache.find(b"a") is not None
    cache.keep(b"c", result_of(1))
    assert cache.find(b"b") is None
    assert cache.find(b"a") is not None


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 120)), max_size=30))
def test_a_cache_never_holds_more_than_it_may(kept):
    cache = ResultCache(3, size_bytes=100)
    for key, size in kept:
        cache.keep(bytes([key]), result_of(size))
        found = [cache.find(bytes([each])) for each in range(6)]
        sizes = [result["y"].nbytes for result in found if result is not None]
        assert len(cache) == len(sizes) <= 3
        assert cache.held_bytes == sum(sizes) <= 100
