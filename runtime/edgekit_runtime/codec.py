"""Dataclasses to JSON and back, strictly, with the standard library alone.

A document is a dataclass with `SCHEMA` and `VERSION`; its file begins with both.
The same value always gives the same bytes.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import types
import typing
from typing import Any, Callable, Optional, TypeVar

T = TypeVar("T")
UNIONS = (typing.Union, getattr(types, "UnionType", typing.Union))  # `X | None` on Python 3.10 and newer
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class FormatError(ValueError):
    """JSON that does not have the form of the type it was read as.

    Attributes:
        faults: Every fault, each as `key: what is wrong`.
    """

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def encode(value: object) -> Any:  # the JSON tree: any nesting of dict, list and scalars
    """Turn a dataclass into a tree of dictionaries, lists and scalars."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    return value


def dumps(value: object, *, schema: str = "", version: int = 0) -> str:
    """Write a value as JSON text: stable, readable, ending in a newline.

    Args:
        value: A dataclass, or what `encode` returns.
        schema: The document's schema name; empty for a part of a document.
        version: The document's version.
    """
    tree = encode(value)
    if schema:
        tree = {"schema": schema, "version": version, **tree}
    text = json.dumps(tree, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return LONE_SURROGATE.sub(_escape, text)


def dumps_document(document: object) -> str:
    """Write a document (a dataclass with `SCHEMA` and `VERSION`) as JSON text."""
    kind = type(document)
    return dumps(document, schema=kind.SCHEMA, version=kind.VERSION)  # type: ignore[attr-defined]  # every document type has both


def loads_document(kind: type[T], text: str) -> T:
    """Read a document that `dumps_document` wrote.

    Raises:
        FormatError: It is no JSON, another schema, a newer version, or has faults.
    """
    try:
        tree = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except FormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise FormatError((f"it is no JSON: {error}",)) from error
    return decode(kind, strip_header(kind, tree))


def strip_header(kind: type, tree: object) -> dict[str, Any]:
    """Check `schema` and `version` of a document's tree, and return the rest.

    Raises:
        FormatError: Another schema, or a version this edgekit does not read.
    """
    if not isinstance(tree, dict):
        raise FormatError(("it is no JSON object",))
    schema, version = tree.get("schema"), tree.get("version")
    if schema != kind.SCHEMA:  # type: ignore[attr-defined]  # every document type has it
        raise FormatError((f"schema: is {schema!r}; allowed: {kind.SCHEMA!r}",))  # type: ignore[attr-defined]  # as above
    if version != kind.VERSION:  # type: ignore[attr-defined]  # as above
        raise FormatError((f"version: is {version!r}; allowed: {kind.VERSION}",))  # type: ignore[attr-defined]  # as above
    return {key: value for key, value in tree.items() if key not in ("schema", "version")}


def decode(kind: type[T], tree: object) -> T:
    """Build a value of a type from a JSON tree; unknown and missing keys are faults.

    Raises:
        FormatError: With every fault of the tree.
    """
    faults: list[str] = []
    value = _decode(kind, tree, "", faults)
    if faults:
        raise FormatError(tuple(faults))
    return typing.cast(T, value)


def _decode(kind: Any, tree: Any, at: str, faults: list[str]) -> Any:
    origin = typing.get_origin(kind)
    if origin in UNIONS:
        inner = [arm for arm in typing.get_args(kind) if arm is not type(None)]
        return None if tree is None else _decode(inner[0], tree, at, faults)
    if origin is tuple:
        return _decode_tuple(typing.get_args(kind), tree, at, faults)
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(typing.cast(type, kind), tree, at, faults)
    return _decode_scalar(kind, tree, at, faults)


def _decode_tuple(args: tuple[Any, ...], tree: Any, at: str, faults: list[str]) -> Any:
    if not isinstance(tree, list):
        return _fault(faults, at, f"is {_shown(tree)}; allowed: a list")
    kinds = (args[0],) * len(tree) if args[-1] is Ellipsis else args
    if len(tree) != len(kinds):
        return _fault(faults, at, f"has {len(tree)} items; allowed: {len(kinds)}")
    return tuple(_decode(kind, item, f"{at}[{i}]", faults) for i, (kind, item) in enumerate(zip(kinds, tree)))


def _decode_dataclass(kind: type, tree: Any, at: str, faults: list[str]) -> Any:
    if not isinstance(tree, dict):
        return _fault(faults, at, f"is {_shown(tree)}; allowed: an object")
    hints = typing.get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    before = len(faults)
    for key in tree:
        if key not in fields:
            _fault(faults, _join(at, key), f"unknown; allowed: {', '.join(fields)}")
    values = {}
    for name, field in fields.items():
        if name in tree:
            values[name] = _decode(hints[name], tree[name], _join(at, name), faults)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            _fault(faults, _join(at, name), "missing")
    if len(faults) > before:
        return None
    return _build(kind, values, at, faults)


def _build(kind: Callable[..., Any], values: dict[str, Any], at: str, faults: list[str]) -> Any:
    try:
        return kind(**values)
    except ValueError as error:
        return _fault(faults, at, str(error))


def _decode_scalar(kind: Any, tree: Any, at: str, faults: list[str]) -> Any:
    if kind is float and isinstance(tree, (int, float)) and not isinstance(tree, bool):
        return _decode_float(tree, at, faults)
    if not isinstance(tree, kind) or (isinstance(tree, bool) and kind is not bool):
        return _fault(faults, at, f"is {_shown(tree)}; allowed: {kind.__name__}")
    return tree


def _decode_float(tree: float, at: str, faults: list[str]) -> Any:
    try:
        value = float(tree)
    except OverflowError:  # an integer that no double holds
        value = math.inf
    return value if math.isfinite(value) else _fault(faults, at, "is too large; allowed: a finite number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        keys = [key for key, _ in pairs]
        raise FormatError(tuple(f"{key}: stands twice" for key in tree if keys.count(key) > 1))
    return tree


def _refuse_constant(name: str) -> Any:
    raise FormatError((f"it holds {name}; allowed: finite numbers",))


def _escape(match: re.Match[str]) -> str:
    """Half of a character, such as a file name that is no UTF-8 brings: no encoder takes it as it is."""
    return f"\\u{ord(match[0]):04x}"


def _fault(faults: list[str], at: str, text: str) -> None:
    faults.append(f"{at or 'document'}: {text}")


def _join(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def _shown(tree: Optional[object]) -> str:
    if isinstance(tree, (dict, list)):
        return "an object" if isinstance(tree, dict) else "a list"
    text = json.dumps(tree, default=str)
    return text if len(text) <= 40 else text[:37] + "..."
