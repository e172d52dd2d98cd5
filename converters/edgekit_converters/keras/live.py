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

from edgekit_converters.keras.config import UNTOLD, SavedClass, classes, read_config
from edgekit_runtime.errors import EdgekitError, RecipeError, first_line

LIBRARIES = ("keras", "tf_keras")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can say: the same model gives the same bytes


class LiveKerasModel(Protocol):
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


def stage_keras(model: LiveKerasModel, library: str, folder: Path) -> StagedModel:
    """Save a live model.

    Classes of the caller's own are found by the modules that define them. Where no other process can
    import one, as with `__main__` or a notebook, the model is exported as a SavedModel, which holds
    what it computes and not its classes.

    Args:
        model: A model of Keras 3 or tf_keras.
        library: Name of the module that it belongs to.
        folder: Where to write.

    Raises:
        RecipeError: It can be saved in neither form.
    """
    path = folder / (re.sub(r"[^\w.-]", "_", model.name) + ".keras")
    modules = _save(model, path)
    if modules is not None:
        return StagedModel(path, modules)
    _export(model, sys.modules[library], path.with_suffix(""))
    return StagedModel(path.with_suffix(""), ())


def _save(model: LiveKerasModel, path: Path) -> tuple[str, ...] | None:
    """Save it as `.keras`, and name the modules that another process needs; `None` where that cannot be."""
    try:
        model.save(str(path))
    except Exception:  # noqa: BLE001  # Keras raises many kinds; as a graph it may still go
        return None
    needed = [found for found in classes(read_config(path, "keras").tree) if found.custom or found.module == "builtins"]
    if not all(_importable(found) for found in needed):
        return None
    _fix_times(path)
    return tuple(sorted({found.module for found in needed}))


def _export(model: LiveKerasModel, library: Any, folder: Path) -> None:
    from edgekit_converters.keras.load import make_program

    try:
        make_program(model, library, Path(model.name)).save(folder)
    except EdgekitError:
        raise
    except Exception as error:  # Keras and TensorFlow raise many kinds; the user gets one line
        raise RecipeError(
            f"the live model {model.name} can be saved neither as .keras nor as a SavedModel: {first_line(error)}",
            hint="Define its classes in a module that can be imported, each with get_config().",
        ) from error


def _importable(found: SavedClass) -> bool:
    """Whether another process finds a class in the module that it names."""
    if found.module in UNTOLD or not hasattr(sys.modules.get(found.module), found.name):
        return False
    try:
        return find_spec(found.module) is not None
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
