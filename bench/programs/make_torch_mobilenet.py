"""Make the weights of MobileNetV2 in PyTorch, and samples for it.

make_torch_mobilenet.py ANSWER.json MODELS.py WEIGHTS.pt DATA.npz
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import torch

SAMPLES = 64


def main() -> None:
    """Write both, the weights last."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    model = runpy.run_path(sys.argv[2])["MobileNetV2"]()
    x = random.uniform(-1, 1, (SAMPLES, 3, 224, 224)).astype(np.float32)
    for part in model.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = None  # the mean of what it sees: activations of random weights would vanish
    with torch.no_grad():
        model.train()(torch.from_numpy(x[:8]))
    np.savez(sys.argv[4], x=x)
    torch.save(model.state_dict(), sys.argv[3])
    Path(sys.argv[1]).write_text("{}", encoding="utf-8")


main()
