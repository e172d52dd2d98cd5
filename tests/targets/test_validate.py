from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict, TypeAdapter, ValidationError

from edgekit_runtime.codec import FormatError, strip_header
from edgekit_targets.catalog import load_profile
from edgekit_targets.profile import Profile
from edgekit_targets.validate import validate
from edgekit_targets.validator import validator_of

ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.just([]), st.just({}))


@dataclass(frozen=True)
class Part:
    size: int
    ratio: float | None = None


@dataclass(frozen=True)
class Whole:
    word: Literal["one", "two"]
    parts: tuple[Part, ...]
    notes: Mapping[str, str]
    flag: bool = False

    def __post_init__(self) -> None:
        if self.flag and not self.parts:
            raise ValueError("flag without parts; allowed: parts")


GOOD: dict[str, Any] = {"word": "one", "parts": [{"size": 1, "ratio": 2}], "notes": {"a": "b"}}


def faults(**changes: object) -> tuple[str, ...]:
    with pytest.raises(FormatError) as caught:
        validate(Whole, {**GOOD, **changes})
    return caught.value.faults


def test_a_tree_becomes_the_dataclass() -> None:
    assert validate(Whole, GOOD) == Whole("one", (Part(1, 2.0),), {"a": "b"})


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"word": "six"}, 'word: is "six"; allowed: one, two'),
        ({"word": 1}, "word: is 1; allowed: one, two"),
        ({"flag": "yes"}, 'flag: is "yes"; allowed: true or false'),
        ({"parts": 3}, "parts: is 3; allowed: a list, each the keys size, ratio"),
        ({"parts": [3]}, "parts[0]: is 3; allowed: the keys size, ratio"),
        ({"parts": [{"size": "4"}]}, 'parts[0].size: is "4"; allowed: a whole number'),
        ({"parts": [{"size": 4.5}]}, "parts[0].size: is 4.5; allowed: a whole number"),
        ({"parts": [{"size": True}]}, "parts[0].size: is true; allowed: a whole number"),
        ({"parts": [{"size": 1, "ratio": float("nan")}]}, "parts[0].ratio: is NaN; allowed: a finite number"),
        ({"parts": [{}]}, "parts[0].size: missing; allowed: a whole number"),
        ({"notes": {"a": 1}}, "notes.a: is 1; allowed: text"),
        ({"notes": "a"}, 'notes: is "a"; allowed: keys with texts'),
        ({"other": 1}, "other: unknown; allowed: the keys word, parts, notes, flag"),
        ({"parts": [{"siz": 1, "size": 1}]}, "parts[0].siz: unknown; allowed: the keys size, ratio; nearest: size"),
        ({"parts": [], "flag": True}, "document: flag without parts; allowed: parts"),
    ],
)
def test_each_fault_says_where_what_and_what_is_allowed(changes: dict[str, object], fault: str) -> None:
    assert faults(**changes) == (fault,)


def test_a_long_value_is_cut_short() -> None:
    (fault,) = faults(word="x" * 100)

    assert len(fault) < 80


def test_all_faults_are_told_at_once() -> None:
    assert len(faults(word="six", parts=[{"size": "a"}, {}, 7], other=1)) == 5


def test_what_is_no_table_is_a_fault() -> None:
    with pytest.raises(FormatError, match="document: is 3; allowed: the keys word"):
        validate(Whole, 3)


def _mangled(draw: st.DrawFn, tree: Any) -> Any:
    """A tree with a few of its values replaced, dropped or added."""
    if isinstance(tree, dict):
        mangled = {key: _mangled(draw, part) for key, part in tree.items() if draw(st.integers(0, 40))}
        return {**mangled, "other": 1} if not draw(st.integers(0, 40)) else mangled
    if isinstance(tree, list):
        return [_mangled(draw, part) for part in tree]
    return draw(ANYTHING) if not draw(st.integers(0, 40)) else tree


@given(st.data())
def test_faults_are_found_where_pydantic_finds_them(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(("raspberry-pi-4b", "ethos-u55-256", "coral-edgetpu-usb")))
    tree = strip_header(Profile, tomllib.loads(load_profile(name).toml.decode()))
    text = json.dumps([data.draw(st.composite(_mangled)(tree))])
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    try:
        expected: object = TypeAdapter(tuple[Profile], config=config).validate_json(text)[0]
    except ValidationError as error:
        expected = [(one["type"], one["loc"][1:]) for one in error.errors()]
    try:
        found: object = validator_of(Profile).validate_json(text[1:-1])
    except ValidationError as error:
        found = [(one["type"], one["loc"]) for one in error.errors()]

    assert found == expected


def test_a_field_that_no_file_has_is_a_mistake_of_ours() -> None:
    @dataclass(frozen=True)
    class Odd:
        part: complex

    with pytest.raises(TypeError, match="complex"):
        validator_of(Odd)
