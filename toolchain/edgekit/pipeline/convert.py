"""Run a plan: source model in, bundle out."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from edgekit.pipeline.assemble import Judged, assemble, write_run
from edgekit.pipeline.compress import checkpoints_of
from edgekit.pipeline.live import on_file
from edgekit.pipeline.naming import named_for_the_user
from edgekit.pipeline.plan import ZIP_SUFFIX, Plan, make_plan
from edgekit.pipeline.request import Request
from edgekit.pipeline.room import early_warnings, room_warnings
from edgekit.pipeline.samples import doubts
from edgekit.pipeline.staging import check_output, publish, staging_beside
from edgekit.pipeline.work import Exported, Log, Workshop
from edgekit.pipeline.write_bundle import zip_folder
from edgekit_converters.compile.compilation import Compilation
from edgekit_converters.equality import Equality
from edgekit_converters.evaluate.session import Opened
from edgekit_converters.evaluation import Evaluation
from edgekit_converters.quantize.trail import QUANTIZATION_FILE, QuantizationTrail
from edgekit_converters.trail import Trail
from edgekit_runtime.bundle import open_bundle
from edgekit_runtime.manifest import Manifest
from edgekit_runtime.progress import Progress, silent
from edgekit_runtime.tensor import TensorSpec


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
        equality: How far its outputs lie from its source's, on the golden samples.
        warnings: What the user should know.
        compilation: What the compiler for the target's accelerator made of it; `None` for a target without one.
        benchable: Whether edgekit's runtime runs on the target.
        trail: Every step with what it left; `None` where the network itself was not changed.
    """

    path: Path
    digest: str
    manifest: Manifest
    model_size_bytes: int
    float_size_bytes: int
    evaluation: Evaluation | None
    equality: Equality
    warnings: tuple[str, ...]
    compilation: Compilation | None = None
    benchable: bool = True
    trail: Trail | None = None


def convert(
    request: Request,
    *,
    progress: Progress = silent,
    on_log: Log | None = None,
    memory_limit_bytes: int | None = None,
    on_note: Log | None = None,
) -> Converted:
    """Convert a model for a target.

    Args:
        request: What to convert, for which target, with which data.
        progress: Told how far long steps are.
        on_log: Takes each line the frameworks write.
        memory_limit_bytes: Resident memory at which a child process is ended.
        on_note: Takes a line for each pruning and each epoch, and what a finished source is too large for.

    Raises:
        UserError: What the user gave is wrong; nothing was written.
    """
    with on_file(request) as saved:
        plan = make_plan(saved)
        return run_plan(plan, progress=progress, on_log=on_log, memory_limit_bytes=memory_limit_bytes, on_note=on_note)


def run_plan(
    plan: Plan,
    *,
    progress: Progress = silent,
    on_log: Log | None = None,
    memory_limit_bytes: int | None = None,
    on_note: Log | None = None,
) -> Converted:
    """Run a plan; see `convert`."""
    check_output(plan.output, force=plan.request.force)
    began = time.monotonic()
    on_note = on_note or _nobody
    for warning in early_warnings(plan):
        on_note(f"warning: {warning}")
    with checkpoints_of(plan), staging_beside(plan.output) as scratch, named_for_the_user(plan, scratch):
        workshop = Workshop(plan, scratch, progress, on_log, memory_limit_bytes, on_note)
        exported = workshop.export()
        compiled = workshop.compile(exported)
        opened = workshop.run(exported)
        judged = Judged(workshop.equality(exported, opened), workshop.evaluate(exported, opened), compiled)
        folder = scratch / "bundle"
        manifest, trail = assemble(plan, scratch, folder, exported, opened, judged)
        write_run(folder, time.monotonic() - began)
        with open_bundle(folder) as bundle:  # only what was verified is published
            digest = bundle.digest
        sizes = exported.model.stat().st_size, exported.float_model.stat().st_size
        result = Converted(
            plan.output,
            digest,
            manifest,
            *sizes,
            judged.evaluation,
            judged.equality,
            _all_warnings(plan, exported, opened, judged),
            None if compiled is None else compiled.compilation,
            benchable=bool(plan.target.profile.runtimes),
            trail=None if exported.compressed is None else trail,
        )
        _publish(folder, plan.output)
    return result


def _nobody(line: str) -> None:  # the face of a log
    """Tell nobody."""


def _publish(folder: Path, output: Path) -> None:
    if output.suffix != ZIP_SUFFIX:
        publish(folder, output)
        return
    packed = folder.parent / "bundle.zip"
    zip_folder(folder, packed)
    publish(packed, output)


def _float_operators(quantization: QuantizationTrail | None) -> tuple[str, ...]:
    """What the interpreter computes in float32 though the file is of integers."""
    fusion = quantization.fusion if quantization is not None else None
    if fusion is None or not fusion.float_operators:
        return ()
    kinds = Counter(one.operator for one in fusion.float_operators)
    listed = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    between = f"{listed} in float32, between {fusion.conversions} conversions"
    return (f"{fusion.library} computes {between}: {QUANTIZATION_FILE} names each, and the reason",)


def _whole_batch(spec: TensorSpec) -> str:
    """What a finished file for several samples means, if it is one: nobody but its user can tell its axes."""
    shape = ", ".join(map(str, spec.shape))
    return (
        f"no input has a batch axis of 1, so that a sample of {spec.name} is all of ({shape}); "
        "if its first axis counts samples, export the model again with 1"
    )


def _all_warnings(plan: Plan, exported: Exported, opened: Opened, judged: Judged) -> tuple[str, ...]:
    network = () if exported.compressed is None else exported.compressed.warnings
    return (*network, *_warnings(plan, exported, opened), *doubts(exported.samples, judged.evaluation))


def _warnings(plan: Plan, exported: Exported, opened: Opened) -> tuple[str, ...]:
    warnings = []
    if plan.recipe.quantize.scheme == "int16x8":
        warnings.append("int16x8 has no fast (XNNPACK) kernels: it is up to 80 times slower than int8")
    elif plan.model_format == "tflite" and opened.kernels != "xnnpack":
        warnings.append("the interpreter runs this model without XNNPACK, so it will be slow")
    if exported.quantization is not None and exported.model.stat().st_size >= exported.float_model.stat().st_size:
        warnings.append("quantization made the file no smaller: it holds hardly any weights that the scheme stores")
    if exported.quantization is not None and plan.calibration and plan.request.calibrate == plan.request.evaluate:
        warnings.append("calibration and evaluation use the same data: the result shown is too kind")
    if not any(spec.batched for spec in exported.info.inputs):
        warnings.append(_whole_batch(exported.info.inputs[0]))
    warnings.extend(_float_operators(exported.quantization))
    warnings.extend(room_warnings(exported.model, plan.target.profile))
    return tuple(warnings)
