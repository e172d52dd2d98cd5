"""Refuse weights that are no numbers: whatever is made of them answers NaN."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from edgekit_runtime.errors import ModelError


def check_weights(path: Path, variables: Iterable[Any]) -> None:
    """Refuse a model with NaN among its weights.

    Args:
        path: Where it came from, for the error.
        variables: Its variables, of Keras 3, tf_keras or TensorFlow.

    Raises:
        ModelError: There is one; all that have NaN are named.
    """
    found = [_name(variable) for variable in variables if _has_nan(variable)]
    if found:
        raise ModelError(
            f"{path}: NaN among the weights of {', '.join(found)}.",
            hint="Its training diverged: take an earlier checkpoint, or train with a lower learning rate.",
        )


def _name(variable: Any) -> str:
    return str(variable.path if hasattr(variable, "path") else variable.name)


def _has_nan(variable: Any) -> bool:
    values = np.asarray(variable.numpy())
    return values.dtype.kind == "f" and bool(np.isnan(values).any())
