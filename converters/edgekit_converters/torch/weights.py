"""Weights from a file into a module, without running anything that the file holds."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from edgekit_runtime.errors import MissingExtraError, ModelError, first_line

WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "weights")
PREFIXES = ("module.", "_orig_mod.", "model.")  # of DataParallel, torch.compile, Lightning
COUNTER = "num_batches_tracked"  # of batch norms since PyTorch 0.4.1; inference does not need it
SHOWN = 8
# What torch's own unpickler of weights says when a file wants more than weights.
BLOCKED = re.compile(r"(?:Unsupported global: GLOBAL|Unsupported class|unrecognized function) ([\w.]+[\w])")
SAVE = "Save the weights alone: torch.save(model.state_dict(), 'weights.pt')."


def load_weights(module: Any, path: Path) -> None:
    """Fill a module with the weights of a file.

    Args:
        module: A `torch.nn.Module`, which is changed.
        path: `.pt`, `.pth`, `.th` of `torch.save`, or `.safetensors`.

    Raises:
        ModelError: It is no file of weights, holds code, or does not fit the module.
    """
    wanted = module.state_dict()
    found = _without_prefix(_state(_read(path), path), wanted)
    faults = (
        *_listed("missing", (name for name in wanted if name not in found and not name.endswith(COUNTER))),
        *_listed("unexpected", (name for name in found if name not in wanted)),
        *_listed("of another shape", _other_shapes(wanted, found)),
    )
    if faults:
        raise ModelError(
            f"{path}: its weights do not fit the module: {'; '.join(faults)}.",
            hint="Name the code that makes the very module that was trained.",
        )
    module.load_state_dict(found, strict=False)  # what may be missing is known by now


def check_finite(module: Any, where: str) -> None:
    """Refuse weights that are no numbers.

    Args:
        module: A `torch.nn.Module`.
        where: Where it came from, for errors.

    Raises:
        ModelError: Some are NaN; masks may be infinite, parameters may not.
    """
    tensors = module.state_dict()
    trained = {name for name, _ in module.named_parameters()}
    bad = [
        name
        for name, value in tensors.items()
        if isinstance(value, torch.Tensor) and value.is_floating_point() and not _numbers(value, name in trained)
    ]
    if bad:
        (listed,) = _listed("NaN or infinity in", bad)
        raise ModelError(
            f"{where}: its weights are no numbers: {listed}; allowed: finite numbers.",
            hint="Training diverged, or the file is damaged: take an earlier checkpoint.",
        )


def _numbers(value: Any, finite: bool) -> bool:
    # One sum instead of a mask as large as the tensor; it is finite unless something in it is not, or all but.
    if bool(torch.isfinite(value.sum())):
        return True
    return bool(torch.isfinite(value).all()) if finite else not bool(torch.isnan(value).any())


def _read(path: Path) -> object:
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    if _is_torchscript(path):
        raise ModelError(f"{path}: it is a TorchScript program; allowed: weights alone.", hint=SAVE)
    try:
        return torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # torch raises many kinds for a damaged file
        blocked = BLOCKED.search(str(error))
        if blocked is not None:
            raise ModelError(
                f"{path}: loading it would run code ({blocked[1]}), so nothing of it was loaded; "
                "allowed: tensors and plain values.",
                hint=SAVE,
            ) from error
        raise ModelError(
            f"{path}: it is no file of weights that PyTorch reads: {first_line(error)}",
            hint="Allowed: what torch.save wrote, or .safetensors.",
        ) from error


def _is_torchscript(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("constants.pkl") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False


def _read_safetensors(path: Path) -> object:
    try:
        from safetensors.torch import load_file
    except ImportError as missing:
        raise MissingExtraError(
            "safetensors is not installed, so no .safetensors file is read here.",
            hint="Run: pip install 'edgekit[torch]'",
        ) from missing
    try:
        return load_file(str(path), device="cpu")
    except Exception as error:  # its errors come from Rust and have no common base
        raise ModelError(f"{path}: it is no .safetensors file: {first_line(error)}") from error


def _state(content: object, path: Path) -> dict[str, Any]:
    """The state among what a checkpoint holds."""
    if not isinstance(content, Mapping):
        raise ModelError(
            f"{path}: it holds a {type(content).__name__}; allowed: weights by name, or a checkpoint of them.",
            hint=SAVE,
        )
    for wrapper in WRAPPERS:
        if isinstance(content.get(wrapper), Mapping):
            return _state(content[wrapper], path)
    tensors = {str(name): value for name, value in content.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise ModelError(
            f"{path}: it holds no weights; its keys are {', '.join(map(str, list(content)[:SHOWN])) or 'none'}; "
            f"allowed: weights by name, or under one of {', '.join(WRAPPERS)}.",
            hint=SAVE,
        )
    return tensors


def _without_prefix(found: dict[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in found) and not any(name.startswith(prefix) for name in wanted):
            return _without_prefix({name.removeprefix(prefix): value for name, value in found.items()}, wanted)
    return found


def _other_shapes(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterable[str]:
    for name in wanted.keys() & found.keys():
        if wanted[name].shape != found[name].shape:
            yield f"{name} is {tuple(found[name].shape)}, the module's {tuple(wanted[name].shape)}"


def _listed(what: str, names: Iterable[str]) -> tuple[str, ...]:
    listed = ", ".join(sorted(names))
    return (f"{what}: {listed}",) if listed else ()
