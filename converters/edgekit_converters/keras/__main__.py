"""The Keras session's child process."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from edgekit_converters.framework import serve_framework  # TensorFlow reads the line above when imported
from edgekit_converters.keras.model import load_model  # as above

serve_framework(load_model)
