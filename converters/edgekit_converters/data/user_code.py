"""A function of the user's own, `module:function`: found from the working folder, errors shown by its own line."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from edgekit_runtime.errors import DataError, first_line

UserFunction = Callable[..., object]
FOREIGN = ("site-packages", "importlib", __file__)  # parts of paths of files that are not the user's


def load_function(name: str) -> UserFunction:
    """Import a function of the user's own; it runs with the user's rights, for it is named on the command line.

    Args:
        name: `module:function`.

    Raises:
        DataError: There is no such module or function, or importing it fails.
    """
    module_name, _, function_name = name.partition(":")
    module = import_user_module(module_name, name)
    function: object = getattr(module, function_name, None)
    if not callable(function):
        own = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise DataError(f"{name}: {module_name} has no function {function_name}; it has: {', '.join(own) or 'none'}.")
    return function


def told_by_line(name: str, error: BaseException) -> DataError:
    """An error of the user's code, with the line of it that failed.

    Args:
        name: `module:function`.
        error: What was raised.
    """
    if isinstance(error, SyntaxError) and error.lineno is not None:
        where, line = f"{_short(error.filename or name)}, line {error.lineno}", (error.text or "").strip()
    else:
        where, line = _own_line(name, error)
    said = first_line(error)
    kind = type(error).__name__
    text = kind if said == kind else f"{kind}: {said}"
    return DataError(f"{name}: {where}: {text}" + (f" in: {line}" if line else ""), hint="It is your own code.")


def import_user_module(module_name: str, name: str) -> ModuleType:
    """Import a module of the user's own; the working folder comes first among the places where it is looked for.

    Args:
        module_name: Such as `package.module`.
        name: What the user wrote, for errors.

    Raises:
        DataError: There is no such module, or importing it fails.
    """
    folder = os.getcwd()
    if folder not in sys.path:
        sys.path.insert(0, folder)  # as Python itself does for a program of the user's
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name + ".").startswith(error.name + "."):
            raise DataError(
                f"{name}: there is no module {error.name} in {folder}, nor among those installed.",
                hint="Run edgekit from the folder that holds it.",
            ) from error
        raise told_by_line(name, error) from error
    except (Exception, SystemExit) as error:  # a user's module may raise anything
        raise told_by_line(name, error) from error


def _own_line(name: str, error: BaseException) -> tuple[str, str]:
    """The innermost line of the user's own files, else of any file."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    module = sys.modules.get(name.partition(":")[0])
    home = Path(getattr(module, "__file__", None) or os.getcwd() + "/x").resolve().parent
    own = [
        frame
        for frame in frames
        if home in Path(frame.filename).resolve().parents and "site-packages" not in frame.filename
    ]
    own = own or [frame for frame in frames if not any(part in frame.filename for part in FOREIGN)]
    if not own:
        return "while it ran", ""
    return f"{_short(own[-1].filename)}, line {own[-1].lineno}", (own[-1].line or "").strip()


def _short(filename: str) -> str:
    return os.path.basename(filename)
