"""What one would write without edgekit.

straight_conversion.py MODEL.keras DATA.npz OUT.tflite [int8-dynamic]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

model = keras.models.load_model(sys.argv[1], compile=False)
arrays = np.load(sys.argv[2])
samples = arrays[arrays.files[0]].astype(model.inputs[0].dtype)


def representative() -> Iterator[list[np.ndarray]]:
    """Each sample with a batch axis."""
    for sample in samples:
        yield [sample[None]]


converter = tf.lite.TFLiteConverter.from_keras_model(model)
converter.optimizations = [tf.lite.Optimize.DEFAULT]
if sys.argv[4:] != ["int8-dynamic"]:
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
Path(sys.argv[3]).write_bytes(converter.convert())
