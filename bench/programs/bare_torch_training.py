"""The shortest loop that trains a PyTorch module as edgekit does: steps, then the loss of held samples."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable

import numpy as np
import torch

HELD_SHARE = 0.1


def bare_epoch(source: str, data: str, batch: int) -> Callable[[], None]:
    """A function that trains for an epoch."""
    model = made(source)
    with np.load(data) as arrays:
        x, y = torch.from_numpy(arrays["x"]), torch.from_numpy(arrays["y"])
    held = round(len(x) * HELD_SHARE)
    optimizer, measure = torch.optim.Adam(model.parameters(), 1e-4), torch.nn.CrossEntropyLoss()

    def epoch() -> None:
        model.train()
        for rows in (held + torch.randperm(len(x) - held)).split(batch):
            optimizer.zero_grad()
            loss = measure(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            loss.item()
        model.eval()
        with torch.no_grad():
            for rows in torch.arange(held).split(batch):
                measure(model(x[rows]), y[rows]).item()

    return epoch


def made(source: str) -> torch.nn.Module:
    """Call what the file names."""
    path, _, name = source.rpartition(":")
    spec = importlib.util.spec_from_file_location("made", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["made"] = module
    spec.loader.exec_module(module)
    return getattr(module, name)()
