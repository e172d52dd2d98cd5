"""Make MobileNetV2 224 with random weights, and samples for it.

make_mobilenet.py ANSWER.json MODEL.keras DATA.npz
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np

SHAPE = (224, 224, 3)
SAMPLES = 100


def main() -> None:
    """Write both, the model last."""
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    model = keras.applications.MobileNetV2(weights=None, input_shape=SHAPE)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    # With the statistics that it begins with, the activations of random weights vanish from layer to layer.
    for norm in norms:
        norm.momentum = 0.0
    model(random.uniform(-1, 1, (4, *SHAPE)).astype("float32"), training=True)
    for norm in norms:
        norm.momentum = 0.99
    np.savez(sys.argv[3], x=random.uniform(-1, 1, (SAMPLES, *SHAPE)).astype("float32"))
    model.save(sys.argv[2])
    Path(sys.argv[1]).write_text("{}", encoding="utf-8")


main()
