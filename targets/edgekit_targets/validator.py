"""What checks a tree against a plain dataclass, made for pydantic's core without pydantic's own layer above it.

That layer takes a fifth of the processor time of `edgekit check` to import and to look at the dataclasses; the few
kinds of fields that our files have are told to the core in a few lines.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic_core import CoreConfig, CoreSchema, SchemaValidator
from pydantic_core import core_schema as core

SCALARS: Mapping[object, Callable[[], CoreSchema]] = {
    str: core.str_schema,
    int: core.int_schema,
    float: core.float_schema,
    bool: core.bool_schema,
}
STRICTLY = CoreConfig(strict=True, allow_inf_nan=False, extra_fields_behavior="forbid")  # each dataclass needs its own
UNIONS = (typing.Union, types.UnionType)


@functools.cache
def validator_of(kind: type) -> SchemaValidator:
    """What builds a dataclass from JSON: strictly, without unknown keys, and with every fault in one go.

    Args:
        kind: A dataclass of dataclasses, tuples, mappings with texts as keys, literals, scalars and what may be `None`.

    Raises:
        TypeError: It has fields of other kinds.
    """
    return SchemaValidator(_schema(kind))


@functools.cache
def hints_of(kind: type) -> Mapping[str, Any]:
    """The types of a dataclass's fields, kept because telling them takes longer than their use."""
    return typing.get_type_hints(kind)


def without_none(kind: Any) -> Any:
    """A type without the `None` that may stand in its place."""
    if typing.get_origin(kind) not in UNIONS:
        return kind
    (arm,) = (arm for arm in typing.get_args(kind) if arm is not types.NoneType)
    return arm


def field_type(kind: Any, name: str) -> Any:
    """The type of a dataclass's field; of a generic dataclass, with what stands for its variable."""
    hint = hints_of(typing.get_origin(kind) or kind)[name]
    return typing.get_args(kind)[0] if isinstance(hint, TypeVar) else hint


def _schema(kind: Any) -> CoreSchema:
    if kind in SCALARS:
        return SCALARS[kind]()
    inner = without_none(kind)
    if inner is not kind:
        return core.nullable_schema(_schema(inner))
    origin, args = typing.get_origin(kind) or kind, typing.get_args(kind)
    if dataclasses.is_dataclass(origin):
        return _dataclass_schema(kind, typing.cast("type", origin))
    if origin is typing.Literal:
        return core.literal_schema(list(args))
    if origin is tuple:
        return _tuple_schema(args)
    if origin is Mapping:
        return core.dict_schema(core.str_schema(), _schema(args[1]))
    raise TypeError(f"{kind} is no kind of field that a file has")


def _tuple_schema(args: tuple[Any, ...]) -> CoreSchema:
    if args[-1] is Ellipsis:
        return core.tuple_schema([_schema(args[0])], variadic_item_index=0)
    return core.tuple_schema([_schema(arg) for arg in args])


def _dataclass_schema(kind: Any, origin: type) -> CoreSchema:
    fields = dataclasses.fields(origin)
    return core.dataclass_schema(
        origin,
        core.dataclass_args_schema(
            origin.__name__, [core.dataclass_field(one.name, _field_schema(kind, one)) for one in fields]
        ),
        [one.name for one in fields],
        post_init=hasattr(origin, "__post_init__"),
        config=STRICTLY,
    )


def _field_schema(kind: Any, field: dataclasses.Field[Any]) -> CoreSchema:
    schema = _schema(field_type(kind, field.name))
    if field.default is not dataclasses.MISSING:
        return core.with_default_schema(schema, default=field.default)
    if field.default_factory is not dataclasses.MISSING:
        return core.with_default_schema(schema, default_factory=field.default_factory)
    return schema
