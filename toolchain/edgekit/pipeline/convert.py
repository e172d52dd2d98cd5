"""Run a plan: source model in, bundle out."""

from __future__ import annotations

import hashlib
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from edgekit.pipeline.golden import bind_outputs, golden_data, write_golden_inputs
from edgekit.pipeline.plan import ZIP_SUFFIX, Plan, Request, make_plan
from edgekit.pipeline.staging import check_output, publish, staging_beside
from edgekit.pipeline.write_bundle import list_files, write_document, zip_folder
from edgekit_converters.data.source import check_samples, open_drawn
from edgekit_converters.evaluate.evaluate import Outputs, evaluate
from edgekit_converters.evaluate.session import ExportedSession, Opened
from edgekit_converters.evaluation import EVALUATION_FILE, Evaluation
from edgekit_converters.framework import FrameworkSession
from edgekit_converters.quantize.session import quantize
from edgekit_converters.quantize.trail import QUANTIZATION_FILE, QuantizationTrail
from edgekit_converters.settings import DataSettings
from edgekit_converters.source import SourceInfo
from edgekit_converters.trail import TRAIL_FILE, StepResult, Trail
from edgekit_runtime.affine import restore
from edgekit_runtime.bundle import open_bundle, sha256_of
from edgekit_runtime.codec import dumps
from edgekit_runtime.golden import Golden, golden_arrays
from edgekit_runtime.manifest import GOLDEN_FILE, MANIFEST_FILE, PROFILE_FILE, RUN_FILE, Library, Manifest, Origin
from edgekit_runtime.progress import Progress, silent

KERAS_SESSION = "edgekit_converters.keras"
Log = Callable[[str], None]


@dataclass(frozen=True)
class Converted:
    """What a conversion gave.

    Attributes:
        path: The bundle.
        digest: Its digest.
        manifest: What it says of itself.
        model_size_bytes: Length of the model's file.
        float_size_bytes: Length of the same model before quantization.
        evaluation: How it does beside its source; `None` without data.
        warnings: What the user should know.
    """

    path: Path
    digest: str
    manifest: Manifest
    model_size_bytes: int
    float_size_bytes: int
    evaluation: Evaluation | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Exported:
    """The files and facts that the framework session and the quantizer left in the staging folder."""

    info: SourceInfo
    golden_kind: str
    data_sha256: str
    float_model: Path
    model: Path
    quantization: QuantizationTrail | None


class _Workshop:
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

    def export(self) -> _Exported:
        """Load the source, run it on the samples, export it as float, and quantize that."""
        plan, float_model = self.plan, self.scratch / "float.tflite"
        inputs = self.scratch / "golden-inputs.npz"
        self.progress("loading the model", 0, 0)
        with FrameworkSession(KERAS_SESSION, memory_limit_bytes=self.memory_limit_bytes, on_log=self.on_log) as session:
            info = session.load(plan.request.model, plan.source_format, trust=plan.request.trust)
            self.progress("loading the model", 1, 1)
            data_sha256 = self._check_data(info)
            golden_kind = write_golden_inputs(plan, info, inputs)
            session.predict(golden_data(inputs), self.scratch / "golden-source.npz", silent)
            if plan.evaluation is not None:
                session.predict(plan.evaluation, self.scratch / "evaluation-source.npz", self.progress)
            self.progress("exporting to TFLite", 0, 0)
            session.export_tflite(float_model)
            self.progress("exporting to TFLite", 1, 1)
        model, quantization = self._quantize(info, float_model)
        return _Exported(info, golden_kind, data_sha256, float_model, model, quantization)

    def run(self, exported: _Exported) -> Opened:
        """Run the exported file on the golden samples, and on those of the evaluation."""
        with ExportedSession(on_log=self.on_log) as session:
            opened = session.open(exported.model, exported.info)
            session.run(golden_data(self.scratch / "golden-inputs.npz"), self.scratch / "golden-exported.npz", silent)
            if self.plan.evaluation is not None:
                session.run(self.plan.evaluation, self.scratch / "evaluation-exported.npz", self.progress)
        return opened

    def evaluate(self, exported: _Exported, opened: Opened) -> Evaluation | None:
        """Compare the outputs; the labelled output is taken, else the first."""
        if self.plan.evaluation is None:
            return None
        labels = _read_labels(self.plan.evaluation, exported.info)
        names = [binding.source.name for binding in opened.border.outputs]
        place = next((i for i, name in enumerate(names) if name in labels), 0)
        stored = _read_arrays(self.scratch / "evaluation-exported.npz")[names[place]]
        outputs = Outputs(
            _read_arrays(self.scratch / "evaluation-source.npz")[names[place]],
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
        return checksum

    def _quantize(self, info: SourceInfo, float_model: Path) -> tuple[Path, QuantizationTrail | None]:
        settings, calibration = self.plan.recipe.quantize, self.plan.calibration
        if settings.scheme == "float32" or calibration is None:
            return float_model, None
        with ExportedSession(on_log=self.on_log) as session:
            border = session.open(float_model, info).border
        model = self.scratch / "quantized.tflite"
        trail = quantize(float_model, model, border, settings, calibration, progress=self.progress, on_log=self.on_log)
        return model, trail


def convert(
    request: Request,
    *,
    progress: Progress = silent,
    on_log: Log | None = None,
    memory_limit_bytes: int | None = None,
) -> Converted:
    """Convert a model for a target.

    Args:
        request: What to convert, for which target, with which data.
        progress: Told how far long steps are.
        on_log: Takes each line the frameworks write.
        memory_limit_bytes: Resident memory at which a child process is ended.

    Raises:
        UserError: What the user gave is wrong; nothing was written.
    """
    return run_plan(make_plan(request), progress=progress, on_log=on_log, memory_limit_bytes=memory_limit_bytes)


def run_plan(
    plan: Plan, *, progress: Progress = silent, on_log: Log | None = None, memory_limit_bytes: int | None = None
) -> Converted:
    """Run a plan; see `convert`."""
    check_output(plan.output, force=plan.request.force)
    began = time.monotonic()
    with staging_beside(plan.output) as scratch:
        workshop = _Workshop(plan, scratch, progress, on_log, memory_limit_bytes)
        exported = workshop.export()
        opened = workshop.run(exported)
        evaluation = workshop.evaluate(exported, opened)
        folder = scratch / "bundle"
        manifest = _assemble(plan, scratch, folder, exported, opened, evaluation)
        _write_run(folder, time.monotonic() - began)
        with open_bundle(folder) as bundle:  # what is published was verified
            digest = bundle.digest
        _publish(folder, plan.output)
        sizes = exported.model.stat().st_size, exported.float_model.stat().st_size
    return Converted(plan.output, digest, manifest, *sizes, evaluation, _warnings(plan, exported, opened))


def _assemble(
    plan: Plan, scratch: Path, folder: Path, exported: _Exported, opened: Opened, evaluation: Evaluation | None
) -> Manifest:
    folder.mkdir()
    manifest = _manifest(plan, exported, opened)
    shutil.copyfile(exported.model, folder / manifest.model_file)
    (folder / PROFILE_FILE).write_bytes(plan.target.toml)
    _write_golden(scratch, folder, manifest)
    write_document(folder, TRAIL_FILE, _trail(exported))
    if exported.quantization is not None:
        write_document(folder, QUANTIZATION_FILE, exported.quantization)
    if evaluation is not None:
        write_document(folder, EVALUATION_FILE, evaluation)
    manifest = Manifest(**{**vars(manifest), "files": list_files(folder)})
    write_document(folder, MANIFEST_FILE, manifest)
    return manifest


def _manifest(plan: Plan, exported: _Exported, opened: Opened) -> Manifest:
    scheme = plan.recipe.quantize.scheme
    libraries = [
        *exported.info.libraries,
        Library(*opened.library.split(" ", 1)),
        Library("edgekit", version("edgekit")),
    ]
    if exported.quantization is not None:
        libraries.append(Library(*exported.quantization.engine.split(" ", 1)))
    origin = Origin(
        source_sha256=sha256_of(plan.request.model),
        source_format=plan.source_format,
        target=plan.target.profile.name,
        profile_sha256=plan.target.sha256,
        recipe=plan.recipe.name,
        recipe_sha256=hashlib.sha256(dumps(plan.recipe).encode()).hexdigest(),
        libraries=tuple(sorted(libraries, key=lambda library: library.name)),
    )
    return Manifest(
        name=plan.request.model.stem,
        format="tflite",
        scheme=scheme,
        inputs=opened.border.inputs,
        outputs=bind_outputs(opened.border, scheme, opened.kernels),
        kernels=opened.kernels,
        golden_data=exported.golden_kind,
        origin=origin,
        license=plan.request.license,
        files=(),
    )


def _write_golden(scratch: Path, folder: Path, manifest: Manifest) -> None:
    inputs = _read_arrays(scratch / "golden-inputs.npz")
    exported = _read_arrays(scratch / "golden-exported.npz")
    source = _read_arrays(scratch / "golden-source.npz")
    golden = Golden(
        tuple(inputs[binding.source.name] for binding in manifest.inputs),
        tuple(exported[binding.source.name] for binding in manifest.outputs),
        tuple(source[binding.source.name] for binding in manifest.outputs),
    )
    with open(folder / GOLDEN_FILE, "wb") as file:
        np.savez(file, allow_pickle=False, **golden_arrays(golden, manifest))


def _trail(exported: _Exported) -> Trail:
    steps = [StepResult("export", "float32 TFLite, static batch 1", exported.float_model.stat().st_size)]
    if exported.quantization is not None:
        detail = f"static int8 by {exported.quantization.engine}, ranges: {exported.quantization.ranges}"
        steps.append(StepResult("quantize", detail, exported.model.stat().st_size))
    return Trail(exported.info.parameters, tuple(steps))


def _write_run(folder: Path, seconds: float) -> None:
    run = {
        "converted_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "host": platform.platform(),
    }
    (folder / RUN_FILE).write_text(dumps(run), encoding="utf-8")


def _publish(folder: Path, output: Path) -> None:
    if output.suffix != ZIP_SUFFIX:
        publish(folder, output)
        return
    packed = folder.parent / "bundle.zip"
    zip_folder(folder, packed)
    publish(packed, output)


def _warnings(plan: Plan, exported: _Exported, opened: Opened) -> tuple[str, ...]:
    warnings = []
    if opened.kernels != "xnnpack":
        warnings.append("the interpreter runs this model without XNNPACK, so it will be slow")
    calibration = plan.calibration
    if (
        plan.recipe.quantize.scheme == "int8"
        and calibration
        and calibration.path == os.fspath(plan.request.evaluate or "")
    ):
        warnings.append("calibration and evaluation use the same data: the accuracy shown is too kind")
    return tuple(warnings)


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _read_labels(settings: DataSettings, info: SourceInfo) -> dict[str, np.ndarray]:
    source, indexes = open_drawn(settings, info.inputs, info.outputs)
    rows = [sample.labels for sample in source.read(indexes)]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
