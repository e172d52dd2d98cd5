"""The first sample of data as it lies there, for a model that does not tell what it takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgekit_converters.data.form import detect_form
from edgekit_converters.data.npz import load_arrays
from edgekit_converters.data.rows import Rows, open_npy
from edgekit_converters.data.shards import shards_in
from edgekit_converters.data.source import SINGLE_INPUT
from edgekit_converters.settings import DataSettings


def first_sample(settings: DataSettings) -> Mapping[str, np.ndarray]:
    """Every array of the first sample by its key, labels among them, without batch axis.

    Args:
        settings: Which data. A folder of pictures and a function do not tell shapes: a picture is fitted to the
            model, and a function may give samples or batches of them. They give nothing here.

    Raises:
        DataError: It cannot be read.
    """
    path, form = Path(settings.path), detect_form(Path(settings.path))
    if form in ("pictures", "function"):
        return {}
    if form == "shards":
        path = shards_in(path)[0]
        form = path.suffix[1:]
    arrays: Mapping[str, Rows] = {SINGLE_INPUT: open_npy(path)} if form == "npy" else load_arrays(path)
    return {key: np.asarray(rows[0]) for key, rows in arrays.items() if rows.shape and len(rows)}
