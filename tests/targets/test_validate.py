from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from edgekit_runtime.codec import FormatError
from edgekit_targets.validate import validate


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
