"""The data session: samples are checked, and results measured, in a child process, where a user's own code may run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgekit_converters.binding import Border
from edgekit_converters.data.arrange import arrange
from edgekit_converters.data.check import Checked, check_samples
from edgekit_converters.data.metrics import choose_metric
from edgekit_converters.data.source import open_drawn
from edgekit_converters.evaluate.evaluate import Outputs, evaluate
from edgekit_converters.evaluation import Evaluation
from edgekit_converters.settings import DataSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.child import Child, Report, serve
from edgekit_runtime.codec import decode, encode
from edgekit_runtime.figure import Figure
from edgekit_runtime.progress import Progress
from edgekit_runtime.samples import real_samples

MODULE = "edgekit_converters.data"
STEPS = 100  # of a progress bar


@dataclass(frozen=True)
class Measured:
    """Where the outputs of both models lie, for the same samples.

    Attributes:
        source: An `.npz` file, an array for each output of the source.
        exported: An `.npz` file, the stored outputs of the exported file under the source's names.
        labels: An `.npz` file, as `DataSession.check` wrote it.
        border: Inputs and outputs of the exported file.
        metric: A metric, or `auto`.
        data_sha256: Checksum of the samples.
        interpreter: What ran the exported file.
    """

    source: str
    exported: str
    labels: str
    border: Border
    metric: str
    data_sha256: str
    interpreter: str


@dataclass(frozen=True)
class Score:
    """How a model does on labelled samples.

    Attributes:
        metric: `accuracy`, `mean_squared_error` or another.
        higher_is_better: Which way it is good.
        value: What it is; unavailable without labels.
    """

    metric: str
    higher_is_better: bool
    value: Figure


class DataSession:
    """The parent's end of the session.

    Args:
        on_log: Takes each line that the child writes on stderr.
    """

    def __init__(self, *, on_log: Callable[[str], None] | None = None) -> None:
        self._child = Child([sys.executable, "-m", MODULE], stage="reading the data", on_log=on_log)

    def __enter__(self) -> DataSession:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.close()

    def check(self, data: DataSettings, info: SourceInfo, purpose: str, labels: Path, progress: Progress) -> Checked:
        """Go through the drawn samples once, refuse bad ones, and write their labels as `.npz`.

        Args:
            data: Which samples.
            info: The model.
            purpose: What they are for: `calibration` or `evaluation`.
            labels: Where to write the labels, one array for each output that has some.
            progress: Told how far it is.

        Raises:
            DataError: The data does not fit.
        """
        payload = {"data": encode(data), "info": encode(info), "purpose": purpose, "labels": str(labels)}
        stage = f"reading the {purpose} data"
        answer = self._child.call(
            "check", payload, stage=stage, on_progress=lambda p: progress(stage, p["done"], p["total"])
        )
        return decode(Checked, answer)

    def check_metric(self, metric: str, info: SourceInfo, labels: Path) -> None:
        """Refuse a metric that does not fit the labels, before the long work.

        Raises:
            DataError: It does not fit, or the user's function is not found.
        """
        self._child.call("check_metric", {"metric": metric, "info": encode(info), "labels": str(labels)})

    def take(self, data: DataSettings, info: SourceInfo, count: int, path: Path) -> None:
        """Write some of the drawn samples' inputs as `.npz`, evenly spaced."""
        self._child.call("take", {"data": encode(data), "info": encode(info), "count": count, "path": str(path)})

    def evaluate(self, measured: Measured) -> Evaluation:
        """Hold the exported file's outputs against the source's and the labels.

        Raises:
            DataError: The user's metric fails.
        """
        return decode(Evaluation, self._child.call("evaluate", encode(measured), stage="comparing the outputs"))

    def score(self, outputs: Path, labels: Path, metric: str) -> Score:
        """Hold a model's outputs against the labels.

        Args:
            outputs: An `.npz` file, an array for each output.
            labels: An `.npz` file, as `check` wrote it.
            metric: A metric, or `auto`.

        Raises:
            DataError: The user's metric fails.
        """
        payload = {"outputs": str(outputs), "labels": str(labels), "metric": metric}
        return decode(Score, self._child.call("score", payload, stage="measuring the accuracy"))

    def arrange(self, data: DataSettings, info: SourceInfo, other: SourceInfo, path: Path) -> None:
        """Write the samples of a model as `.npz` for another one that takes the same under other names or axes.

        Args:
            data: Which samples.
            info: The model that they fit.
            other: The model that they are to fit.
            path: Where to write.

        Raises:
            DataError: They cannot be made to fit.
        """
        payload = {"data": encode(data), "info": encode(info), "other": encode(other), "path": str(path)}
        self._child.call("arrange", payload, stage="reading the training data")


def serve_data() -> None:
    """Be the child's end of the session; never returns."""
    serve(
        {
            "check": _on_check,
            "check_metric": _on_check_metric,
            "take": _on_take,
            "evaluate": _on_evaluate,
            "score": _on_score,
            "arrange": _on_arrange,
        }
    )


def _on_check(payload: dict[str, Any], report: Report) -> dict[str, Any]:
    info = decode(SourceInfo, payload["info"])

    def tell(done: int, total: int) -> None:
        if done == total or done % max(1, total // STEPS) == 0:
            report({"done": done, "total": total})

    checked, labels = check_samples(
        decode(DataSettings, payload["data"]), info.inputs, info.outputs, payload["purpose"], tell
    )
    _write(payload["labels"], labels)
    return dict(encode(checked))


def _on_check_metric(payload: dict[str, Any], _: Report) -> dict[str, Any]:
    info, labels = decode(SourceInfo, payload["info"]), _read(payload["labels"])
    spec = next((spec for spec in info.outputs if spec.name in labels), info.outputs[0])
    count = len(next(iter(labels.values()))) if labels else 1
    choose_metric(payload["metric"], np.broadcast_to(np.float32(0), (count, *spec.sample_shape)), labels.get(spec.name))
    return {}


def _on_take(payload: dict[str, Any], _: Report) -> dict[str, Any]:
    info = decode(SourceInfo, payload["info"])
    source, indexes = open_drawn(decode(DataSettings, payload["data"]), info.inputs, info.outputs)
    step = max(1, len(indexes) // payload["count"])
    samples = list(source.read(indexes[::step][: payload["count"]]))
    _write(payload["path"], {s.name: np.stack([sample.inputs[s.name] for sample in samples]) for s in info.inputs})
    return {}


def _on_evaluate(payload: dict[str, Any], _: Report) -> dict[str, Any]:
    asked = decode(Measured, payload)
    stored = _read(asked.exported)
    exported = {b.source.name: real_samples(stored[b.source.name], b) for b in asked.border.outputs}
    outputs = Outputs(_read(asked.source), exported, _read(asked.labels))
    return dict(encode(evaluate(outputs, asked.metric, asked.data_sha256, asked.interpreter)))


def _on_score(payload: dict[str, Any], _: Report) -> dict[str, Any]:
    outputs = _read(payload["outputs"])
    found = evaluate(Outputs(outputs, outputs, _read(payload["labels"])), payload["metric"], "", "")
    return dict(encode(Score(found.metric, found.higher_is_better, found.source)))


def _on_arrange(payload: dict[str, Any], _: Report) -> dict[str, Any]:
    info, other = decode(SourceInfo, payload["info"]), decode(SourceInfo, payload["other"])
    source, indexes = open_drawn(decode(DataSettings, payload["data"]), info.inputs, info.outputs)
    arrange(source, indexes, info.inputs, other.inputs, Path(payload["path"]))
    return {}


def _read(path: str) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _write(path: str, arrays: dict[str, np.ndarray]) -> None:
    with open(path, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
