"""Put a bundle together from what the work left in its scratch folder."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from edgekit.pipeline.arrays import read_arrays
from edgekit.pipeline.golden import bind_outputs
from edgekit.pipeline.measure import measure_file
from edgekit.pipeline.plan import Plan
from edgekit.pipeline.recipe import recipe_sha256
from edgekit.pipeline.sources import source_name
from edgekit.pipeline.work import GOLDEN_BUILTIN, GOLDEN_EXPORTED, GOLDEN_INPUTS, GOLDEN_SOURCE, Exported
from edgekit.pipeline.write_bundle import list_files, write_document
from edgekit_converters.compile.compilation import COMPILATION_FILE, Compiled
from edgekit_converters.compress.results import PRUNING_FILE, Pruning
from edgekit_converters.compress.surgery import TRAIL_SURGERY_FILE
from edgekit_converters.detect import checksum_source
from edgekit_converters.equality import EQUALITY_FILE, Equality
from edgekit_converters.evaluate.session import Opened
from edgekit_converters.evaluation import EVALUATION_FILE, Evaluation
from edgekit_converters.framework import FORMAT_NAMES
from edgekit_converters.quantize.trail import QUANTIZATION_FILE, QuantizationTrail
from edgekit_converters.trail import TRAIL_FILE, StepResult, Trail
from edgekit_runtime.codec import dumps
from edgekit_runtime.golden import Golden, golden_arrays
from edgekit_runtime.manifest import (
    GOLDEN_FILE,
    LABELS_FILE,
    MANIFEST_FILE,
    PROFILE_FILE,
    RUN_FILE,
    InputBinding,
    Library,
    Manifest,
    Origin,
)


@dataclass(frozen=True)
class Judged:
    """How a file does beside its source, and what became of it for an accelerator.

    Attributes:
        equality: On the golden samples.
        evaluation: On the evaluation data; `None` without.
        compiled: What the compiler for the target's accelerator made of it; `None` for a target without one.
    """

    equality: Equality
    evaluation: Evaluation | None
    compiled: Compiled | None = None


def assemble(
    plan: Plan, scratch: Path, folder: Path, exported: Exported, opened: Opened, judged: Judged
) -> tuple[Manifest, Trail]:
    """Write a bundle's folder.

    Args:
        plan: What was done.
        scratch: Where the work left its files.
        folder: The folder to make.
        exported: What the sessions left.
        opened: The exported file as its interpreter sees it.
        judged: How it does beside its source.

    Returns:
        What the bundle says of itself, and of every step.
    """
    folder.mkdir()
    manifest = _manifest(plan, exported, opened)
    shutil.copyfile(exported.model, folder / manifest.model_file)
    (folder / PROFILE_FILE).write_bytes(plan.target.toml)
    if plan.request.model_card is not None and manifest.model_card is not None:
        shutil.copyfile(plan.request.model_card, folder / manifest.model_card)
    if manifest.labels is not None:
        (folder / manifest.labels).write_text("\n".join(exported.samples.classes) + "\n", encoding="utf-8")
    _write_golden(scratch, folder, manifest)
    if judged.compiled is not None:
        manifest = _add_compiled(folder, manifest, judged.compiled)
    _write_trail(folder, exported, judged, trail := _trail(plan, exported, judged))
    manifest = replace(manifest, files=list_files(folder))
    write_document(folder, MANIFEST_FILE, manifest)
    return manifest, trail


def _write_trail(folder: Path, exported: Exported, judged: Judged, trail: Trail) -> None:
    write_document(folder, TRAIL_FILE, trail)
    if exported.compressed is not None:
        write_document(folder, PRUNING_FILE, Pruning(exported.compressed.prunings))
        shutil.copyfile(exported.compressed.surgery, folder / TRAIL_SURGERY_FILE)
    if exported.quantization is not None:
        write_document(folder, QUANTIZATION_FILE, exported.quantization)
    write_document(folder, EQUALITY_FILE, judged.equality)
    if judged.evaluation is not None:
        write_document(folder, EVALUATION_FILE, judged.evaluation)


def _add_compiled(folder: Path, manifest: Manifest, compiled: Compiled) -> Manifest:
    """Lay the compiled file beside the plain one, and what is known of it into the trail."""
    compilation = compiled.compilation
    write_document(folder, COMPILATION_FILE, compilation)
    if compiled.path is None or compilation.file is None:
        return manifest
    shutil.copyfile(compiled.path, folder / compilation.file)
    compiler, _, number = compilation.compiler.partition(" ")
    libraries = sorted((*manifest.origin.libraries, Library(compiler, number)), key=lambda library: library.name)
    origin = replace(manifest.origin, libraries=tuple(libraries))
    return replace(manifest, compiled=compilation.file, origin=origin)


def _manifest(plan: Plan, exported: Exported, opened: Opened) -> Manifest:
    scheme = plan.recipe.quantize.scheme
    signed_onnx = plan.model_format == "onnx" and plan.recipe.quantize.activations == "int8"
    libraries = [
        *exported.info.libraries,
        *plan.framework.exporter(plan.model_format),
        Library(*opened.library.split(" ", 1)),
        Library("edgekit", version("edgekit")),
    ]
    if exported.quantization is not None:
        libraries.append(Library(*exported.quantization.engine.split(" ", 1)))
    origin = Origin(
        source_sha256=checksum_source(plan.model),
        source_format=plan.source.format,
        target=plan.target.profile.name,
        profile_sha256=plan.target.sha256,
        recipe=plan.recipe.name,
        recipe_sha256=recipe_sha256(plan.recipe),
        libraries=tuple(sorted(set(libraries), key=lambda library: library.name)),
    )
    return Manifest(
        name=source_name(plan.model),
        format=plan.model_format,
        scheme=scheme,
        inputs=_inputs(opened, exported),
        outputs=bind_outputs(opened.border, scheme, signed_onnx=signed_onnx),
        kernels=opened.kernels,
        golden_data=exported.golden_kind,
        origin=origin,
        license=plan.request.license,
        files=(),
        model_card=_card_name(plan.request.model_card),
        labels=LABELS_FILE if exported.samples.classes else None,
    )


def _inputs(opened: Opened, exported: Exported) -> tuple[InputBinding, ...]:
    return tuple(InputBinding(b.source, b.stored, b.order, exported.samples.preparation) for b in opened.border.inputs)


def _card_name(card: Path | None) -> str | None:
    """A card's name in the bundle: always the same, but for the ending that tells how to read it."""
    if card is None:
        return None
    return f"model-card{card.suffix if card.suffix[1:].isalnum() else '.md'}"


def _write_golden(scratch: Path, folder: Path, manifest: Manifest) -> None:
    inputs = read_arrays(scratch / GOLDEN_INPUTS)
    exported = read_arrays(scratch / GOLDEN_EXPORTED)
    source = read_arrays(scratch / GOLDEN_SOURCE)
    builtin = read_arrays(scratch / GOLDEN_BUILTIN) if (scratch / GOLDEN_BUILTIN).exists() else {}
    golden = Golden(
        tuple(inputs[binding.source.name] for binding in manifest.inputs),
        tuple(exported[binding.source.name] for binding in manifest.outputs),
        tuple(source[binding.source.name] for binding in manifest.outputs),
        tuple(builtin[binding.source.name] for binding in manifest.outputs if builtin),
    )
    with open(folder / GOLDEN_FILE, "wb") as file:
        np.savez(file, allow_pickle=False, **golden_arrays(golden, manifest))


def _trail(plan: Plan, exported: Exported, judged: Judged) -> Trail:
    finished = plan.source.format == plan.model_format
    detail = "the file as it is" if finished else f"float32 {FORMAT_NAMES[plan.model_format]}, static batch 1"
    detail = "; ".join((detail, *exported.info.notes))
    files = [("export", detail, exported.float_model)]
    if exported.quantization is not None:
        files.append(("quantize", _detail(exported.quantization), exported.model))
    steps = [StepResult(step, detail, model.stat().st_size) for step, detail, model in files]
    if exported.compressed is not None:
        steps = [*exported.compressed.steps, *_measured(plan, exported, judged.evaluation, files)]
    compiled = judged.compiled
    if compiled is not None and compiled.path is not None:
        detail = f"{compiled.compilation.compiler}: {compiled.compilation.command}"
        steps.append(StepResult("compile", detail, compiled.path.stat().st_size))
    return Trail(exported.info.parameters, tuple(steps))


def _measured(
    plan: Plan, exported: Exported, evaluation: Evaluation | None, files: list[tuple[str, str, Path]]
) -> list[StepResult]:
    """Each file with what it is; the last is the one that was evaluated."""
    assert exported.compressed is not None
    live = exported.compressed.steps[-1].metric
    found = [live] * len(files) if evaluation is None else [live, evaluation.exported][-len(files) :]
    profile, parameters = plan.target.profile, exported.info.parameters
    return [measure_file(*file, profile, parameters, metric) for file, metric in zip(files, found, strict=True)]


def _detail(quantization: QuantizationTrail) -> str:
    detail = "; ".join((quantization.method, *quantization.notes, f"by {quantization.engine}"))
    bias = quantization.bias
    if bias is None or not bias.kept:
        return detail
    return f"{detail}; biases of {bias.operators} operators corrected over {bias.samples} samples"


def write_run(folder: Path, seconds: float) -> None:
    """Write when, where and how long: the one file that differs from run to run."""
    run = {
        "converted_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "host": platform.platform(),
    }
    (folder / RUN_FILE).write_text(dumps(run), encoding="utf-8")
