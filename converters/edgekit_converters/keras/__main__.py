"""The Keras session's child process."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from edgekit_converters.framework import serve_framework
from edgekit_converters.keras.config import check_safe
from edgekit_converters.model import Model
from edgekit_converters.settings import SourceSettings
from edgekit_runtime.errors import MissingExtraError


def load(settings: SourceSettings) -> Model:
    """Refuse what must not run, and only then pay for TensorFlow."""
    missing = [name for name in ("tensorflow", "keras", "h5py") if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"{', '.join(missing)}: not installed, so no Keras model is converted here.",
            hint="Run: pip install 'edgekit[keras]'",
        )
    path = Path(settings.path)
    if not settings.trust and settings.format != "saved-model":
        check_safe(path, settings.format)
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever the user's own choice is elsewhere
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from edgekit_converters.keras.model import load_model

    return load_model(path, settings.format, settings.trust, settings.custom)


serve_framework(load)
