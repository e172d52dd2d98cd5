"""Read a saved Keras model's configuration, and refuse code that would run on loading."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit_runtime.errors import ModelError, first_line

SAFE_MODULES = ("keras", "tensorflow.keras", "tf_keras", "builtins")
RUNS_CODE = {
    "Lambda": "a Lambda layer, which holds Python code",
    "TFSMLayer": "a TFSMLayer, which loads another model",
}


@dataclass(frozen=True)
class _Class:
    name: str
    layer: str
    custom: bool


def check_safe(path: Path, source_format: str) -> None:
    """Refuse a model whose loading would run code of its author.

    Args:
        path: The model.
        source_format: `keras` or `keras-h5`.

    Raises:
        ModelError: It holds a Lambda or a custom class, or its configuration cannot be read.
    """
    for found in _classes(_read_config(path, source_format)):
        at = f"{path}: layer {found.layer!r}" if found.layer else f"{path}"
        if found.name in RUNS_CODE:
            raise ModelError(f"{at} is {RUNS_CODE[found.name]}.", hint="If you trust its author, add --trust.")
        if found.custom:
            raise ModelError(
                f"{at} is of the class {found.name}, which is not Keras's own; allowed: Keras's layers.",
                hint="Rebuild that layer from Keras's own.",
            )


def _read_config(path: Path, source_format: str) -> Any:  # JSON of any form: only walked
    try:
        if source_format == "keras":
            with zipfile.ZipFile(path) as archive:
                return json.loads(archive.read("config.json"))
        return _read_h5_config(path)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{path}: the file is damaged or cut short: {first_line(error)}", hint="Save or copy it again."
        ) from error


def _read_h5_config(path: Path) -> Any:  # as above
    import h5py

    with h5py.File(path, "r") as file:
        config = file.attrs.get("model_config")
    if config is None:
        raise ModelError(
            f"{path}: it holds weights only; allowed: a whole model.",
            hint="Save it with model.save(), not save_weights().",
        )
    return json.loads(config)


def _classes(tree: Any) -> Iterator[_Class]:
    """Every class that the configuration names."""
    if isinstance(tree, dict):
        if isinstance(tree.get("class_name"), str):
            yield _class(tree)
        tree = list(tree.values())
    if isinstance(tree, list):
        for item in tree:
            yield from _classes(item)


def _class(tree: dict[str, Any]) -> _Class:
    config = tree.get("config")
    layer = str(config.get("name", "")) if isinstance(config, dict) else ""
    package, _, name = tree["class_name"].rpartition(">")
    module = str(tree.get("module") or "keras")
    registered = ">" in str(tree.get("registered_name") or "")
    own = module in SAFE_MODULES or module.startswith(tuple(f"{safe}." for safe in SAFE_MODULES))
    return _Class(name, layer, bool(package) or registered or not own)
