"""JSON Schemas of the documents that edgekit writes and reads, made from the very types that it uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgekit_runtime.errors import UserError

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_names() -> tuple[str, ...]:
    """The names of the documents, sorted."""
    return tuple(sorted(_documents()))


def schema(name: str) -> Mapping[str, Any]:
    """The JSON Schema of a document.

    Args:
        name: One of `schema_names`.

    Returns:
        The schema: what is of this form is read, unless its parts contradict each other.

    Raises:
        UserError: There is no such document.
    """
    documents = _documents()
    if name not in documents:
        raise UserError(f"There is no document {name!r}; allowed: {', '.join(sorted(documents))}.")
    from pydantic import ConfigDict, TypeAdapter

    kind = documents[name]
    config = ConfigDict(extra="forbid")
    # A TypeAdapter takes no settings for a plain dataclass itself, but hands them on to those inside a tuple.
    tree = TypeAdapter(tuple[kind], config=config).json_schema()  # type: ignore[valid-type]  # known only at run time
    definitions = tree["$defs"]
    body = definitions.pop(kind.__name__) if kind.__name__ in definitions else tree["prefixItems"][0]
    header = {"schema": {"const": kind.SCHEMA}, "version": {"const": kind.VERSION}}
    return {
        "$schema": DIALECT,
        "$id": kind.SCHEMA,
        **body,
        "properties": {**header, **body["properties"]},
        "required": [*header, *body.get("required", [])],
        "$defs": definitions,
    }


def _documents() -> dict[str, Any]:  # document types share two class attributes, and no base class
    """From each document's name to its type."""
    from edgekit.diagnosis import Diagnosis
    from edgekit.estimating import Estimates
    from edgekit.inspecting import Inspection
    from edgekit.licenses import Licenses
    from edgekit.pipeline.recipe_file import RecipeDocument
    from edgekit.reports.render.json_text import ComparisonDocument
    from edgekit.reports.report import Report
    from edgekit_converters.compile.compilation import Compilation
    from edgekit_converters.compress.checkpoint import History
    from edgekit_converters.compress.results import Pruning
    from edgekit_converters.compress.surgery import Surgery
    from edgekit_converters.equality import Equality
    from edgekit_converters.evaluation import Evaluation
    from edgekit_converters.quantize.trail import QuantizationTrail
    from edgekit_converters.trail import Trail
    from edgekit_devices.deployment import Deployment
    from edgekit_runtime.manifest import Manifest
    from edgekit_runtime.record import Record
    from edgekit_runtime.run import Answer
    from edgekit_targets.findings import Check
    from edgekit_targets.profile import Profile

    kinds: tuple[Any, ...] = (
        Answer,
        Check,
        Compilation,
        ComparisonDocument,
        Deployment,
        Diagnosis,
        Equality,
        Estimates,
        Evaluation,
        History,
        Inspection,
        Licenses,
        Manifest,
        Profile,
        Pruning,
        QuantizationTrail,
        RecipeDocument,
        Record,
        Report,
        Surgery,
        Trail,
    )
    return {kind.SCHEMA.removeprefix("edgekit/"): kind for kind in kinds}
