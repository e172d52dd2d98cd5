"""Run the user's code that makes a module."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from edgekit_converters.data.user_code import import_user_module
from edgekit_converters.torch.refusal import user_line
from edgekit_runtime.errors import DataError, ModelError, first_line

CODE_SUFFIX = ".py"


def make_module(source: str) -> Any:
    """Call the user's function or class, which takes no arguments, for a module.

    Args:
        source: `file.py:function`, `package.module:Class`.

    Raises:
        ModelError: There is no such code, it raises, or it gives something else.
    """
    place, _, name = source.rpartition(":")
    code = _import(place, source)
    maker = getattr(code, name, None)
    if maker is None:
        own = [key for key, value in vars(code).items() if _is_own(value, code)]
        raise ModelError(f"{source}: {place} has no {name}; it has: {', '.join(own) or 'no functions or classes'}.")
    made = maker if isinstance(maker, torch.nn.Module) else _call(maker, source)
    if isinstance(made, torch.jit.ScriptModule):
        raise ModelError(
            f"{source}: it gives a TorchScript module, which cannot be exported; allowed: a torch.nn.Module.",
            hint="Return the module that was scripted.",
        )
    if not isinstance(made, torch.nn.Module):
        raise ModelError(f"{source}: it gives a {type(made).__name__}; allowed: a torch.nn.Module.")
    return made


def _call(maker: Any, source: str) -> Any:
    try:
        needed = [name for name, one in inspect.signature(maker).parameters.items() if _needed(one)]
    except (TypeError, ValueError):  # not callable, or written in C
        needed = []
    if needed:
        raise ModelError(
            f"{source}: it needs the arguments {', '.join(needed)}, and is called without any.",
            hint="Name a function of your own that calls it: def make(): return Model(...).",
        )
    try:
        return maker()
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        raise _failed(source, error) from error


def _needed(parameter: inspect.Parameter) -> bool:
    plain = parameter.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return plain and parameter.default is inspect.Parameter.empty


def _import(place: str, source: str) -> ModuleType:
    try:
        return _import_file(Path(place), source) if place.endswith(CODE_SUFFIX) else import_user_module(place, source)
    except DataError as error:
        raise ModelError(error.message, hint=error.hint) from error


def _import_file(path: Path, source: str) -> ModuleType:
    if not path.is_file():
        raise ModelError(f"{source}: there is no file {path}.", hint="Check the path.")
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # as Python itself does for a program
    name = path.stem if path.stem.isidentifier() and path.stem not in sys.modules else f"edgekit_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        raise _failed(source, error) from error
    return module


def _failed(source: str, error: BaseException) -> ModelError:
    """The user's code raised."""
    line = user_line(error)
    if isinstance(error, SyntaxError) and error.lineno is not None:
        line = f" ({Path(error.filename or source).name}, line {error.lineno}: {(error.text or '').strip()})"
    return ModelError(
        f"{source}: {type(error).__name__}: {first_line(error).rstrip('.')}{line}.", hint="It is your own code."
    )


def _is_own(value: object, code: ModuleType) -> bool:
    kinds = inspect.isclass(value) or inspect.isfunction(value)
    return kinds and getattr(value, "__module__", None) == code.__name__
