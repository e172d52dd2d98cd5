"""edgekit_runtime.codec: what was written reads back as the same value, and nothing wrong is let through."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import ClassVar, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.codec import FormatError, decode, dumps, dumps_document, encode, loads_document


@dataclass(frozen=True)
class Part:
    name: str
    share: float
    count: int = 1


@dataclass(frozen=True)
class Document:
    SCHEMA: ClassVar[str] = "edgekit/test"
    VERSION: ClassVar[int] = 2

    parts: tuple[Part, ...]
    pair: tuple[int, str]
    exact: bool
    note: Optional[str]
    first: Optional[Part] = None
    other: Part | None = None
    tags: tuple[str, ...] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        if self.note == "forbidden":
            raise ValueError("note is 'forbidden'; allowed: any other")


# A file name that is no UTF-8 reaches Python as text with such half characters in it.
texts = st.text(st.one_of(st.characters(), st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF)))
parts = st.builds(Part, texts, st.floats(allow_nan=False, allow_infinity=False), st.integers())
documents = st.builds(
    Document,
    st.lists(parts, max_size=3).map(tuple),
    st.tuples(st.integers(), texts),
    st.booleans(),
    st.none() | texts,
    st.none() | parts,
    st.none() | parts,
    st.lists(texts, max_size=3).map(tuple),
)
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["schema", "version", "parts", "pair", "exact", "note", "x"]), inner)
    ),
    max_leaves=8,
)


def a_document() -> dict[str, object]:
    return {"schema": "edgekit/test", "version": 2, "parts": [], "pair": [1, "a"], "exact": True, "note": None}


def faults_of(**changes: object) -> tuple[str, ...]:
    tree = {key: value for key, value in {**a_document(), **changes}.items() if value is not ...}
    with pytest.raises(FormatError) as caught:
        loads_document(Document, json.dumps(tree))
    return caught.value.faults


@given(documents)
def test_a_document_reads_back_as_the_same_value_and_writes_the_same_bytes(document):
    text = dumps_document(document)
    assert loads_document(Document, text.encode().decode()) == document
    assert dumps_document(loads_document(Document, text)) == text


@given(trees)
def test_any_json_is_read_or_refused_with_its_faults(tree):
    text = json.dumps({**tree, "schema": "edgekit/test", "version": 2} if isinstance(tree, dict) else tree)
    try:
        document = loads_document(Document, text)
    except FormatError:
        return
    assert loads_document(Document, dumps_document(document)) == document


@given(st.text())
def test_any_text_is_read_or_refused(text):
    with pytest.raises(FormatError):
        loads_document(Document, text)


def test_a_file_begins_with_its_schema_and_version():
    text = dumps_document(Document((), (1, "a"), True, None))
    assert list(json.loads(text))[:2] == ["schema", "version"]
    assert text.endswith("}\n")


def test_text_stays_readable():
    assert "Größe" in dumps(Part("Größe", 1.0))


def test_a_number_that_json_lacks_is_not_written():
    with pytest.raises(ValueError, match="JSON"):
        dumps(Part("a", float("nan")))


def test_defaults_may_be_left_out():
    document = loads_document(Document, json.dumps(a_document()))
    assert (document.first, document.tags) == (None, ())


def test_a_whole_number_is_a_float_where_one_is_asked_for():
    assert decode(Part, {"name": "a", "share": 1}) == Part("a", 1.0)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"schema": "edgekit/other"}, "schema: is 'edgekit/other'; allowed: 'edgekit/test'"),
        ({"version": 3}, "version: is 3; allowed: 2"),
        ({"version": ...}, "version: is None; allowed: 2"),
        ({"exact": ...}, "exact: missing"),
        ({"exact": 1}, "exact: is 1; allowed: bool"),
        ({"extra": 1}, "extra: unknown; allowed: parts, pair, exact, note, first, other, tags"),
        ({"parts": {"a": 1}}, "parts: is an object; allowed: a list"),
        ({"parts": [3]}, "parts[0]: is 3; allowed: an object"),
        ({"parts": [{"name": "a", "share": "b"}]}, 'parts[0].share: is "b"; allowed: float'),
        ({"parts": [{"name": "a", "share": True}]}, "parts[0].share: is true; allowed: float"),
        ({"first": {"name": "a", "share": 1.0, "count": True}}, "first.count: is true; allowed: int"),
        ({"other": {"name": "a", "share": None}}, "other.share: is null; allowed: float"),
        ({"first": {"name": "a", "share": 10**400}}, "first.share: is too large; allowed: a finite number"),
        ({"pair": [1]}, "pair: has 1 items; allowed: 2"),
        ({"pair": ["a", "b"]}, 'pair[0]: is "a"; allowed: int'),
        ({"note": "forbidden"}, "document: note is 'forbidden'; allowed: any other"),
        ({"note": ["x"] * 100}, "note: is a list; allowed: str"),
    ],
)
def test_a_fault_is_named_with_its_place_and_what_is_allowed(changes, fault):
    assert faults_of(**changes) == (fault,)


def test_all_faults_are_told_at_once():
    assert len(faults_of(exact=1, pair=[1], parts=[3, 4])) == 4


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "it is no JSON"),
        ("[1]", "it is no JSON object"),
        ('{"a": NaN}', "it holds NaN"),
        ('{"a": -Infinity}', "it holds -Infinity"),
        ('{"exact": true, "exact": false}', "exact: stands twice"),
        ("[" * 100_000, "it is no JSON"),
    ],
)
def test_text_that_is_no_strict_json_is_refused(text, fault):
    with pytest.raises(FormatError, match=fault):
        loads_document(Document, text)


def test_a_number_beyond_the_largest_double_is_refused():
    text = json.dumps({**a_document(), "first": {"name": "a", "share": 0.5}}).replace("0.5", "1e999")
    with pytest.raises(FormatError, match=r"first\.share: is too large"):
        loads_document(Document, text)


def test_encode_leaves_scalars_and_turns_tuples_into_lists():
    assert encode({"a": (1, (2.5, None))}) == {"a": [1, [2.5, None]]}
