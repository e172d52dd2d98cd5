"""Weights from a file into a module, without running anything that the file holds."""

from __future__ import annotations

import re
import zipfile
from _compat_pickle import IMPORT_MAPPING
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from edgekit_converters.torch.beside import STAND_INS
from edgekit_runtime.errors import MissingExtraError, ModelError, first_line

State = dict[str, Any]  # tensors by name
WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "weights")
PREFIXES = ("module.", "_orig_mod.", "model.")  # of DataParallel, torch.compile, Lightning
COUNTER = "num_batches_tracked"  # of batch norms since PyTorch 0.4.1; inference does not need it
SHOWN = 8
# What torch's own unpickler of weights says when a file wants more than weights.
BLOCKED = re.compile(
    r"(?:Unsupported global: GLOBAL|unsupported GLOBAL|Unsupported class|unrecognized function) ([\w.]+\w)"
)
UNPICKLER = "WeightsUnpickler error:"  # before it stands torch's advice to load the file without a guard
SAVE = "Save the weights alone: torch.save(model.state_dict(), 'weights.pt')."


def load_weights(module: Any, path: Path) -> None:
    """Fill a module with the weights of a file.

    Args:
        module: A `torch.nn.Module`, which is changed.
        path: `.pt`, `.pth`, `.th` of `torch.save`, or `.safetensors`.

    Raises:
        ModelError: It is no file of weights, holds code, does not fit the module, or fits it in several ways.
    """
    wanted = module.state_dict()
    found = _chosen(_candidates(_read(path), path), wanted, path)
    faults = _faults(found, wanted)
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
        with torch.serialization.safe_globals(STAND_INS):
            return torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # torch raises many kinds for a damaged file
        blocked = BLOCKED.search(str(error))
        if blocked is not None:
            raise ModelError(
                f"{path}: loading it would run code ({_told(blocked[1])}), so nothing of it was loaded; "
                "allowed: tensors and plain values.",
                hint=SAVE,
            ) from error
        raise ModelError(
            f"{path}: it is no file of weights that PyTorch reads: {_said(error)}",
            hint="Allowed: what torch.save wrote, or .safetensors.",
        ) from error


def _told(name: str) -> str:
    """What a file names, as Python 3 calls it: torch.save writes the names of Python 2."""
    module, _, own = name.rpartition(".")
    return f"{IMPORT_MAPPING.get(module, module or 'builtins')}.{own}"


def _said(error: Exception) -> str:
    return (
        str(error).rpartition(UNPICKLER)[2].strip().partition("\n")[0] if UNPICKLER in str(error) else first_line(error)
    )


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


def _candidates(content: object, path: Path) -> dict[str, State]:
    """Every mapping with tensors that a checkpoint holds, by its place; each once, for a pickle may hold circles."""
    if not isinstance(content, Mapping):
        raise ModelError(
            f"{path}: it holds a {type(content).__name__}; allowed: weights by name, or a checkpoint of them.",
            hint=SAVE,
        )
    found: dict[str, State] = {}
    waiting: list[tuple[str, Mapping[Any, Any]]] = [("", content)]
    seen: set[int] = set()
    while waiting:
        place, mapping = waiting.pop(0)
        if id(mapping) in seen:
            continue
        seen.add(id(mapping))
        tensors = {str(name): value for name, value in mapping.items() if isinstance(value, torch.Tensor)}
        if tensors:
            found[place] = tensors
        waiting += [(f"{place}[{key!r}]", part) for key, part in mapping.items() if isinstance(part, Mapping)]
    if not found:
        raise ModelError(
            f"{path}: it holds no weights; its keys are {', '.join(map(str, list(content)[:SHOWN])) or 'none'}; "
            "allowed: weights by name, or a checkpoint of them.",
            hint=SAVE,
        )
    return found


def _chosen(found: Mapping[str, State], wanted: State, path: Path) -> State:
    """The weights that fit a module; where none do, those that were meant for it most likely."""
    named = {place: _without_prefix(state, wanted) for place, state in found.items()}
    fitting = [place for place, state in named.items() if not _faults(state, wanted)]
    if fitting[1:]:
        listed = ", ".join(place or "its top level" for place in fitting)
        raise ModelError(
            f"{path}: several of its parts fit the module: {listed}; allowed: one.",
            hint=f"Save the one that is meant alone: torch.save(torch.load({path.name!r}, weights_only=True)"
            f"{fitting[-1]}, 'weights.pt').",
        )
    likely = (place for wrapper in WRAPPERS for place in named if place.startswith(f"[{wrapper!r}]"))
    return named[[*fitting, *likely, max(named, key=lambda place: len(named[place]))][0]]


def _faults(found: State, wanted: State) -> tuple[str, ...]:
    return (
        *_listed("missing", (name for name in wanted if name not in found and not name.endswith(COUNTER))),
        *_listed("unexpected", (name for name in found if name not in wanted)),
        *_listed("of another shape", _other_shapes(wanted, found)),
    )


def _without_prefix(found: State, wanted: State) -> State:
    """Weights without what training put before all of their names: known words, or any after which they fit."""
    for prefix in PREFIXES:
        if _all_start(found, prefix) and not any(name.startswith(prefix) for name in wanted):
            return _without_prefix(_stripped(found, prefix), wanted)
    rest = found
    while _all_start(rest, prefix := f"{next(iter(rest)).partition('.')[0]}."):
        rest = _stripped(rest, prefix)
        if not _faults(rest, wanted):
            return rest
    return found


def _all_start(found: State, prefix: str) -> bool:
    return all(name.startswith(prefix) for name in found)


def _stripped(found: State, prefix: str) -> State:
    return {name.removeprefix(prefix): value for name, value in found.items()}


def _other_shapes(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterable[str]:
    for name in wanted.keys() & found.keys():
        if wanted[name].shape != found[name].shape:
            yield f"{name} is {tuple(found[name].shape)}, the module's {tuple(wanted[name].shape)}"


def _listed(what: str, names: Iterable[str]) -> tuple[str, ...]:
    listed = ", ".join(sorted(names))
    return (f"{what}: {listed}",) if listed else ()
