"""The calls of a framework session that change the live model: the child's end."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgekit_converters.compress.channels import ChannelGraph
from edgekit_converters.compress.faces import Changeable, Prunable, Trainable
from edgekit_converters.compress.prune import check_prune, foretell, prune_model
from edgekit_converters.compress.refusal import finished, of_old_keras
from edgekit_converters.compress.samples import checksum_drawn
from edgekit_converters.compress.sensitivity import Scannable
from edgekit_converters.compress.settings import PruneSettings, TrainSettings, TransferSettings
from edgekit_converters.compress.surgery import SURGERY_FILE, Kept, Operation, Surgery
from edgekit_converters.compress.teacher import write_maps
from edgekit_converters.compress.train import Learner, check_training, train_model
from edgekit_converters.data.source import open_drawn
from edgekit_converters.model import Model
from edgekit_converters.settings import DataSettings, SourceSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.child import Handler, Report
from edgekit_runtime.codec import FormatError, decode, dumps_document, encode, loads_document
from edgekit_runtime.errors import OutputError, RecipeError, first_line

BATCH = 32
FINISHED = {
    "tflite": "a finished .tflite file",
    "onnx": "a finished .onnx file",
    "saved-model": "a SavedModel",
    "torch-export": "an exported program",
}
Loader = Callable[[SourceSettings], Model]
Payload = dict[str, Any]  # a JSON object, as the calls' typed faces make it


@dataclass
class Live:
    """The session's model.

    Attributes:
        load: Loads a model.
        source: What was loaded.
        loaded: It, as it is now.
        surgery: What was done to its shape since.
    """

    load: Loader
    source: SourceSettings | None = None
    loaded: Model | None = None
    surgery: Surgery = field(default_factory=Surgery)

    @property
    def model(self) -> Model:
        """The model as it is now."""
        assert self.loaded is not None
        return self.loaded

    def take(self, source: SourceSettings) -> None:
        """Load a model."""
        self.loaded, self.source, self.surgery = self.load(source), source, Surgery()

    def operate(self, operation: Operation, job: str) -> None:
        """Change the model's shape, and remember how.

        Raises:
            RecipeError: It cannot change so.
        """
        if not isinstance(self.loaded, Changeable):
            raise self.refusal(job)
        self.loaded.operate(operation)
        self.surgery = Surgery((*self.surgery.operations, operation))

    def prunable(self) -> Scannable:
        """The model, where channels can leave; what leaves is remembered.

        Raises:
            RecipeError: They cannot.
        """
        if not isinstance(self.loaded, Prunable):
            raise self.refusal("pruning")
        return _Remembering(self.loaded, self)

    def learner(self, job: str) -> Learner:
        """The model, where it can learn.

        Raises:
            RecipeError: It cannot.
        """
        if not isinstance(self.loaded, Trainable):
            raise self.refusal(job)
        learner: Learner = self.loaded
        return learner

    def refusal(self, job: str) -> RecipeError:
        """What is said of a model that cannot change."""
        assert self.source is not None
        if self.source.format not in FINISHED:
            return of_old_keras(self.source.path, job)
        return finished(self.source.path, job, FINISHED[self.source.format])


class _Remembering:
    """A model whose operations the session remembers."""

    def __init__(self, model: Prunable, live: Live) -> None:
        self._model, self._live = model, live

    @property
    def info(self) -> SourceInfo:
        return self._live.model.info

    def predict(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return self._live.model.predict(inputs)

    def channels(self) -> ChannelGraph:
        return self._model.channels()

    def importance(self, graph: ChannelGraph, settings: PruneSettings) -> tuple[np.ndarray, ...]:
        return self._model.importance(graph, settings)

    def silence(self, graph: ChannelGraph, leaving: Sequence[Kept]) -> Callable[[], None]:
        return self._model.silence(graph, leaving)

    def operate(self, operation: Operation) -> None:
        self._live.operate(operation, "pruning")


def compression_handlers(live: Live) -> Mapping[str, Handler]:
    """The handlers of `CompressionCalls`.

    Args:
        live: The session's model.
    """

    def on_check_prune(payload: Payload, _: Report) -> Payload:
        settings = decode(PruneSettings, payload["settings"])
        return {"share": foretell(check_prune(live.prunable(), settings), settings)}

    def on_check_train(payload: Payload, _: Report) -> Payload:
        check_training(live.learner("training"), decode(TrainSettings, payload["settings"]))
        return {}

    def on_prune(payload: Payload, report: Report) -> Payload:
        settings = decode(PruneSettings, payload["settings"])
        return dict(encode(prune_model(live.prunable(), settings, report)))

    def on_transfer(payload: Payload, _: Report) -> Payload:
        settings = decode(TransferSettings, payload["settings"])
        live.operate(Operation(classes=settings.classes, seed=settings.seed), "replacing the head")
        return dict(encode(live.model.info))

    def on_train(payload: Payload, report: Report) -> Payload:
        settings, learner = decode(TrainSettings, payload["settings"]), live.learner("training")
        return dict(encode(train_model(learner, settings, Path(payload["checkpoint"]), live.surgery, report)))

    def on_save(payload: Payload, _: Report) -> Payload:
        _save(live, Path(payload["folder"]))
        return {}

    def on_restore(payload: Payload, _: Report) -> Payload:
        _restore(live, Path(payload["folder"]))
        return dict(encode(live.model.info))

    def on_info(_: Payload, __: Report) -> Payload:
        return dict(encode(live.model.info))

    return {
        "check_prune": on_check_prune,
        "check_train": on_check_train,
        "prune": on_prune,
        "transfer": on_transfer,
        "train": on_train,
        "save": on_save,
        "restore": on_restore,
        "info": on_info,
        **_asking_handlers(live),
    }


def _asking_handlers(live: Live) -> Mapping[str, Handler]:
    """Those that leave the model as it is: what a teacher is asked, and what its answers depend on."""

    def on_features(payload: Payload, report: Report) -> Payload:
        learner = live.learner("matching features")
        return {"layers": _features(learner, decode(DataSettings, payload["data"]), Path(payload["folder"]), report)}

    def on_checksum(_: Payload, __: Report) -> Payload:
        return {"sha256": _checksum(live)}

    def on_checksum_samples(payload: Payload, report: Report) -> Payload:
        data, stage = decode(DataSettings, payload["data"]), "reading the training data"
        told = checksum_drawn(
            data, live.model.info, lambda done, total: report({"stage": stage, "done": done, "total": total})
        )
        return {"sha256": told}

    return {"features": on_features, "checksum": on_checksum, "checksum_samples": on_checksum_samples}


def _features(model: Learner, settings: DataSettings, folder: Path, report: Report) -> list[str]:
    source, indexes = open_drawn(settings, model.info.inputs, model.info.outputs)
    layers, parts = list(model.feature_layers()), []
    for begin in range(0, len(indexes) if layers else 0, BATCH):
        samples = list(source.read(indexes[begin : begin + BATCH]))
        inputs = {spec.name: np.stack([sample.inputs[spec.name] for sample in samples]) for spec in model.info.inputs}
        parts.append(model.features(inputs, layers))
        report({"stage": "asking the teacher", "done": begin + len(samples), "total": len(indexes)})
    write_maps(folder, {layer: np.concatenate([part[layer] for part in parts]) for layer in layers})
    return layers


def _checksum(live: Live) -> str:
    digest = hashlib.sha256(dumps_document(live.surgery).encode())
    with tempfile.TemporaryDirectory() as folder:
        live.learner("keeping weights").save_weights(Path(folder))
        for file in sorted(Path(folder).iterdir()):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _save(live: Live, folder: Path) -> None:
    learner = live.learner("keeping weights")
    fresh = folder.with_name(f"{folder.name}.tmp")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir(parents=True)
        learner.save_weights(fresh)
        (fresh / SURGERY_FILE).write_text(dumps_document(live.surgery), encoding="utf-8")
    except OSError as error:
        error.filename = error.filename or fresh
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def _restore(live: Live, folder: Path) -> None:
    path = folder / SURGERY_FILE
    try:
        surgery = loads_document(Surgery, path.read_text(encoding="utf-8"))
    except (OSError, FormatError, UnicodeDecodeError) as error:
        raise OutputError(f"{path}: nothing that was saved can be read there: {first_line(error)}") from error
    assert live.source is not None
    live.take(live.source)
    for operation in surgery.operations:
        live.operate(operation, "pruning")
    live.learner("training").load_weights(folder)
