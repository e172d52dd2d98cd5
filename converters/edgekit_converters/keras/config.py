"""Read a saved Keras model's configuration, and refuse code that would run on loading."""

from __future__ import annotations

import builtins
import json
import re
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
    "TensorFlowOpLayer": "a TensorFlowOpLayer, which may run any operator of TensorFlow",
}
# A TFOpLambda layer calls a function of TensorFlow by its name: these only compute.
COMPUTES = re.compile(
    r"(compat\.v1\.)?((math|nn|image|linalg|signal|bitwise|__operators__)\.\w+"
    r"|(?!.*(load|save|read|write|print|function|py_func))\w+)"
)
UNTOLD = ("", "__main__", "builtins")  # modules by which nobody else finds a class
TRUST = "If you trust its author, add --trust."


@dataclass(frozen=True)
class SavedConfig:
    """What a saved model tells of itself.

    Attributes:
        tree: Its configuration, as JSON.
        version: The version of Keras that saved it; empty where it does not tell.
    """

    tree: Any  # JSON of any form: only walked
    version: str

    @property
    def old(self) -> bool:
        """Whether a Keras before 3 saved it."""
        return not self.version.split(".")[0].isdigit() or int(self.version.split(".")[0]) < 3


@dataclass(frozen=True)
class SavedClass:
    """A class, or a function, that a configuration names.

    Attributes:
        name: Its name.
        layer: The layer that is of this class; empty for other objects.
        module: Where it is defined; empty where the configuration does not tell.
        custom: Whether it is known not to be Keras's own.
    """

    name: str
    layer: str
    module: str
    custom: bool

    def said(self, path: Path) -> str:
        """The beginning of a sentence about it."""
        return f"{path}: layer {self.layer!r}" if self.layer else str(path)

    @property
    def option(self) -> str:
        """The option that brings the class along."""
        return f"--custom {self.module if self.module not in UNTOLD else 'package.module'}"


def check_safe(path: Path, source_format: str) -> None:
    """Refuse a model whose loading would run code of its author.

    Args:
        path: The model.
        source_format: `keras` or `keras-h5`.

    Raises:
        ModelError: It holds a Lambda or a custom class, or its configuration cannot be read.
    """
    tree = read_config(path, source_format).tree
    for found in classes(tree):
        if found.name in RUNS_CODE:
            raise ModelError(f"{found.said(path)} is {RUNS_CODE[found.name]}.", hint=TRUST)
        if found.custom:
            raise ModelError(
                f"{found.said(path)} is of the class {found.name}, which is not Keras's own; allowed: Keras's layers.",
                hint=f"If you trust its author, name the module that defines it: --trust {found.option}",
            )
    for name, function in _functions(tree):
        if not COMPUTES.fullmatch(function):
            raise ModelError(
                f"{path}: layer {name!r} calls TensorFlow's {function}; allowed: functions that only compute.",
                hint=TRUST,
            )


def read_config(path: Path, source_format: str) -> SavedConfig:
    """Read a saved model's configuration, without Keras.

    Args:
        path: The model.
        source_format: `keras` or `keras-h5`.

    Raises:
        ModelError: It cannot be read, or the file holds weights only.
    """
    try:
        if source_format == "keras":
            with zipfile.ZipFile(path) as archive:
                version = json.loads(archive.read("metadata.json")).get("keras_version", "")
                tree = json.loads(archive.read("config.json"))
                tree.pop("compile_config", None)  # losses and metrics are never loaded
                return SavedConfig(tree, str(version))
        return _read_h5_config(path)
    except (OSError, KeyError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{path}: the file is damaged or cut short: {first_line(error)}", hint="Save or copy it again."
        ) from error


def _read_h5_config(path: Path) -> SavedConfig:
    import h5py

    with h5py.File(path, "r") as file:
        config, version = file.attrs.get("model_config"), file.attrs.get("keras_version", "")
    if config is None:
        raise ModelError(
            f"{path}: it holds weights only; allowed: a whole model.",
            hint="Save it with model.save(), not save_weights().",
        )
    return SavedConfig(json.loads(config), version.decode() if isinstance(version, bytes) else str(version))


def layer_that_names(tree: Any, name: str, layer: str = "") -> str:
    """The layer whose configuration names a class or function; empty where it is none.

    Args:
        tree: The configuration, as JSON.
        name: The class or function.
        layer: The layer around `tree`.
    """
    if isinstance(tree, dict):
        config = tree.get("config")
        if isinstance(config, dict):
            layer = str(config.get("name", layer))
        tree = list(tree.values())
    if isinstance(tree, str):
        return layer if tree.rpartition(">")[2] == name else ""
    if isinstance(tree, list):
        return next(filter(None, (layer_that_names(item, name, layer) for item in tree)), "")
    return ""


def classes(tree: Any) -> Iterator[SavedClass]:
    """Every class that a configuration names.

    Args:
        tree: The configuration, as JSON.
    """
    return (_class(item) for item in _objects(tree))


def _functions(tree: Any) -> Iterator[tuple[str, str]]:
    """Name and function of every TFOpLambda layer."""
    for item in _objects(tree):
        if item["class_name"] == "TFOpLambda" and isinstance(item.get("config"), dict):
            yield str(item["config"].get("name", "")), str(item["config"].get("function", ""))


def _objects(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        if isinstance(tree.get("class_name"), str):
            yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for item in tree:
            yield from _objects(item)


def _class(tree: dict[str, Any]) -> SavedClass:
    config = tree.get("config")
    layer = str(config.get("name", "")) if isinstance(config, dict) else ""
    package, _, name = tree["class_name"].rpartition(">")
    if name == "function" and isinstance(config, str):
        name = config.rpartition(">")[2]
    module = str(tree.get("module") or "")
    homeless = "module" in tree and tree["module"] is None  # a class of __main__, or of a notebook
    registered = ">" in str(tree.get("registered_name") or "")
    own = not module or module.startswith(tuple(f"{safe}." for safe in SAFE_MODULES)) or module in SAFE_MODULES
    python = module == "builtins" and hasattr(builtins, name)  # Keras says builtins of any function, of its own too
    return SavedClass(name, layer, module, bool(package) or homeless or registered or python or not own)
