"""The variables of a Keras model, in a file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

SEEDS = "seed_generator_state"  # what Keras calls the state of a layer that draws


def lasting(model: Any) -> list[Any]:
    """All variables of a model but the states of layers that draw, which training sets anew for each epoch."""
    return [variable for variable in model.variables if variable.name != SEEDS]


def drawing(model: Any) -> list[Any]:
    """The states of layers that draw."""
    return [variable for variable in model.variables if variable.name == SEEDS]


def write_variables(path: Path, variables: Sequence[Any]) -> None:
    """Write variables by place, as `.npz`; a full disk meets one plain write, where HDF5 would end the process.

    Raises:
        OSError: There is no space.
    """
    content = io.BytesIO()
    arrays = {str(place): variable.numpy() for place, variable in enumerate(variables)}
    np.savez(content, allow_pickle=False, **arrays)
    path.write_bytes(content.getvalue())


def read_variables(path: Path, variables: Sequence[Any]) -> None:
    """Read what `write_variables` wrote into the same variables, or into those of a model of the same shape."""
    with np.load(path, allow_pickle=False) as arrays:
        for place, variable in enumerate(variables):
            variable.assign(arrays[str(place)])
