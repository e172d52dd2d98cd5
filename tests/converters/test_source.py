"""edgekit_converters.source: names that an exported file's signature can bear."""

from __future__ import annotations

import keyword
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_converters.source import SourceInfo, signature_names
from edgekit_runtime.codec import decode, encode
from edgekit_runtime.manifest import Library
from edgekit_runtime.tensor import TensorSpec

AWKWARD = ("a", "A", "a_b", "a b", "a_b_0", "class", "self", "_", "é", "1x")
words = st.one_of(st.text(max_size=4), st.sampled_from(AWKWARD))


def names_of(*sources: str) -> tuple[str, ...]:
    return signature_names(tuple(TensorSpec(name, (-1, 1), "float32") for name in sources))


@given(st.lists(words, max_size=6))
def test_each_name_stands_once_and_is_one_that_tensorflow_takes(sources):
    names = names_of(*sources)
    assert len(names) == len({name.lower() for name in names}) == len(sources)
    for name in names:
        assert re.fullmatch("[A-Za-z0-9][A-Za-z0-9_]*", name)
        assert not keyword.iskeyword(name)
        assert name != "self"


@pytest.mark.parametrize("name", ["x", "input_1", "Image", "1x", "a_b_0"])
def test_a_plain_name_stays(name):
    assert names_of(name) == (name,)


def test_other_characters_become_underscores():
    assert names_of("dense/out:0", "my input") == ("dense_out_0", "my_input")


def test_names_that_would_be_equal_get_their_number():
    assert names_of("a b", "other", "a_b") == ("a_b_0", "other", "a_b_2")


def test_a_number_that_is_taken_is_not_given_twice():
    assert names_of("a b", "a_b", "a_b_0") == ("a_b_0_", "a_b_1", "a_b_0")


def test_a_source_survives_json():
    info = SourceInfo(
        (TensorSpec("x", (-1, 8), "float32"),), (TensorSpec("y", (-1, 3), "float32"),), 75, (Library("keras", "3"),)
    )
    assert decode(SourceInfo, encode(info)) == info
