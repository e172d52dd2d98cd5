"""Let random units of each network fall silent, prune exactly these, and tell how far the outputs differ, as JSON.

python tests/silence_models.py FOLDER_OF_MODELS SEED
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import prunable_models

from edgekit_converters.compress.surgery import Kept, Operation
from edgekit_converters.keras.model import load_model
from edgekit_converters.source import SourceInfo

# The layer whose units a layer normalization goes over: it takes the mean of those that are left.
WHOLE = {"transformer": "embedding"}


def inputs(info: SourceInfo) -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    return {
        spec.name: random.integers(0, 50, (3, *spec.sample_shape)).astype(spec.dtype)
        if spec.dtype.startswith("int")
        else random.normal(size=(3, *spec.sample_shape)).astype(spec.dtype)
        for spec in info.inputs
    }


def compared(path: Path, seed: int) -> dict[str, float | bool]:
    model = load_model(path, "keras", True, ())
    graph, before = model.channels(), model.info
    random = np.random.default_rng(seed)
    kept, leaving = [], []
    for group in graph.groups:
        whole = group.name.startswith(WHOLE.get(path.stem, "-"))
        count = group.units if whole else random.integers(1, group.units + 1)
        stays = sorted(int(unit) for unit in random.choice(group.units, count, replace=False))
        kept.append(Kept(group.name, tuple(stays)))
        leaving.append(Kept(group.name, tuple(sorted(set(range(group.units)) - set(stays)))))
    values = inputs(before)
    original = model.predict(values)
    restore = model.silence(graph, leaving)
    silent = model.predict(values)
    restore()
    restored = model.predict(values)
    model.operate(Operation(tuple(kept)))
    pruned = model.predict(values)
    known = graph.macs([len(group.units) for group in kept])
    after = model.channels()
    return {
        "difference": max(float(np.abs(silent[name] - pruned[name]).max()) for name in silent),
        "effect": max(float(np.abs(silent[name] - original[name]).max()) for name in silent),
        "restored": all(np.array_equal(original[name], restored[name]) for name in original),
        "borders": (before.inputs, before.outputs) == (model.info.inputs, model.info.outputs),
        "smaller": model.info.parameters < before.parameters,
        "macs": abs(after.macs(after.full) - known) / known,
    }


if __name__ == "__main__":
    folder, seed = Path(sys.argv[1]), int(sys.argv[2])
    print(json.dumps({name: compared(folder / f"{name}.keras", seed) for name in prunable_models.NETWORKS}))
