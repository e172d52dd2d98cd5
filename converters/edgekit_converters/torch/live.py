"""Save a live module of the caller's own process, so that a session can load it."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from edgekit_converters.settings import SourceSettings
from edgekit_converters.torch.border import Border
from edgekit_converters.torch.inputs import find_forward
from edgekit_converters.torch.model import TorchModel
from edgekit_converters.torch.refusal import cannot_export
from edgekit_converters.torch.weights import check_finite
from edgekit_runtime.errors import RecipeError


def stage_torch(module: Any, settings: SourceSettings, folder: Path) -> Path:
    """Export a live module as a `.pt2` program; it stays in the mode and on the device that it is in.

    Args:
        module: A `torch.nn.Module`.
        settings: What the caller said of shapes and types.
        folder: Where to write.

    Raises:
        RecipeError: It is a scripted one, or shapes or types are missing or do not fit.
        ModelError: It does not run, or its weights are no numbers.
        ConversionError: torch.export refuses it.
    """
    if isinstance(module, torch.jit.ScriptModule):
        raise RecipeError(
            "the live model is a TorchScript module, which cannot be exported; allowed: the module that was scripted."
        )
    path = folder / f"{type(module).__name__}.pt2"
    with _at_rest(module) as resting:
        check_finite(resting, settings.path)
        forward = find_forward(resting, settings)
        model = TorchModel(forward, settings.path)
        border = Border(forward, model.info.outputs)
        try:
            with warnings.catch_warnings(action="ignore"):
                program = torch.export.export(border, (), kwargs=border.samples())
                torch.export.save(program, path)
        except Exception as error:  # torch raises many kinds; the user gets one line
            raise cannot_export(settings.path, "a .pt2 program", error) from error
    return path


@contextmanager
def _at_rest(module: Any) -> Iterator[Any]:
    """The module in evaluation mode on the processor: itself, or a copy where it is elsewhere."""
    tensors = (*module.parameters(), *module.buffers())
    if any(tensor.device.type != "cpu" for tensor in tensors):
        yield copy.deepcopy(module).cpu().eval()
        return
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield module
    finally:
        for part in training:
            part.training = True
