"""Save a live model of the caller's own process, so that a session can load it."""

from __future__ import annotations

import json
import re
import sys
import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from edgekit_converters.keras.config import classes, read_config
from edgekit_runtime.errors import RecipeError, first_line

LIBRARIES = ("keras", "tf_keras")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can say: the same model gives the same bytes


class LiveModel(Protocol):
    """A model of Keras 3 or tf_keras."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    def save(self, filepath: str) -> object:
        """Write it as `.keras`."""
        ...


@dataclass(frozen=True)
class StagedModel:
    """A live model in a file.

    Attributes:
        path: A `.keras` file, or a SavedModel folder.
        custom: The modules that define classes of the caller's own.
    """

    path: Path
    custom: tuple[str, ...]


def stage_live(model: LiveModel, folder: Path) -> StagedModel:
    """Save a live model.

    Classes of the caller's own are found by the modules that define them. Where no other process can
    import one, as with `__main__` or a notebook, the model is exported as a SavedModel, which holds
    what it computes and not its classes.

    Args:
        model: A model of Keras 3 or tf_keras.
        folder: Where to write.

    Raises:
        RecipeError: It is no Keras model, or it can be saved in neither form.
    """
    library = next((name for name in LIBRARIES if name in _roots(model)), None)
    if library is None:
        raise RecipeError(
            f"a {type(model).__name__} cannot be converted; allowed: a pathlib.Path, or a live model of Keras."
        )
    path = folder / (re.sub(r"[^\w.-]", "_", model.name) + ".keras")
    try:
        model.save(str(path))
        modules = sorted({found.module for found in classes(read_config(path, "keras").tree) if found.custom})
        if all(_importable(module) for module in modules):
            _fix_times(path)
            return StagedModel(path, tuple(modules))
        path.unlink()
        _export(model, library, path.with_suffix(""))
    except Exception as error:  # Keras raises many kinds; the user gets one line
        raise RecipeError(
            f"the live model {model.name} cannot be saved: {first_line(error)}",
            hint="Define its classes in a module that can be imported, each with get_config().",
        ) from error
    return StagedModel(path.with_suffix(""), ())


def _roots(model: object) -> set[str]:
    return {kind.__module__.split(".")[0] for kind in type(model).__mro__}


def _importable(module: str) -> bool:
    """Whether another process finds a module under this name."""
    if module in ("", "__main__", "builtins") or module not in sys.modules:
        return False
    try:
        return find_spec(module) is not None
    except ValueError:  # a module without a file
        return False


def _fix_times(path: Path) -> None:
    """Take the time of saving out of a `.keras` file."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    metadata = json.loads(entries["metadata.json"])
    metadata.pop("date_saved", None)
    entries["metadata.json"] = json.dumps(metadata).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content)


def _export(model: Any, library: str, folder: Path) -> None:
    from edgekit_converters.keras.load import make_program

    make_program(model, sys.modules[library], Path(model.name)).save(folder)
