"""A framework session: one live model in a child process, reached by calls that carry files."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from edgekit_converters.compress.calls import CompressionCalls
from edgekit_converters.compress.serving import Live, Loader, compression_handlers
from edgekit_converters.data.source import Sample, open_drawn
from edgekit_converters.model import Model, TellsActivations
from edgekit_converters.parting import Parting, find_parting
from edgekit_converters.settings import DataSettings, SourceSettings
from edgekit_converters.source import AxisOrder, SourceInfo
from edgekit_runtime.child import Child, Report, serve
from edgekit_runtime.codec import decode, encode
from edgekit_runtime.progress import Progress

BATCH = 8  # larger ones are hardly faster on a processor, and their activations outweigh the framework
# With one heap for all threads, glibc gives the memory that one thread freed to the others.
ONE_HEAP = {"MALLOC_ARENA_MAX": "1"}
# Threads of OpenMP, which PyTorch computes with, burn processor time while they wait for each other: beside other work
# a training took 5.6 times as long, and 5.3 times the processor time (2 cores, load 10).
NO_SPINNING = {"OMP_WAIT_POLICY": "PASSIVE"}
FORMAT_NAMES = {"tflite": "TFLite", "onnx": "ONNX"}


class FrameworkSession:
    """The parent's end of a session.

    Args:
        module: The framework's package, which is run as a program.
        memory_limit_bytes: Resident memory at which the child is ended; `None` for no limit.
        on_log: Takes each line the framework writes on stderr.
    """

    def __init__(
        self, module: str, *, memory_limit_bytes: int | None = None, on_log: Callable[[str], None] | None = None
    ) -> None:
        argv = [sys.executable, "-m", module]
        # The child's temporary files are the parent's to remove: a child that is killed removes nothing.
        self._scratch = tempfile.TemporaryDirectory(prefix="edgekit-session-", ignore_cleanup_errors=True)
        env = {**ONE_HEAP, **NO_SPINNING, "TMPDIR": self._scratch.name}
        self._child = Child(
            argv, stage="loading the model", memory_limit_bytes=memory_limit_bytes, on_log=on_log, env=env
        )

    def __enter__(self) -> FrameworkSession:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._child.close()
        self._scratch.cleanup()

    @property
    def compression(self) -> CompressionCalls:
        """What can be asked of the loaded model that changes it."""
        return CompressionCalls(self._child)

    def load(self, settings: SourceSettings) -> SourceInfo:
        """Load a model.

        Raises:
            ModelError: It is damaged, or holds what this session does not run.
            RecipeError: The settings do not fit it, or one of the user's modules cannot be imported.
            ConversionError: It has a part that cannot be exported.
        """
        return decode(SourceInfo, self._child.call("load", {"settings": encode(settings)}))

    def predict(self, data: DataSettings, output: Path, progress: Progress) -> None:
        """Run the model on drawn samples and write its outputs as `.npz`, one array for each output."""
        payload = {"data": encode(data), "output": str(output)}
        self._child.call(
            "predict",
            payload,
            stage="running the source model",
            on_progress=lambda p: progress("running the source model", p["done"], p["total"]),
        )

    def export(self, output: Path, model_format: str) -> tuple[AxisOrder, ...]:
        """Write the model as a float file; see `Model.export`.

        Raises:
            ConversionError: The framework refuses.
        """
        payload = {"output": str(output), "format": model_format}
        answer = self._child.call("export", payload, stage=f"exporting to {FORMAT_NAMES[model_format]}")
        return tuple(decode(AxisOrder, tree) for tree in answer["orders"])

    def find_parting(self, model: Path, info: SourceInfo, data: DataSettings) -> Parting:
        """Find where the model and a float file that it was exported to part, on the first of some samples."""
        payload = {"model": str(model), "info": encode(info), "data": encode(data)}
        return decode(Parting, self._child.call("part", payload, stage="looking for where the two part"))


def serve_framework(load: Loader) -> None:
    """Be the child's end of a session; never returns.

    Args:
        load: Loads a model.
    """
    live = Live(load)

    def on_load(payload: dict[str, Any], _: Report) -> dict[str, Any]:
        live.take(decode(SourceSettings, payload["settings"]))
        return dict(encode(live.model.info))

    def on_predict(payload: dict[str, Any], report: Report) -> dict[str, Any]:
        outputs = _predict(live.model, decode(DataSettings, payload["data"]), report)
        with open(payload["output"], "wb") as file:
            np.savez(file, allow_pickle=False, **outputs)
        return {}

    def on_export(payload: dict[str, Any], _: Report) -> dict[str, Any]:
        orders = live.model.export(Path(payload["output"]), payload["format"])
        return {"orders": [encode(axes) for axes in orders]}

    def on_part(payload: dict[str, Any], _: Report) -> dict[str, Any]:
        info = decode(SourceInfo, payload["info"])
        return dict(encode(_part(live.model, Path(payload["model"]), info, decode(DataSettings, payload["data"]))))

    handlers = {"load": on_load, "predict": on_predict, "export": on_export, "part": on_part}
    serve({**handlers, **compression_handlers(live)})


def _part(model: Model, exported: Path, info: SourceInfo, settings: DataSettings) -> Parting:
    from edgekit_converters.activations import exported_activations

    source, indexes = open_drawn(settings, info.inputs, info.outputs)
    sample = next(source.read(indexes[:1])).inputs
    if not isinstance(model, TellsActivations):
        return Parting(None, None)
    return find_parting(model.activations(sample), exported_activations(exported, info, sample))


def _predict(model: Model, settings: DataSettings, report: Report) -> dict[str, np.ndarray]:
    source, indexes = open_drawn(settings, model.info.inputs, model.info.outputs)
    parts: list[dict[str, np.ndarray]] = []
    batch: list[Sample] = []
    for done, sample in enumerate(source.read(indexes), start=1):
        batch.append(sample)
        if len(batch) == BATCH or done == len(indexes):
            parts.append(model.predict(_stack(batch)))
            batch = []
            report({"done": done, "total": len(indexes)})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _stack(batch: list[Sample]) -> dict[str, np.ndarray]:
    return {name: np.stack([sample.inputs[name] for sample in batch]) for name in batch[0].inputs}
