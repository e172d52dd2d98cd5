"""Samples with classes to learn, for every model of the matrix, the same for both frameworks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WORDS, NOISE = 64, 0.4


@dataclass(frozen=True)
class Input:
    """One input: its shape without batch axis, channels last."""

    name: str
    shape: tuple[int, ...]
    tokens: bool = False


INPUTS: dict[str, tuple[Input, ...]] = {
    "small_cnn": (Input("image", (32, 32, 3)),),
    "residual_cnn": (Input("image", (32, 32, 3)),),
    "mobilenet_v2": (Input("image", (64, 64, 3)),),
    "lstm": (Input("signal", (16, 8)),),
    "gru": (Input("signal", (16, 8)),),
    "text_classifier": (Input("tokens", (12,), tokens=True),),
    "vit": (Input("image", (32, 32, 3)),),
    "decoder": (Input("tokens", (12,), tokens=True),),
    "autoencoder": (Input("image", (32, 32, 1)),),
    "two_in_three_out": (Input("image", (16, 16, 3)), Input("extra", (6,))),
}


def samples(name: str, classes: int, count: int, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Inputs of a model, `(count, ...)` by name, and their classes: each sample is a class's own pattern with noise.

    Args:
        name: The model.
        classes: How many classes there are.
        count: How many samples.
        seed: Seed of classes and noise; the patterns are always the same.
    """
    patterns, random = np.random.default_rng(7), np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    return {one.name: _values(one, classes, labels, patterns, random) for one in INPUTS[name]}, labels


def _values(
    one: Input, classes: int, labels: np.ndarray, patterns: np.random.Generator, random: np.random.Generator
) -> np.ndarray:
    if one.tokens:
        words = patterns.integers(0, WORDS, (classes, *one.shape))
        noise = random.random((len(labels), *one.shape)) < NOISE / 2
        return np.where(noise, random.integers(0, WORDS, noise.shape), words[labels])
    means = np.tanh(patterns.normal(size=(classes, *one.shape)))
    return (means[labels] + NOISE * random.normal(size=(len(labels), *one.shape))).astype(np.float32)


def channels_first(values: np.ndarray) -> np.ndarray:
    """Pictures `(N, H, W, C)` as PyTorch takes them, `(N, C, H, W)`; anything else as it is."""
    return np.ascontiguousarray(np.moveaxis(values, -1, 1)) if values.ndim == 4 else values
