"""Make small Keras models and their data; run as a program, so that the tests' own process stays free of TensorFlow.

python tests/keras_models.py FOLDER [common | layers | old | recurrent]
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np

layers = keras.layers

SHOP = '''
"""Layers and an activation of a user's own."""

import keras


class Scaled(keras.layers.Layer):
    def __init__(self, by=2.0, **settings):
        super().__init__(**settings)
        self.by = by

    def call(self, inputs):
        return inputs * self.by

    def get_config(self):
        return super().get_config() | {"by": self.by}


@keras.saving.register_keras_serializable(package="shop")
class Registered(Scaled):
    pass


def squeezed(values):
    return keras.ops.tanh(values) * 0.5


class Net(keras.Model):
    def __init__(self, width=3, **settings):
        super().__init__(**settings)
        self.width = width
        self.dense = keras.layers.Dense(width)

    def call(self, inputs):
        return self.dense(inputs)

    def get_config(self):
        return super().get_config() | {"width": self.width}


class Counting(keras.layers.Layer):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.loop = keras.layers.LSTM(2)

    def call(self, inputs):
        return self.loop(inputs)
'''


@keras.saving.register_keras_serializable(package="shop")
class Doubler(layers.Layer):
    """A layer of the user's own."""

    def call(self, inputs: object) -> object:
        return inputs * 2


def cnn() -> keras.Model:
    """Classifies pictures (6, 6, 1) into 3 classes."""
    picture = layers.Input((6, 6, 1), name="picture")
    x = layers.Conv2D(8, 3, padding="same")(picture)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Add()([x, layers.Conv2D(8, 1)(x)])
    x = layers.Flatten()(x)
    return keras.Model(picture, layers.Dense(3, activation="softmax", name="kind")(x), name="cnn")


def two_by_two() -> keras.Model:
    """Two inputs and two outputs, in an order that is not the alphabet's."""
    wide, narrow = layers.Input((4,), name="wide"), layers.Input((2,), name="narrow")
    joined = layers.Concatenate()([wide, layers.Dense(4, name="grow")(narrow)])
    sign = layers.Dense(2, name="sign")(joined)
    return keras.Model([wide, narrow], [sign, layers.Dense(3, name="area")(narrow)], name="two")


def named() -> keras.Model:
    """Inputs and outputs in dictionaries, and one layer that is an output twice."""
    inputs = {name: layers.Input((4,), name=name) for name in ("right", "left")}
    dense = layers.Dense(2)
    return keras.Model(inputs, {"sum": dense(inputs["left"]), "difference": dense(inputs["right"])}, name="named")


def twice() -> keras.Model:
    """One layer that is an output twice."""
    left, right = layers.Input((4,), name="left"), layers.Input((4,), name="right")
    dense = layers.Dense(2, name="dense")
    return keras.Model([left, right], [dense(left), dense(right)], name="twice")


def sequential_with(layer: layers.Layer, shape: tuple[int | None, ...] = (4,)) -> keras.Model:
    """A model of one layer and a dense one."""
    return keras.Sequential([layers.Input(shape), layer, layers.Dense(2, name="out")])


def write_common(folder: Path) -> None:
    """What most tests take."""
    model = cnn()
    model.save(folder / "cnn.keras")
    model.save(folder / "cnn.h5")
    model.save_weights(folder / "only.weights.h5")
    two_by_two().save(folder / "two.keras")
    sequential_with(layers.Lambda(lambda x: x * 2, name="sneaky")).save(folder / "lambda.keras")
    sequential_with(layers.Lambda(lambda x: x * 2, name="sneaky")).save(folder / "lambda.h5")
    sequential_with(Doubler(name="mine")).save(folder / "custom.keras")
    keras.Sequential([layers.Input((None, 4)), layers.Dense(2)]).save(folder / "free.keras")
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 6, 6, 1)).astype("float32")
    kinds = np.asarray(model(x)).argmax(axis=1)
    np.savez(folder / "calibrate.npz", x=x[:40])
    np.savez(folder / "evaluate.npz", x=x, y=kinds)
    wide, narrow = random.normal(size=(20, 4)).astype("float32"), random.normal(size=(20, 2)).astype("float32")
    np.savez(folder / "two.npz", wide=wide, narrow=narrow)


def write_layers(folder: Path) -> None:
    """Classes of the user's own in shop_layers.py, borders of other forms, and SavedModel folders."""
    (folder / "shop_layers.py").write_text(SHOP)
    sys.path.insert(0, str(folder))
    shop = importlib.import_module("shop_layers")
    for name, layer in {
        "scaled": shop.Scaled(by=3.0, name="mine"),
        "registered": shop.Registered(by=3.0, name="mine"),
        "activation": layers.Dense(4, activation=shop.squeezed, name="mine"),
    }.items():
        model = sequential_with(layer)
        model.save(folder / f"{name}.keras")
        model.save(folder / f"{name}.h5")
    net = shop.Net(name="net")
    net(np.zeros((1, 4), "float32"))
    net.save(folder / "net.keras")
    loss = sequential_with(layers.Dense(3))
    loss.compile("adam", loss=shop.squeezed)
    loss.save(folder / "loss.keras")
    sequential_with(shop.Counting(name="mine"), (5, 3)).save(folder / "counting.keras")
    sequential_with(layers.Dense(3, dtype="mixed_float16")).save(folder / "mixed.keras")
    named().save(folder / "named.keras")
    twice().save(folder / "twice.keras")
    keras.Sequential([layers.Input(batch_shape=(1, 4)), layers.Dense(2)]).save(folder / "batch1.keras")
    keras.Sequential([layers.Input(batch_shape=(8, 4)), layers.Dense(2)]).save(folder / "batch8.keras")
    random = np.random.default_rng(0)
    np.savez(folder / "four.npz", x=random.normal(size=(20, 4)).astype("float32"))
    sides = {name: random.normal(size=(20, 4)).astype("float32") for name in ("left", "right")}
    np.savez(folder / "sides.npz", **sides)
    write_saved_models(folder)


def write_saved_models(folder: Path) -> None:
    """SavedModel folders: whole, with two signatures, with a fixed batch, with a loop, and one that writes a file."""
    import tensorflow as tf

    two_by_two().export(folder / "exported", verbose=False)
    sequential_with(layers.LSTM(3), (5, 2)).export(folder / "loop", verbose=False)
    module = tf.Module()
    four, pair = tf.TensorSpec((4, 3), name="x"), tf.TensorSpec((None, 3), name="x")
    double = tf.function(lambda x: {"y": x * 2}, autograph=False)
    triple = tf.function(lambda x: {"y": x * 3}, autograph=False)

    def leak(x: tf.Tensor) -> dict[str, tf.Tensor]:
        tf.io.write_file(str(folder / "leaked.txt"), "leaked")
        return {"y": x + 1}

    for name, signatures in {
        "batch4": {"serving_default": triple.get_concrete_function(four)},
        "one-signature": {"double": double.get_concrete_function(pair)},
        "two-signatures": {"double": double.get_concrete_function(pair), "triple": triple.get_concrete_function(pair)},
        "leaking": {"serving_default": tf.function(leak, autograph=False).get_concrete_function(pair)},
    }.items():
        tf.saved_model.save(module, str(folder / name), signatures=signatures)


def write_old(folder: Path) -> None:
    """What Keras 2 saved, with the outputs that it gave: NAME.h5, NAME.keras and NAME.npz."""
    import tf_keras

    old = tf_keras.layers
    base = tf_keras.Sequential([old.Input((6, 6, 2)), old.DepthwiseConv2D(3), old.BatchNormalization()], name="base")
    picture = old.Input((6, 6, 2), name="picture")
    x = old.SeparableConv2D(4, 3)(base(picture))
    nested = tf_keras.Model(picture, old.Dense(3, name="kind")(old.Flatten()(x)))
    x = old.Input((4,), name="x")
    inner = old.Input((6, 6, 2))
    learned = tf_keras.Model(inner, old.Conv2D(3, 3)(inner), name="learned")
    models = {
        "nested": nested,
        "transfer": tf_keras.Sequential([learned, old.GlobalAveragePooling2D(), old.Dense(3, name="kind")]),
        "sigmoid": tf_keras.Sequential(
            [
                old.Input((5, 3), name="x"),
                old.Bidirectional(old.LSTM(4, recurrent_activation="hard_sigmoid", return_sequences=True)),
                old.GRU(3, recurrent_activation="hard_sigmoid", reset_after=False),
                old.Dense(2, activation="hard_sigmoid", name="out"),
            ]
        ),
        "operator": tf_keras.Model(x, old.Dense(2, name="out")(x * 3.0 + 1.0)),
    }
    random = np.random.default_rng(0)
    for name, model in models.items():
        weights = [weight + np.abs(random.normal(size=weight.shape)) / 2 for weight in model.get_weights()]
        model.set_weights(weights)
        values = random.normal(size=(6, *model.inputs[0].shape[1:])).astype("float32")
        model.save(folder / f"{name}.h5")
        model.save(folder / f"{name}.keras")
        np.savez(folder / f"{name}.npz", x=values)
        np.savez(folder / f"{name}-outputs.npz", y=np.asarray(model(values)))


def write_recurrent(folder: Path) -> None:
    """Recurrent models: which sine waves rise slowly, learned by two kinds of layers; and some that are refused."""
    random = np.random.default_rng(0)
    kinds = random.integers(0, 3, 450)
    phases, times = random.uniform(0, 6, 450), np.arange(12)
    waves = np.sin((0.3 + 0.4 * kinds[:, None]) * times + phases[:, None])[:, :, None]
    waves = (waves + random.normal(scale=0.05, size=waves.shape)).astype("float32")
    for name, made in {
        "lstm": [layers.LSTM(12)],
        "gru": [layers.Bidirectional(layers.GRU(6, return_sequences=True)), layers.SimpleRNN(8)],
    }.items():
        last = layers.Dense(3, activation="softmax", name="kind")
        model = keras.Sequential([layers.Input((12, 1), name="wave"), *made, last])
        model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
        model.fit(waves[:300], kinds[:300], epochs=10, batch_size=32, verbose=0)
        model.save(folder / f"{name}.keras")
    np.savez(folder / "calibrate.npz", x=waves[:300:2])
    np.savez(folder / "evaluate.npz", x=waves[300:], y=kinds[300:])
    sequential_with(layers.LSTM(3, name="loop"), (None, 2)).save(folder / "free-time.keras")
    keras.Sequential([layers.Input(batch_shape=(1, 5, 2)), layers.GRU(3, stateful=True, name="loop")]).save(
        folder / "stateful.keras"
    )
    inner = sequential_with(layers.LSTM(3), (5, 2))
    wave = layers.Input((5, 2), name="wave")
    masked = layers.Masking()(wave)
    keras.Model(wave, [inner(wave), layers.LSTM(3, return_state=True)(masked)[2]]).save(folder / "nested.keras")
    np.savez(folder / "five.npz", x=random.normal(size=(10, 5, 2)).astype("float32"))


keras.utils.set_random_seed(7)
PARTS = {"common": write_common, "layers": write_layers, "old": write_old, "recurrent": write_recurrent}
PARTS[sys.argv[2] if len(sys.argv) > 2 else "common"](Path(sys.argv[1]))
