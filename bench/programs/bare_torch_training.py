"""Train a PyTorch module in the shortest loop that does what edgekit's does: steps, then the loss of held samples.

bare_torch_training.py ANSWER.json FILE.py:MAKER DATA.npz EPOCHS BATCH
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

HELD_SHARE = 0.1


def main() -> None:
    """Write how much processor time each epoch took."""
    answer, source, data, epochs, batch = (
        Path(sys.argv[1]),
        sys.argv[2],
        sys.argv[3],
        int(sys.argv[4]),
        int(sys.argv[5]),
    )
    model = made(source)
    with np.load(data) as arrays:
        x, y = torch.from_numpy(arrays["x"]), torch.from_numpy(arrays["y"])
    held = round(len(x) * HELD_SHARE)
    optimizer, measure = torch.optim.Adam(model.parameters(), 1e-4), torch.nn.CrossEntropyLoss()
    seconds = []
    for _ in range(epochs):
        begun = time.process_time()
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
        seconds.append(time.process_time() - begun)
    answer.write_text(json.dumps({"seconds": seconds}), encoding="utf-8")


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


main()
