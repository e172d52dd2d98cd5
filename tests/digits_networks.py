"""Residual networks for scikit-learn's digits, in Keras and in PyTorch, trained in seconds; run as a program.

The pictures are 8 x 8 pixels of 0 to 16; the first 1,297 of a shuffled order train, the last 500 evaluate.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

TRAINED = 1297
EPOCHS, BATCH, RATE = 8, 32, 3e-3
WIDTH, CLASSES = 32, 10


def write_data(folder: Path) -> None:
    """Write `train.npz` and `evaluate.npz` with the channels last, and the same with them first under `nchw-`."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.images))
    x, y = digits.images[order].astype(np.float32) / 16, digits.target[order].astype(np.int64)
    for name, part in (("train", slice(TRAINED)), ("evaluate", slice(TRAINED, None))):
        np.savez(folder / f"{name}.npz", x=x[part, :, :, None], y=y[part])
        np.savez(folder / f"nchw-{name}.npz", x=x[part, None], y=y[part])


def train_keras(folder: Path) -> None:
    """Write `digits.keras`, trained."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers

    def convolved(x: object, name: str) -> object:
        x = layers.Conv2D(WIDTH, 3, padding="same", use_bias=False, name=name)(x)
        return layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)

    picture = layers.Input((8, 8, 1), name="picture")
    x = layers.ReLU()(convolved(picture, "first"))
    for block in ("a", "b"):
        y = layers.ReLU()(convolved(x, f"{block}_one"))
        x = layers.ReLU()(layers.Add()([x, convolved(y, f"{block}_two")]))
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(picture, layers.Dense(CLASSES, activation="softmax", name="digit")(x), name="digits")
    model.compile(optimizer=keras.optimizers.Adam(RATE), loss="sparse_categorical_crossentropy")
    with np.load(folder / "train.npz") as data:
        model.fit(data["x"], data["y"], batch_size=BATCH, epochs=EPOCHS, verbose=0)
    model.save(folder / "digits.keras")


def make_torch() -> object:
    """The same network as a module."""
    import torch
    from torch import nn

    class Block(nn.Module):  # type: ignore[misc]  # torch ships no types that this project reads
        def __init__(self) -> None:
            super().__init__()
            self.one, self.one_norm = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False), nn.BatchNorm2d(WIDTH)
            self.two, self.two_norm = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False), nn.BatchNorm2d(WIDTH)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = torch.relu(self.one_norm(self.one(x)))
            return torch.relu(x + self.two_norm(self.two(y)))

    torch.manual_seed(0)
    first = [nn.Conv2d(1, WIDTH, 3, padding=1, bias=False), nn.BatchNorm2d(WIDTH), nn.ReLU()]
    return nn.Sequential(*first, Block(), Block(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(WIDTH, CLASSES))


def train_torch(folder: Path) -> None:
    """Write `digits.pt`, the weights of `make_torch`, trained."""
    import torch

    torch.set_num_threads(1)  # two that wait for each other are slow on a busy machine
    model = make_torch()
    assert isinstance(model, torch.nn.Module)
    with np.load(folder / "nchw-train.npz") as data:
        x, y = torch.from_numpy(data["x"]), torch.from_numpy(data["y"])
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
    torch.save(model.state_dict(), folder / "digits.pt")


if __name__ == "__main__":
    {"data": write_data, "keras": train_keras, "torch": train_torch}[sys.argv[1]](Path(sys.argv[2]))
