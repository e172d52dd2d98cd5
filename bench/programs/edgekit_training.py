"""Train a model with edgekit's loop, as its session does.

edgekit_training.py ANSWER.json keras|torch SOURCE DATA.npz EPOCHS BATCH
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import cast

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

from edgekit_converters.compress.settings import TrainSettings
from edgekit_converters.compress.surgery import Surgery
from edgekit_converters.compress.train import Learner, train_model
from edgekit_converters.settings import DataSettings, NamedShape, SourceSettings


def main() -> None:
    """Write how much processor time each epoch took, its checkpoint included."""
    answer, framework, source, data = Path(sys.argv[1]), *sys.argv[2:5]
    epochs, batch = map(int, sys.argv[5:7])
    settings = TrainSettings(DataSettings(data, None, 0), epochs=epochs, batch=batch, learning_rate=1e-4)
    model, ends = load(framework, source), []

    def report(told: dict[str, object]) -> None:
        if "epoch" in told:
            ends.append(time.process_time())

    with tempfile.TemporaryDirectory() as folder:
        train_model(model, settings, Path(folder), Surgery(), report)
    seconds = [after - before for before, after in itertools.pairwise(ends)]
    answer.write_text(json.dumps({"seconds": seconds}), encoding="utf-8")


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
