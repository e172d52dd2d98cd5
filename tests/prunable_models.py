"""Small Keras networks of every structure that pruning follows, with random weights that do not vanish.

python tests/prunable_models.py FOLDER
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np

layers = keras.layers
Tensor = keras.KerasTensor


def _convolved(x: Tensor, filters: int, size: int = 3, **settings: object) -> Tensor:
    x = layers.Conv2D(filters, size, padding="same", use_bias=False, **settings)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


def _classified(picture: Tensor, x: Tensor, name: str) -> keras.Model:
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(picture, layers.Dense(10, activation="softmax", name="kind")(x), name=name)


def residual() -> keras.Model:
    """Sums of two and three branches, one of them with a convolution of its own."""
    picture = layers.Input((16, 16, 3), name="picture")
    x = _convolved(picture, 16)
    for filters, strides in ((16, 1), (32, 2), (48, 2)):
        short = x if strides == 1 else layers.Conv2D(filters, 1, strides=strides)(x)
        y = layers.Conv2D(filters, 3, padding="same")(_convolved(x, filters, strides=strides))
        inner = layers.BatchNormalization()(y)
        x = layers.ReLU()(layers.Add()([short, inner]))
    return _classified(picture, x, "residual")


def mobile() -> keras.Model:
    """Inverted residuals, as in MobileNetV2, with squeeze and excitation, as in MobileNetV3."""
    picture = layers.Input((32, 32, 3), name="picture")
    x = _convolved(picture, 16, strides=2)
    for filters, strides in ((16, 1), (24, 2), (24, 1), (40, 2), (40, 1)):
        y = _convolved(x, 4 * x.shape[-1], 1)
        y = layers.ZeroPadding2D(1)(y)
        y = layers.DepthwiseConv2D(3, strides=strides, use_bias=False)(y)
        y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
        squeezed = layers.GlobalAveragePooling2D(keepdims=True)(y)
        squeezed = layers.Conv2D(8, 1, activation="relu")(squeezed)
        y = layers.Multiply()([y, layers.Conv2D(y.shape[-1], 1, activation="hard_sigmoid")(squeezed)])
        y = layers.BatchNormalization()(layers.Conv2D(filters, 1, use_bias=False)(y))
        x = layers.Add()([x, y]) if strides == 1 and filters == x.shape[-1] else y
    return _classified(picture, _convolved(x, 96, 1), "mobile")


def dense_net() -> keras.Model:
    """Every layer sees all before it."""
    picture = layers.Input((16, 16, 3), name="picture")
    x = _convolved(picture, 16)
    for block in range(2):
        for _ in range(3):
            y = _convolved(_convolved(x, 24, 1), 12)
            x = layers.Concatenate()([x, y])
        if block == 0:
            x = layers.AveragePooling2D(2)(_convolved(x, x.shape[-1] // 2, 1))
    return _classified(picture, x, "dense_net")


def u_net() -> keras.Model:
    """A picture for a picture: transposed convolutions and upsampling, joined with what went down."""
    picture = layers.Input((16, 16, 3), name="picture")
    one = _convolved(picture, 16)
    two = _convolved(layers.MaxPooling2D()(one), 24)
    three = _convolved(layers.MaxPooling2D()(two), 32)
    x = layers.Conv2DTranspose(24, 2, strides=2, activation="relu")(three)
    x = _convolved(layers.Concatenate()([x, two]), 24)
    x = layers.UpSampling2D()(x)
    x = _convolved(layers.Concatenate()([layers.Conv2D(16, 3, padding="same")(x), one]), 16)
    return keras.Model(picture, layers.Conv2D(2, 1, name="mask")(x), name="u_net")


def transformer() -> keras.Model:
    """Words, with positions that are learned, through two blocks of attention."""
    words = layers.Input((12,), dtype="int32", name="words")
    x = layers.Embedding(50, 32)(words)
    x = layers.Dropout(0.1)(x)
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        y = layers.MultiHeadAttention(4, 8)(y, y)
        x = layers.Add()([x, y])
        y = layers.Dense(64, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(32)(y)])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return keras.Model(words, layers.Dense(5, name="kind")(x), name="transformer")


def sound() -> keras.Model:
    """A Sequential model of one dimension, flattened before its dense layers."""
    return keras.Sequential(
        [
            layers.Input((40, 8), name="sound"),
            layers.Conv1D(24, 5, activation="relu"),
            layers.MaxPooling1D(2),
            layers.SeparableConv1D(32, 3, depth_multiplier=2, activation="relu"),
            layers.GroupNormalization(4),
            layers.Conv1D(16, 3),
            layers.PReLU(shared_axes=[1]),
            layers.SpatialDropout1D(0.1),
            layers.Flatten(),
            layers.Dense(32, activation="elu"),
            layers.Dense(4, name="kind"),
        ],
        name="sound",
    )


def grouped() -> keras.Model:
    """Grouped and depthwise convolutions, the latter giving two channels for each, a split axis and a moved one."""
    picture = layers.Input((8, 8, 3), name="picture")
    x = layers.Conv2D(32, 1)(picture)
    x = layers.ReLU()(layers.Conv2D(32, 3, groups=8, padding="same")(x))
    x = layers.Conv2D(24, 1)(x)
    x = layers.LeakyReLU()(layers.DepthwiseConv2D(3, depth_multiplier=2)(x))
    x = layers.PReLU()(layers.Conv2D(20, 1)(x))
    x = layers.Reshape((36, 20))(x)
    x = layers.Dense(16, activation="relu")(x)
    x = layers.Permute((2, 1))(x)
    x = layers.Dense(12, activation="relu")(x)
    x = layers.Permute((2, 1))(x)
    return keras.Model(picture, layers.Dense(3, name="kind")(layers.Flatten()(x)), name="grouped")


def recurrent() -> keras.Model:
    """Convolutions and a dense layer between layers whose own units stay."""
    wave = layers.Input((20, 3), name="wave")
    x = layers.Conv1D(24, 3, activation="relu")(wave)
    x = layers.Bidirectional(layers.GRU(6, return_sequences=True), name="both")(x)
    x = layers.Conv1D(24, 3, activation="relu")(x)
    x = layers.TimeDistributed(layers.Dense(16, activation="relu"))(x)
    x = layers.LSTM(12, name="memory")(x)
    return keras.Model(wave, layers.Dense(3, name="kind")(x), name="recurrent")


def nested() -> keras.Model:
    """A model inside a model, called twice; operations without a layer; two outputs, one by a model."""
    inner_picture = layers.Input((8, 8, 3))
    inner_x = layers.Conv2D(24, 3, activation="relu", name="first")(inner_picture)
    inner = keras.Model(inner_picture, layers.Conv2D(32, 3, activation="relu")(inner_x), name="inner")
    last = keras.Sequential([layers.Dense(16, activation="relu", name="first"), layers.Dense(3)], name="last")
    left, right = layers.Input((8, 8, 3), name="left"), layers.Input((8, 8, 3), name="right")
    x = inner(left) * 0.5 + inner(right)
    x = keras.ops.mean(x, axis=[1, 2])
    return keras.Model([left, right], {"both": last(x), "alone": layers.Dense(2, name="alone")(x)}, name="nested")


@keras.saving.register_keras_serializable(package="shop")
class Mixed(layers.Layer):
    """A layer of a user's own, which may do anything with channels."""

    def call(self, inputs: Tensor) -> Tensor:
        return inputs + keras.ops.flip(inputs, axis=-1)


def custom() -> keras.Model:
    """A layer of the user's own between convolutions."""
    picture = layers.Input((8, 8, 3), name="picture")
    x = layers.Conv2D(16, 3, activation="relu", name="before")(picture)
    x = layers.Conv2D(16, 3, activation="relu", name="entering")(x)
    x = Mixed(name="mine")(x)
    x = layers.Conv2D(16, 3, activation="relu", name="after")(x)
    return _classified(picture, x, "custom")


def mixture() -> keras.Model:
    """A softmax between channels, shared layers, and what a tensor of several axes of channels does."""
    vector = layers.Input((12, 4), name="vector")
    shared = layers.Dense(16, activation="relu", name="shared")
    x = layers.Dense(16, activation="relu", name="first")(vector)
    x = shared(shared(x))
    gate = layers.Dense(16, activation="softmax", name="gate")(x)
    x = layers.Multiply()([layers.Dense(16, name="gated")(x), gate])
    x = layers.Dense(24, activation="relu", name="split")(x)
    x = layers.Reshape((12, 6, 4), name="apart")(x)
    x = layers.Flatten()(x)
    return keras.Model(vector, layers.Dense(3, name="kind")(x), name="mixture")


def only_recurrent() -> keras.Model:
    """Nothing of it can leave."""
    return keras.Sequential(
        [layers.Input((8, 3)), layers.LSTM(6, name="memory"), layers.Dense(2)], name="only_recurrent"
    )


class Written(keras.Model):
    """A model that is written as a class."""

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self.one, self.two = layers.Dense(8), layers.Dense(2)

    def call(self, inputs: Tensor) -> Tensor:
        return self.two(self.one(inputs))


NETWORKS: dict[str, Callable[[], keras.Model]] = {
    make.__name__: make for make in (residual, mobile, dense_net, u_net, transformer, sound, grouped, recurrent, nested)
}


def lively(model: keras.Model, seed: int = 0) -> keras.Model:
    """The same with random biases and statistics, so that no channel is like another."""
    random = np.random.default_rng(seed)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(np.asarray(weight) + random.uniform(0.05, 0.4, weight.shape))
    return model


def main(folder: Path) -> None:
    keras.utils.set_random_seed(3)
    for name, make in NETWORKS.items():
        lively(make()).save(folder / f"{name}.keras")
    for make in (custom, mixture, only_recurrent):
        lively(make()).save(folder / f"{make.__name__}.keras")
    written = Written()
    written(np.zeros((1, 4), "float32"))
    written.save(folder / "written.keras")


if __name__ == "__main__":
    import prunable_models  # by this name, other processes find the classes

    prunable_models.main(Path(sys.argv[1]))
