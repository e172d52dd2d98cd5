"""edgekit_converters.keras.finite: weights that are no numbers are refused by their names."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edgekit_converters.keras.finite import check_weights
from edgekit_runtime.errors import ModelError


def variable(path: str, *values: object) -> SimpleNamespace:
    return SimpleNamespace(path=path, numpy=lambda: np.array(values))


def test_numbers_pass() -> None:
    check_weights(
        Path("m.keras"), [variable("dense/kernel", 1.0, -np.inf), variable("seed", 1, 2), variable("names", "a")]
    )


def test_all_weights_with_nan_are_named() -> None:
    weights = [variable("a/kernel", 1.0, np.nan), variable("a/bias", 0.0), variable("b/kernel", np.nan)]
    with pytest.raises(ModelError, match=r"m\.keras: NaN among the weights of a/kernel, b/kernel\.") as caught:
        check_weights(Path("m.keras"), weights)
    assert "training diverged" in caught.value.hint
