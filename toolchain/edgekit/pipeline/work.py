"""The work of a conversion: sessions that leave files in a scratch folder, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit.pipeline.arrays import read_arrays
from edgekit.pipeline.borders import check_names
from edgekit.pipeline.compress import Compressed, Compression
from edgekit.pipeline.equality import QUANTIZE, check_export, check_source, compare_files
from edgekit.pipeline.golden import golden_data, write_golden_inputs
from edgekit.pipeline.plan import Plan
from edgekit.pipeline.recipe import TransferStep
from edgekit.pipeline.samples import Samples, check_data
from edgekit_converters.compile.compilation import Compiled
from edgekit_converters.compile.compile import compile_for
from edgekit_converters.data.session import DataSession, Measured
from edgekit_converters.equality import FLOAT_LIMIT, Equality, StepEquality
from edgekit_converters.evaluate.session import ExportedSession, Opened
from edgekit_converters.evaluation import Evaluation
from edgekit_converters.framework import FORMAT_NAMES, FrameworkSession
from edgekit_converters.quantize.session import quantize
from edgekit_converters.quantize.trail import QuantizationTrail
from edgekit_converters.settings import FLOAT32, UNCHANGED
from edgekit_converters.source import SourceInfo
from edgekit_runtime.progress import Progress, silent

GOLDEN_INPUTS, GOLDEN_SOURCE, GOLDEN_EXPORTED = "golden-inputs.npz", "golden-source.npz", "golden-exported.npz"
GOLDEN_FLOAT = "golden-float.npz"
GOLDEN_BUILTIN = "golden-builtin.npz"  # only where the file was run with other kernels
EVALUATED_SOURCE, EVALUATED_EXPORTED = "evaluated-source.npz", "evaluated-exported.npz"
LABELS = "labels.npz"
Log = Callable[[str], None]


@dataclass(frozen=True)
class Exported:
    """The files and facts that the framework session and the quantizer left in the staging folder."""

    info: SourceInfo
    golden_kind: str
    samples: Samples
    float_model: Path
    model: Path
    equality: StepEquality
    quantization: QuantizationTrail | None
    compressed: Compressed | None


class Workshop:
    """One conversion under way: its plan, its scratch folder, and whom to tell.

    Args:
        plan: What to do.
        scratch: The staging folder.
        progress: Told how far long steps are.
        on_log: Takes the frameworks' log.
        memory_limit_bytes: Resident memory at which a child is ended.
        on_note: Takes what the user wants to know while a network is changed.
    """

    def __init__(
        self,
        plan: Plan,
        scratch: Path,
        progress: Progress,
        on_log: Log | None,
        memory_limit_bytes: int | None,
        on_note: Log,
    ) -> None:
        self.plan = plan
        self.scratch = scratch
        self.progress = progress
        self.on_log = on_log
        self.memory_limit_bytes = memory_limit_bytes
        self.on_note = on_note

    def export(self) -> Exported:
        """Load the source, export it as float, run it on the samples, and quantize the export."""
        plan, float_model = self.plan, self.scratch / f"float.{self.plan.model_format}"
        inputs = self.scratch / GOLDEN_INPUTS
        self.progress("loading the model", 0, 0)
        module = plan.framework.module
        with FrameworkSession(module, memory_limit_bytes=self.memory_limit_bytes, on_log=self.on_log) as session:
            info = session.load(plan.source)
            self.progress("loading the model", 1, 1)
            info = self._transfer(session, info)
            check_names(plan.recipe.quantize, info)
            with DataSession(on_log=self.on_log) as data:
                samples = check_data(data, plan, info, self.scratch / LABELS, self.progress)
                golden_kind = write_golden_inputs(data, plan, info, samples.preparation, inputs)
            compressed = self._compress(session)
            info = info if compressed is None else compressed.info
            stage = f"exporting to {FORMAT_NAMES[plan.model_format]}"
            self.progress(stage, 0, 0)
            info = replace(info, orders=session.export(float_model, plan.model_format))
            self.progress(stage, 1, 1)
            session.predict(golden_data(inputs), self.scratch / GOLDEN_SOURCE, silent)
            check_source(plan.model, inputs, self.scratch / GOLDEN_SOURCE, golden_kind)
            equality = self._check_export(session, info, float_model)
            if compressed is None and plan.evaluation is not None:
                session.predict(plan.evaluation, self.scratch / EVALUATED_SOURCE, self.progress)
        model, quantization = self._quantize(info, float_model)
        return Exported(info, golden_kind, samples, float_model, model, equality, quantization, compressed)

    def compile(self, exported: Exported) -> Compiled | None:
        """Compile the file for the target's accelerator; `None` where it has none."""
        if self.plan.target.profile.npu is None:
            return None
        folder = self.scratch / "compiled"
        folder.mkdir()
        self.progress("compiling", 0, 0)
        compiled = compile_for(exported.model, self.plan.target.profile, folder)
        self.progress("compiling", 1, 1)
        return compiled

    def run(self, exported: Exported) -> Opened:
        """Run the exported file on the golden samples, and on those of the evaluation."""
        with ExportedSession(on_log=self.on_log) as session:
            opened = session.open(exported.model, exported.info)
            session.run(golden_data(self.scratch / GOLDEN_INPUTS), self.scratch / GOLDEN_EXPORTED, silent)
            if self.plan.evaluation is not None:
                session.run(self.plan.evaluation, self.scratch / EVALUATED_EXPORTED, self.progress)
            session.run_builtin(golden_data(self.scratch / GOLDEN_INPUTS), self.scratch / GOLDEN_BUILTIN)
        return opened

    def evaluate(self, exported: Exported, opened: Opened) -> Evaluation | None:
        """Compare the outputs; the labelled output is taken, else the first."""
        checked = exported.samples.evaluation
        if checked is None:
            return None
        measured = Measured(
            source=str(self.scratch / EVALUATED_SOURCE),
            exported=str(self.scratch / EVALUATED_EXPORTED),
            labels=str(self.scratch / LABELS),
            border=opened.border,
            metric=self.plan.request.metric,
            data_sha256=checked.sha256,
            interpreter=f"{opened.library}, {opened.kernels} kernels",
        )
        with DataSession(on_log=self.on_log) as data:
            return data.evaluate(measured)

    def equality(self, exported: Exported, opened: Opened) -> Equality:
        """How far the float file, and what was quantized of it, lie from the source on the golden samples."""
        steps = [exported.equality]
        if exported.quantization is not None:
            golden = self.scratch / GOLDEN_SOURCE, self.scratch / GOLDEN_EXPORTED
            steps.append(compare_files(QUANTIZE, *golden, opened.border))
        samples = len(next(iter(read_arrays(self.scratch / GOLDEN_INPUTS).values())))
        return Equality(samples, exported.golden_kind, FLOAT_LIMIT, tuple(steps))

    def _transfer(self, session: FrameworkSession, info: SourceInfo) -> SourceInfo:
        """Replace the head where that was asked, so that the data is checked against the new one."""
        for step in self.plan.recipe.steps:
            if isinstance(step, TransferStep):
                info = session.compression.transfer(step.settings)
        return info

    def _compress(self, session: FrameworkSession) -> Compressed | None:
        """Take the recipe's steps, which leave the outputs of what the evaluation calls the source."""
        if not self.plan.recipe.steps:
            return None
        files = self.scratch / LABELS, self.scratch / EVALUATED_SOURCE
        return Compression(self.plan, self.scratch, session, *files, self.progress, self.on_note, self.on_log).run()

    def _check_export(self, session: FrameworkSession, info: SourceInfo, float_model: Path) -> StepEquality:
        data, outputs = golden_data(self.scratch / GOLDEN_INPUTS), self.scratch / GOLDEN_FLOAT
        with ExportedSession(on_log=self.on_log) as exported:
            opened = exported.open(float_model, info)
            exported.run(data, outputs, silent)
        step = compare_files("export", self.scratch / GOLDEN_SOURCE, outputs, opened.border)
        check_export(session, self.plan.model, float_model, info, data, step)
        return step

    def _quantize(self, info: SourceInfo, float_model: Path) -> tuple[Path, QuantizationTrail | None]:
        settings, calibration = self.plan.recipe.quantize, self.plan.calibration
        if settings.scheme in (FLOAT32, UNCHANGED):
            return float_model, None
        model = self.scratch / f"quantized.{self.plan.model_format}"
        trail = quantize(
            float_model,
            model,
            info,
            settings,
            calibration,
            progress=self.progress,
            on_log=self.on_log,
            memory_limit_bytes=self.memory_limit_bytes,
        )
        return model, trail
