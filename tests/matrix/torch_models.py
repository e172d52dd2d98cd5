"""Train the PyTorch models of the matrix: python -m tests.matrix.torch_models FOLDER NAME..."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from tests.matrix.data import INPUTS, channels_first, samples
from tests.torch_models import MAKERS

SAMPLES, EPOCHS, BATCH, CLASSES = 512, 6, 32, {"text_classifier": 4, "lstm": 6, "gru": 6, "two_in_three_out": 5}


def train(name: str) -> torch.nn.Module:
    """Let a model learn its classes for a moment."""
    torch.manual_seed(0)
    model = MAKERS[name]().train()
    for part in model.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = 0.2  # it sees few batches here
    arrays, classes = samples(name, CLASSES.get(name, 10), SAMPLES, seed=1)
    inputs = [torch.from_numpy(channels_first(arrays[one.name])) for one in INPUTS[name]]
    labels = torch.from_numpy(classes)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for epoch in range(EPOCHS):
        for place in torch.from_numpy(np.random.default_rng(epoch).permutation(SAMPLES)).split(BATCH):
            optimizer.zero_grad()
            batch = [values[place] for values in inputs]
            loss(name, model(*batch), batch, labels[place]).backward()
            optimizer.step()
    return model.eval()


def loss(name: str, outputs: object, inputs: list[torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
    """How far a batch is from what it is to give: the next words, the picture, the class."""
    if isinstance(outputs, Mapping):
        boxes = (labels[:, None] + torch.arange(4)) % 5 / 5
        wrong = functional.cross_entropy(outputs["classes"], labels)
        return wrong + functional.mse_loss(outputs["boxes"], boxes)
    assert isinstance(outputs, torch.Tensor)
    if name == "decoder":
        return functional.cross_entropy(outputs.flatten(0, 1), inputs[0].roll(-1, 1).flatten())
    if name == "autoencoder":
        return functional.mse_loss(outputs, inputs[0].sigmoid())
    return functional.cross_entropy(outputs, labels)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for wanted in sys.argv[2:]:
        torch.save(train(wanted).state_dict(), Path(sys.argv[1]) / f"{wanted}.pt")
