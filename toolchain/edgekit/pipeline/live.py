"""Bring a live model into a file, where sessions can reach it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from edgekit.pipeline.request import Request
from edgekit.pipeline.sources import live_settings
from edgekit_converters.live import stage_live


@contextmanager
def on_file(request: Request) -> Iterator[Request]:
    """The same request with its model in a file, which is gone when the block ends.

    A live model runs in the caller's own process already, so its code is trusted.

    Raises:
        RecipeError: It is no model, it cannot be saved, or shapes and types do not fit it.
        ModelError: It does not run.
        ConversionError: It cannot be exported.
    """
    if isinstance(request.model, Path):
        yield request
        return
    with tempfile.TemporaryDirectory(prefix="edgekit-live-") as folder:
        staged = stage_live(request.model, Path(folder), live_settings(request))
        custom = (*request.custom, *staged.custom)
        yield replace(request, model=staged.path, custom=custom, trust=True)
