"""The work of a conversion: sessions that leave files in a scratch folder, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit.pipeline.borders import check_names
from edgekit.pipeline.golden import golden_data, write_golden_inputs
from edgekit.pipeline.plan import Plan
from edgekit_converters.data.metrics import choose_metric
from edgekit_converters.data.source import check_samples, open_drawn
from edgekit_converters.evaluate.evaluate import Outputs, evaluate
from edgekit_converters.evaluate.session import ExportedSession, Opened
from edgekit_converters.evaluation import Evaluation
from edgekit_converters.framework import FrameworkSession
from edgekit_converters.quantize.session import quantize
from edgekit_converters.quantize.trail import QuantizationTrail
from edgekit_converters.settings import DataSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.affine import restore
from edgekit_runtime.progress import Progress, silent

KERAS_SESSION = "edgekit_converters.keras"
GOLDEN_INPUTS, GOLDEN_SOURCE, GOLDEN_EXPORTED = "golden-inputs.npz", "golden-source.npz", "golden-exported.npz"
EVALUATED_SOURCE, EVALUATED_EXPORTED = "evaluated-source.npz", "evaluated-exported.npz"
Log = Callable[[str], None]


@dataclass(frozen=True)
class Exported:
    """The files and facts that the framework session and the quantizer left in the staging folder."""

    info: SourceInfo
    golden_kind: str
    data_sha256: str
    float_model: Path
    model: Path
    quantization: QuantizationTrail | None


class Workshop:
    """One conversion under way: its plan, its scratch folder, and whom to tell.

    Args:
        plan: What to do.
        scratch: The staging folder.
        progress: Told how far long steps are.
        on_log: Takes the frameworks' log.
        memory_limit_bytes: Resident memory at which a child is ended.
    """

    def __init__(
        self, plan: Plan, scratch: Path, progress: Progress, on_log: Log | None, memory_limit_bytes: int | None
    ) -> None:
        self.plan = plan
        self.scratch = scratch
        self.progress = progress
        self.on_log = on_log
        self.memory_limit_bytes = memory_limit_bytes

    def export(self) -> Exported:
        """Load the source, export it as float, run it on the samples, and quantize the export."""
        plan, float_model = self.plan, self.scratch / "float.tflite"
        inputs = self.scratch / GOLDEN_INPUTS
        self.progress("loading the model", 0, 0)
        with FrameworkSession(KERAS_SESSION, memory_limit_bytes=self.memory_limit_bytes, on_log=self.on_log) as session:
            info = session.load(plan.request.model, plan.source_format, trust=plan.request.trust)
            self.progress("loading the model", 1, 1)
            check_names(plan.recipe.quantize, info)
            data_sha256 = self._check_data(info)
            golden_kind = write_golden_inputs(plan, info, inputs)
            self.progress("exporting to TFLite", 0, 0)
            session.export_tflite(float_model)
            self.progress("exporting to TFLite", 1, 1)
            session.predict(golden_data(inputs), self.scratch / GOLDEN_SOURCE, silent)
            if plan.evaluation is not None:
                session.predict(plan.evaluation, self.scratch / EVALUATED_SOURCE, self.progress)
        model, quantization = self._quantize(info, float_model)
        return Exported(info, golden_kind, data_sha256, float_model, model, quantization)

    def run(self, exported: Exported) -> Opened:
        """Run the exported file on the golden samples, and on those of the evaluation."""
        with ExportedSession(on_log=self.on_log) as session:
            opened = session.open(exported.model, exported.info)
            session.run(golden_data(self.scratch / GOLDEN_INPUTS), self.scratch / GOLDEN_EXPORTED, silent)
            if self.plan.evaluation is not None:
                session.run(self.plan.evaluation, self.scratch / EVALUATED_EXPORTED, self.progress)
        return opened

    def evaluate(self, exported: Exported, opened: Opened) -> Evaluation | None:
        """Compare the outputs; the labelled output is taken, else the first."""
        if self.plan.evaluation is None:
            return None
        labels = _read_labels(self.plan.evaluation, exported.info)
        names = [binding.source.name for binding in opened.border.outputs]
        place = next((i for i, name in enumerate(names) if name in labels), 0)
        stored = read_arrays(self.scratch / EVALUATED_EXPORTED)[names[place]]
        outputs = Outputs(
            read_arrays(self.scratch / EVALUATED_SOURCE)[names[place]],
            restore(stored, opened.border.outputs[place].stored),
            labels.get(names[place]),
        )
        interpreter = f"{opened.library}, {opened.kernels} kernels"
        return evaluate(outputs, self.plan.request.metric, exported.data_sha256, interpreter)

    def _check_data(self, info: SourceInfo) -> str:
        plan, checksum = self.plan, ""
        if plan.calibration is not None:
            check_samples(plan.calibration, info.inputs, info.outputs, "calibration")
        if plan.evaluation is not None:
            checksum = check_samples(plan.evaluation, info.inputs, info.outputs, "evaluation")
            self._check_metric(plan.evaluation, info)
        return checksum

    def _check_metric(self, evaluation: DataSettings, info: SourceInfo) -> None:
        """Refuse labels that do not fit before the long work, not after it."""
        labels = _read_labels(evaluation, info)
        spec = next((spec for spec in info.outputs if spec.name in labels), info.outputs[0])
        count = len(next(iter(labels.values()))) if labels else 1
        outputs = np.broadcast_to(np.float32(0), (count, *spec.sample_shape))
        choose_metric(self.plan.request.metric, outputs, labels.get(spec.name))

    def _quantize(self, info: SourceInfo, float_model: Path) -> tuple[Path, QuantizationTrail | None]:
        settings, calibration = self.plan.recipe.quantize, self.plan.calibration
        if settings.scheme == "float32":
            return float_model, None
        model = self.scratch / "quantized.tflite"
        trail = quantize(float_model, model, info, settings, calibration, progress=self.progress, on_log=self.on_log)
        return model, trail


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array of an `.npz` file, by name."""
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _read_labels(settings: DataSettings, info: SourceInfo) -> dict[str, np.ndarray]:
    source, indexes = open_drawn(settings, info.inputs, info.outputs)
    rows = [sample.labels for sample in source.read(indexes)]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
