"""A source model as a finished float file for as long as one looks at it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgekit.pipeline.request import Request
from edgekit.pipeline.sources import FORMATS, source_settings
from edgekit_converters.detect import detect_source
from edgekit_converters.framework import FORMAT_NAMES, FrameworkSession
from edgekit_converters.frameworks import framework_of
from edgekit_runtime.errors import RecipeError
from edgekit_runtime.manifest import Library
from edgekit_runtime.progress import Progress


@dataclass(frozen=True)
class Export:
    """Where a float file came from.

    Attributes:
        source_format: What the source is, such as `keras` or `torch-code`.
        libraries: What exported it, with versions.
        notes: What had to be done to load it.
    """

    source_format: str
    libraries: tuple[Library, ...]
    notes: tuple[str, ...]


@contextmanager
def exported(
    request: Request, progress: Progress, on_log: Callable[[str], None] | None, memory_limit_bytes: int | None
) -> Iterator[tuple[Path, Export]]:
    """Export a source model as float32, in its framework's session; the file is gone when the block ends.

    Args:
        request: The model, and how to load it.
        progress: Told how far it is.
        on_log: Takes each line the framework writes.
        memory_limit_bytes: Resident memory at which the session is ended.

    Raises:
        ModelError: It is no model, or damaged.
        RecipeError: What was asked for does not fit it.
        ConversionError: Its framework cannot export it.
    """
    assert isinstance(request.model, Path)
    source_format = detect_source(request.model)
    framework = framework_of(source_format)
    model_format = request.model_format or framework.exports[0]
    if model_format not in framework.exports:
        known = "unknown format" if model_format not in FORMATS else f"a {framework.name} model does not become that"
        raise RecipeError(f"--format {model_format}: {known}; allowed: {', '.join(framework.exports)}.")
    settings = source_settings(request, source_format)
    with tempfile.TemporaryDirectory(prefix="edgekit-export-") as folder:
        path = Path(folder) / f"model.{model_format}"
        progress("loading the model", 0, 0)
        with FrameworkSession(framework.module, memory_limit_bytes=memory_limit_bytes, on_log=on_log) as session:
            info = session.load(settings)
            progress("loading the model", 1, 1)
            stage = f"exporting to {FORMAT_NAMES[model_format]}"
            progress(stage, 0, 0)
            session.export(path, model_format)
            progress(stage, 1, 1)
        yield path, Export(source_format, (*info.libraries, *framework.exporter(model_format)), info.notes)
