"""Copy a saved model under another configuration, its weights under the names that Keras looks for."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import h5py

WEIGHTS = "model.weights.h5"
OLD_LAYERS, LAYERS = "_layer_checkpoint_dependencies", "layers"


def copy_with(config: Any, path: Path, source_format: str, copy: Path) -> None:
    """Copy a model under another configuration.

    Args:
        config: The configuration, as JSON.
        path: The model.
        source_format: `keras` or `keras-h5`.
        copy: Where to write.
    """
    if source_format == "keras":
        _copy_zip(config, path, copy)
        return
    shutil.copyfile(path, copy)
    with h5py.File(copy, "r+") as file:
        file.attrs["model_config"] = json.dumps(config)


def _copy_zip(config: Any, path: Path, copy: Path) -> None:
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                content = json.dumps(config).encode()
            elif name == WEIGHTS:
                content = _with_layers(content)
            new.writestr(name, content)


def _with_layers(content: bytes) -> bytes:
    """Weights with the layers of each model under the names of later Kerases.

    Before 2.14, Keras kept a model's layers in a list where each layer with weights stood twice, so that
    it numbered those of a class 0, 2, 4.
    """
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        _rename_layers(file)
    return buffer.getvalue()


def _rename_layers(group: h5py.Group) -> None:
    if OLD_LAYERS in group and LAYERS not in group:
        group.move(OLD_LAYERS, LAYERS)
        _renumber(group[LAYERS])
    for child in group.values():
        if isinstance(child, h5py.Group):
            _rename_layers(child)


def _renumber(layers: h5py.Group) -> None:
    numbers: dict[str, list[int]] = {}
    for name in layers:
        found = re.fullmatch(r"(.+?)(?:_(\d+))?", name)
        assert found is not None
        numbers.setdefault(found[1], []).append(int(found[2] or 0))
    for kind, counted in numbers.items():
        for new, old in enumerate(sorted(counted)):
            if new != old:
                layers.move(_numbered(kind, old), _numbered(kind, new))


def _numbered(kind: str, number: int) -> str:
    return f"{kind}_{number}" if number else kind
