"""What one would write without edgekit.

straight_conversion.py MODEL.keras DATA.npz OUT.tflite [int8-dynamic]

TensorFlow's calibration ends Python on the loop of a recurrent layer, which is unrolled here, and takes several inputs
for one another where they have no names: these models get a signature.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf


def unrolled(model: keras.Model) -> keras.Model:
    """The model with each step of its recurrent layers written out."""

    def layer_again(layer: keras.Layer) -> keras.Layer:
        changed = {"unroll": True} if isinstance(layer, keras.layers.RNN) else {}
        return layer.__class__.from_config(layer.get_config() | changed)

    again = keras.models.clone_model(model, clone_function=layer_again)
    again.set_weights(model.get_weights())
    return again


model = keras.models.load_model(sys.argv[1], compile=False)
arrays = np.load(sys.argv[2])
recurrent = any(isinstance(layer, keras.layers.RNN) for layer in model.layers)
model = unrolled(model) if recurrent else model
needs_signature = recurrent or len(model.inputs) > 1
names = [tensor.name for tensor in model.inputs] if needs_signature else arrays.files[:1]
samples = [arrays[name].astype(tensor.dtype) for name, tensor in zip(names, model.inputs, strict=True)]


def representative() -> Iterator[dict[str, np.ndarray] | list[np.ndarray]]:
    """Each sample with a batch axis."""
    for row in zip(*samples, strict=True):
        values = [value[None] for value in row]
        yield dict(zip(names, values, strict=True)) if needs_signature else values


def write_saved_model(folder: str) -> None:
    """With a batch of 1 and the inputs' names."""
    specs = [tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype, name=tensor.name) for tensor in model.inputs]
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", tf.function(lambda *given: model(list(given)), input_signature=specs))
    archive.write_out(folder, verbose=False)


with tempfile.TemporaryDirectory() as scratch:
    if needs_signature:
        write_saved_model(scratch)
        converter = tf.lite.TFLiteConverter.from_saved_model(scratch)
    else:
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if sys.argv[4:] != ["int8-dynamic"]:
        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    Path(sys.argv[3]).write_bytes(converter.convert())
