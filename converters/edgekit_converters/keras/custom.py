"""Import the user's modules, and find the classes and functions that a saved model may name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from edgekit_converters.data.user_code import import_user_module
from edgekit_runtime.errors import DataError, RecipeError

LIBRARIES = ("keras", "tf_keras", "tensorflow")


@dataclass(frozen=True)
class Custom:
    """What the user brings along.

    Attributes:
        modules: Names of the user's modules.
        objects: Their classes and functions by name, as Keras takes custom objects.
    """

    modules: tuple[str, ...] = ()
    objects: Mapping[str, Any] = field(default_factory=dict)


def import_custom(modules: Sequence[str]) -> Custom:
    """Import modules, and gather their classes and functions.

    The working folder comes first among the places where they are looked for. What a module
    registers with Keras is registered by importing it.

    Args:
        modules: Names such as `package.module`.

    Raises:
        RecipeError: One of them cannot be imported.
    """
    objects = {name: value for module in modules for name, value in _defined(_import(module)).items()}
    return Custom(tuple(modules), objects)


def _import(name: str) -> ModuleType:
    try:
        return import_user_module(name, name)
    except DataError as error:
        raise RecipeError(f"--custom {error.message}", hint=error.hint) from error


def _defined(module: ModuleType) -> dict[str, Any]:
    """Classes and functions of a module that come from no framework."""
    return {
        name: value
        for name, value in vars(module).items()
        if (inspect.isclass(value) or inspect.isfunction(value))
        and (value.__module__ or "").split(".")[0] not in LIBRARIES
    }
