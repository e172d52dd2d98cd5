"""Look into a model: what it takes and gives, what it costs, and for a bundle how it was made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from edgekit.pipeline.export import Export, exported
from edgekit.pipeline.request import Request
from edgekit.pipeline.sources import FORMATS, source_settings
from edgekit_converters.detect import SAVED_MODEL, detect_source
from edgekit_converters.evaluation import EVALUATION_FILE, Evaluation
from edgekit_converters.settings import NamedShape
from edgekit_runtime.bundle import Bundle, is_bundle, open_bundle
from edgekit_runtime.codec import FormatError, loads_document
from edgekit_runtime.errors import BundleError, RecipeError
from edgekit_runtime.figure import Figure, measured
from edgekit_runtime.manifest import Binding, Manifest
from edgekit_runtime.progress import Progress, silent
from edgekit_targets.graph.graph import Graph
from edgekit_targets.graph.summary import GraphSummary, summarize


@dataclass(frozen=True)
class BundleContent:
    """What a bundle says beside its model.

    Attributes:
        digest: Its digest.
        manifest: What it says of itself.
        evaluation: How its model does beside its source; `None` where nothing is known.
    """

    digest: str
    manifest: Manifest
    evaluation: Evaluation | None


@dataclass(frozen=True)
class Inspection:
    """What a model says of itself.

    Attributes:
        path: Where it lies, as the user named it.
        model_size: Length of the model's file.
        graph: The model.
        bundle: What the bundle around it says; `None` for a bare file.
        source: How it was exported, where the model is none that devices run; `None` for a finished one.
    """

    SCHEMA: ClassVar[str] = "edgekit/inspection"
    VERSION: ClassVar[int] = 1

    path: str
    model_size: Figure
    graph: GraphSummary
    bundle: BundleContent | None
    source: Export | None = None


def inspect(  # noqa: PLR0913  # one keyword for each option of the command line
    model: Path,
    *,
    model_format: str | None = None,
    shapes: tuple[str, ...] = (),
    dtypes: tuple[str, ...] = (),
    weights: Path | None = None,
    trust: bool = False,
    custom: tuple[str, ...] = (),
    progress: Progress = silent,
    on_log: Callable[[str], None] | None = None,
    memory_limit_bytes: int | None = None,
) -> Inspection:
    """Look into a bundle, a `.tflite` or `.onnx` file, or a source model, which is exported as float32 first.

    No interpreter is loaded. A source model is loaded by its framework, in a process of its own.

    Args:
        model: The bundle, the file or the folder, or code that makes a PyTorch model, as `file.py:function`.
        model_format: The format that a source model is exported to: `tflite` or `onnx`.
        shapes: Shapes of inputs, each `[NAME=]1,3,224,224`: of a source model, or for what an `.onnx` file leaves open.
        dtypes: Types of a source model's inputs, each `[NAME=]int64`.
        weights: A file with the weights of a model that is made by code.
        trust: Whether code inside a source model may run.
        custom: Modules of the user's own that define classes a source model names; they need `trust`.
        progress: Told how far it is.
        on_log: Takes each line the framework writes.
        memory_limit_bytes: Resident memory at which the framework's process is ended.

    Raises:
        ModelError: It is no model, or damaged.
        BundleError: The bundle is damaged.
        RecipeError: What was asked for does not fit the model.
        ConversionError: A source model cannot be exported.
        MissingExtraError: The library that describes the file format is missing.
    """
    request = Request(
        model, "", model_format=model_format, shapes=shapes, dtypes=dtypes, weights=weights, trust=trust, custom=custom
    )
    if is_bundle(model) or (model.is_dir() and not (model / SAVED_MODEL).is_file()):
        _refuse_options(request)
        with open_bundle(model) as bundle:
            content = BundleContent(bundle.digest, bundle.manifest, read_evaluation(bundle))
            return _inspect(bundle.model_path, request, bundle=content)
    found = detect_source(model)
    if found in FORMATS:
        _refuse_options(replace(request, shapes=()))
        return _inspect(model, request, shapes=source_settings(request, found).shapes)
    with exported(request, progress, on_log, memory_limit_bytes) as (path, source):
        return _inspect(path, request, source=source)


def read_evaluation(bundle: Bundle) -> Evaluation | None:
    """The evaluation that a bundle keeps; `None` where it has none.

    Raises:
        BundleError: It cannot be read.
    """
    path = bundle.folder / EVALUATION_FILE
    if not path.exists():
        return None
    try:
        return loads_document(Evaluation, path.read_text(encoding="utf-8"))
    except (FormatError, UnicodeDecodeError) as error:
        raise BundleError(f"{EVALUATION_FILE}: {error}.", hint="Convert the model again.") from error


def _inspect(
    file: Path,
    request: Request,
    *,
    shapes: tuple[NamedShape, ...] = (),
    bundle: BundleContent | None = None,
    source: Export | None = None,
) -> Inspection:
    from edgekit_targets.graph.read import read_graph

    graph = read_graph(file, {shape.name: shape.shape for shape in shapes})
    if bundle is not None:
        names = _names(graph, bundle.manifest.inputs), _names(graph, bundle.manifest.outputs)
        graph = replace(graph, input_names=names[0], output_names=names[1])
    size = measured(file.stat().st_size, "byte", "length of the model's file")
    return Inspection(str(request.model), size, summarize(graph), bundle, source)


def _names(graph: Graph, bindings: tuple[Binding, ...]) -> dict[int, str]:
    """The source's names of inputs or outputs, by the file's tensors."""
    known = {binding.stored.name: binding.source.name for binding in bindings}
    tensors = enumerate(graph.main.tensors)
    return {place: known[tensor.name] for place, tensor in tensors if tensor.name in known}


def _refuse_options(request: Request) -> None:
    """A finished file is as it is: nothing of how a source model is exported is heard."""
    options = {
        "--format": request.model_format,
        "--shape": request.shapes,
        "--dtype": request.dtypes,
        "--weights": request.weights,
        "--trust": request.trust,
        "--custom": request.custom,
    }
    given = [option for option, value in options.items() if value]
    if given:
        raise RecipeError(
            f"{given[0]}: {request.model} is finished, and not exported; allowed with a source model.",
            hint=f"Leave {given[0]} out.",
        )
