"""Plain dataclasses built from trees of keys and values by pydantic, with every fault in one go."""

from __future__ import annotations

import dataclasses
import json
import typing
from typing import TYPE_CHECKING, Any, TypeVar

from edgekit_runtime.codec import FormatError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

T = TypeVar("T")

_SCALARS = {
    str: "text",
    int: "a whole number",
    float: "a finite number",
    bool: "true or false",
}


def validate(kind: type[T], tree: object) -> T:
    """Build a dataclass from a tree; unknown keys, missing keys and other types are faults.

    Args:
        kind: A dataclass of dataclasses, tuples, mappings and scalars.
        tree: Dictionaries, lists and scalars, as a TOML or JSON reader gives them.

    Raises:
        FormatError: With every fault, each as `key: fault; allowed: ...`. Where the parts of a dataclass
            have faults, contradictions between its parts are not looked for.
    """
    from pydantic_core import ValidationError

    from edgekit_targets.validator import validator_of

    try:
        # As JSON, because strict Python input would have to hold the dataclasses already.
        value = validator_of(kind).validate_json(json.dumps(tree, default=str))  # type: ignore[arg-type]  # classes are hashable
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise FormatError(tuple(fault for detail in details for fault in _faults(kind, detail))) from error
    assert isinstance(value, kind)
    return value


def _faults(kind: type, detail: ErrorDetails) -> list[str]:
    """What one detail says; a dataclass may tell several contradictions, each on a line."""
    if detail["type"] != "value_error":
        return [_fault(kind, detail)]
    return [f"{_key(detail['loc'])}: {line}" for line in str(detail["ctx"]["error"]).split("\n")]


def _fault(kind: type, detail: ErrorDetails) -> str:
    path = detail["loc"]
    if detail["type"] == "missing":
        return f"{_key(path)}: missing; allowed: {_allowed(_type_at(kind, path))}"
    if detail["type"] == "unexpected_keyword_argument":
        table = _type_at(kind, path[:-1])
        return f"{_key(path)}: unknown; allowed: {_allowed(table)}{_nearest(str(path[-1]), table)}"
    return f"{_key(path)}: is {_shown(detail['input'])}; allowed: {_allowed(_type_at(kind, path))}"


def _key(path: tuple[int | str, ...]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "document"


def _type_at(kind: Any, path: tuple[int | str, ...]) -> Any:
    """The declared type of the value that a path leads to, from the outermost dataclass."""
    from edgekit_targets.validator import field_type, without_none

    for part in path:
        kind = without_none(kind)
        origin = typing.get_origin(kind) or kind
        if dataclasses.is_dataclass(origin):
            kind = field_type(kind, str(part))
        else:
            kind = typing.get_args(kind)[0 if origin is tuple else 1]
    return without_none(kind)


def _allowed(kind: Any) -> str:
    origin = typing.get_origin(kind) or kind
    if origin is typing.Literal:
        return ", ".join(str(word) for word in typing.get_args(kind))
    if dataclasses.is_dataclass(origin):
        return f"the keys {', '.join(field.name for field in dataclasses.fields(origin))}"
    if origin is tuple:
        return f"a list, each {_allowed(typing.get_args(kind)[0])}"
    return _SCALARS.get(origin, "keys with texts")


def _nearest(key: str, table: Any) -> str:
    """The key that may have been meant, such as the one that says its unit."""
    from difflib import get_close_matches  # only where there is a fault: every verb reads a profile

    names = [field.name for field in dataclasses.fields(typing.get_origin(table) or table)]
    near = [name for name in names if name.startswith(f"{key}_")] or get_close_matches(key, names, 1, 0.8)
    return f"; nearest: {near[0]}" if near else ""


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 40 else text[:37] + "..."
