"""Train a model with edgekit's loop and with a bare one, epoch by epoch in turn.

training_in_turns.py ANSWER.json keras|torch SOURCE DATA.npz EPOCHS BATCH
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

from edgekit_converters.compress.settings import TrainSettings
from edgekit_converters.compress.surgery import Surgery
from edgekit_converters.compress.train import Learner, train_model
from edgekit_converters.settings import DataSettings, NamedShape, SourceSettings


def main() -> None:
    """Write how much processor time each epoch took, edgekit's with its checkpoint."""
    answer, framework, source, data = Path(sys.argv[1]), *sys.argv[2:5]
    epochs, batch = map(int, sys.argv[5:7])
    settings = TrainSettings(DataSettings(data, None, 0), epochs=epochs, batch=batch, learning_rate=1e-4)
    model, bare = load(framework, source), load_bare(framework)(source, data, batch)
    found: dict[str, list[float]] = {"edgekit": [], "beside": []}
    begun = time.process_time()

    def report(told: dict[str, object]) -> None:
        nonlocal begun
        if "epoch" in told:
            ended = time.process_time()
            bare()
            found["edgekit"].append(ended - begun)
            begun = time.process_time()
            found["beside"].append(begun - ended)

    with tempfile.TemporaryDirectory() as folder:
        train_model(model, settings, Path(folder), Surgery(), report)
    answer.write_text(json.dumps(found), encoding="utf-8")


def load_bare(framework: str) -> Callable[[str, str, int], Callable[[], None]]:
    """The bare loop of a framework."""
    if framework == "keras":
        from bare_keras_training import bare_epoch

        return bare_epoch
    from bare_torch_training import bare_epoch as bare_torch_epoch

    return bare_torch_epoch


def load(framework: str, source: str) -> Learner:
    """Load a model as the framework's session does."""
    if framework == "keras":
        from edgekit_converters.keras.model import load_model

        found: object = load_model(Path(source), "keras", trust=False, custom=())
    else:
        from edgekit_converters.torch.load import load_model as load_module

        shapes = (NamedShape("", (1, 3, 32, 32)),)
        found = load_module(SourceSettings(source, "torch-code", trust=True, shapes=shapes))
    return cast(Learner, found)


main()
