"""Look into a finished model: what it takes and gives, what it costs, and for a bundle how it was made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgekit_converters.evaluation import EVALUATION_FILE, Evaluation
from edgekit_runtime.bundle import Bundle, is_bundle, open_bundle
from edgekit_runtime.codec import FormatError, loads_document
from edgekit_runtime.errors import BundleError
from edgekit_runtime.figure import Figure, measured
from edgekit_runtime.manifest import Manifest
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
    """What a finished model says of itself.

    Attributes:
        path: Where it lies, as the user named it.
        model_size: Length of the model's file.
        graph: The model.
        bundle: What the bundle around it says; `None` for a bare file.
    """

    SCHEMA: ClassVar[str] = "edgekit/inspection"
    VERSION: ClassVar[int] = 1

    path: str
    model_size: Figure
    graph: GraphSummary
    bundle: BundleContent | None


def inspect(model: Path) -> Inspection:
    """Look into a bundle, or into a bare `.tflite` file; no interpreter is loaded.

    Args:
        model: The bundle or the file.

    Raises:
        ModelError: It is no finished model, or damaged.
        BundleError: The bundle is damaged.
        MissingExtraError: The library that describes the file format is missing.
    """
    if not is_bundle(model) and not model.is_dir():
        return _inspect(model, str(model), None)
    with open_bundle(model) as bundle:
        content = BundleContent(bundle.digest, bundle.manifest, read_evaluation(bundle))
        return _inspect(bundle.model_path, str(model), content)


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


def _inspect(file: Path, path: str, bundle: BundleContent | None) -> Inspection:
    from edgekit_targets.graph.read import read_graph

    graph = summarize(read_graph(file))
    size = measured(file.stat().st_size, "byte", "length of the model's file")
    return Inspection(path, size, graph, bundle)
