"""Train the Keras models of the matrix: python -m tests.matrix.keras_models FOLDER NAME..."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np

from tests.matrix.data import INPUTS, WORDS, samples

layers = keras.layers
WIDTH, HEADS, LENGTH = 32, 4, 12
SAMPLES, EPOCHS, BATCH = 512, 6, 32


def conv(x: object, filters: int, *, kernel: int = 3, stride: int = 1, relu: bool = True) -> object:
    x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.8)(x)
    return layers.ReLU()(x) if relu else x


def small_cnn(image: object) -> object:
    x = layers.MaxPooling2D()(conv(image, 16))
    x = layers.MaxPooling2D()(conv(x, 32))
    x = layers.Conv2D(32, 3, activation="relu")(x)
    return layers.Dense(10, activation="softmax", name="digit")(layers.Flatten()(x))


def residual_cnn(image: object) -> object:
    x = conv(image, 16)
    for filters, stride in ((16, 1), (32, 2), (32, 1)):
        short = conv(x, filters, kernel=1, stride=stride, relu=False) if stride > 1 else x
        x = layers.ReLU()(layers.Add()([conv(conv(x, filters, stride=stride), filters, relu=False), short]))
    return layers.Dense(10, name="logits")(layers.GlobalAveragePooling2D()(x))


def mobilenet_v2(image: object) -> object:
    body = keras.applications.MobileNetV2(
        input_tensor=image, alpha=0.35, weights=None, include_top=False, pooling="avg"
    )
    for layer in body.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.8  # it sees few batches here
    return layers.Dense(10, name="logits")(body.output)


def lstm(signal: object) -> object:
    return layers.Dense(6, name="logits")(layers.LSTM(24)(signal))


def gru(signal: object) -> object:
    return layers.Dense(6, name="logits")(layers.GRU(24)(signal))


def block(x: object, *, causal: bool = False) -> object:
    y = layers.LayerNormalization()(x)
    x = layers.Add()([x, layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(y, y, use_causal_mask=causal)])
    y = layers.Dense(2 * WIDTH, activation="gelu")(layers.LayerNormalization()(x))
    return layers.Add()([x, layers.Dense(WIDTH)(y)])


def text_classifier(tokens: object) -> object:
    x = block(block(layers.Embedding(WORDS, WIDTH)(tokens)))
    return layers.Dense(4, activation="softmax", name="topic")(layers.GlobalAveragePooling1D()(x))


def vit(image: object) -> object:
    x = layers.Reshape((16, WIDTH))(layers.Conv2D(WIDTH, 8, 8)(image))
    x = layers.LayerNormalization()(block(block(x)))
    return layers.Dense(10, name="logits")(layers.GlobalAveragePooling1D()(x))


def decoder(tokens: object) -> object:
    x = block(block(layers.Embedding(WORDS, WIDTH)(tokens), causal=True), causal=True)
    return layers.Dense(WORDS, use_bias=False, name="next_word")(layers.LayerNormalization()(x))


def autoencoder(image: object) -> object:
    x = conv(conv(image, 8, stride=2), 16, stride=2)
    x = layers.Conv2DTranspose(8, 2, 2, activation="relu")(x)
    return layers.Conv2D(1, 3, padding="same", name="image_again")(layers.UpSampling2D()(x))


def two_in_three_out(image: object, extra: object) -> list[object]:
    features = conv(image, 12, stride=2)
    joint = layers.Add()([layers.GlobalAveragePooling2D()(features), layers.Dense(12, activation="tanh")(extra)])
    return [
        layers.Dense(5, activation="softmax", name="classes")(joint),
        layers.Dense(4, activation="sigmoid", name="boxes")(joint),
        layers.Conv2D(2, 1, name="mask")(features),
    ]


MODELS: Mapping[str, Callable[..., object]] = {
    "small_cnn": small_cnn,
    "residual_cnn": residual_cnn,
    "mobilenet_v2": mobilenet_v2,
    "lstm": lstm,
    "gru": gru,
    "text_classifier": text_classifier,
    "vit": vit,
    "decoder": decoder,
    "autoencoder": autoencoder,
    "two_in_three_out": two_in_three_out,
}


def train(name: str) -> keras.Model:
    """Build a model and let it learn its classes for a moment."""
    keras.utils.set_random_seed(0)
    inputs = [keras.Input(i.shape, name=i.name, dtype="int32" if i.tokens else "float32") for i in INPUTS[name]]
    model = keras.Model(inputs, MODELS[name](*inputs), name=name)
    classes = model.outputs[0].shape[-1] if name not in ("decoder", "autoencoder") else 10
    arrays, labels = samples(name, classes, SAMPLES, seed=1)
    targets = [target(name, tensor, arrays, labels) for tensor in model.outputs]
    from_logits = model.output_names[0] in ("logits", "next_word")
    losses = [
        keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits) if values.dtype.kind == "i" else "mse"
        for values in targets
    ]
    model.compile(keras.optimizers.Adam(3e-3), loss=losses)
    model.fit([arrays[one.name] for one in INPUTS[name]], targets, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    return model


def target(name: str, output: object, arrays: dict[str, np.ndarray], labels: np.ndarray) -> np.ndarray:
    """What an output is to learn: the next words, the picture, the class, or whatever stands for a box or a mask."""
    if name == "decoder":
        return np.roll(arrays["tokens"], -1, axis=1)
    if name == "autoencoder":
        return arrays["image"]
    if name == "two_in_three_out" and output.shape[-1] == 4:
        return ((labels[:, None] + np.arange(4)) % 5 / 5).astype(np.float32)
    if len(output.shape) == 4:
        return arrays["image"][:, ::2, ::2, :2]
    return labels


if __name__ == "__main__":
    for wanted in sys.argv[2:]:
        train(wanted).save(Path(sys.argv[1]) / f"{wanted}.keras")
