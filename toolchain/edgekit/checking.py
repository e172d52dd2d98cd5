"""Hold a model against a target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit_runtime.progress import Progress, silent
from edgekit_targets.catalog import load_profile
from edgekit_targets.check import check_graph
from edgekit_targets.findings import Check
from edgekit_targets.graph.read import is_model_file, read_graph
from edgekit_targets.profile import Profile

if TYPE_CHECKING:
    from edgekit.pipeline.request import Request

KEPT_BY_TENSORFLOW = "saved_model.pb"  # a folder with it is a source model, and no bundle


def check(
    model: Path,
    target: str,
    *,
    trust: bool = False,
    custom: tuple[str, ...] = (),
    progress: Progress = silent,
    on_log: Callable[[str], None] | None = None,
    memory_limit_bytes: int | None = None,
) -> Check:
    """Tell every demand of a target that a model does not meet; nothing is run.

    Args:
        model: A bundle, a `.tflite` or `.onnx` file, or a source model, which is exported as float32 first.
        target: Name of a target, or a path to a profile.
        trust: Whether code inside a source model may run.
        custom: Modules of the user's own that define classes a source model names; they need `trust`.
        progress: Told how far it is.
        on_log: Takes each line the framework of a source model writes.
        memory_limit_bytes: Resident memory at which the framework's process is ended.

    Raises:
        ModelError: It is no model, or damaged.
        BundleError: The bundle is damaged.
        ProfileError: The target is unknown, or its profile has faults.
        ConversionError: A source model cannot be exported.
        MissingExtraError: A library is missing that reads the file, or the vendor's compiler that judges it.
    """
    profile = load_profile(target).profile
    if is_model_file(model):
        return _check(model, str(model), profile)
    from edgekit_runtime.bundle import is_bundle, open_bundle

    if is_bundle(model) or (model.is_dir() and not (model / KEPT_BY_TENSORFLOW).is_file()):
        with open_bundle(model) as bundle:
            return _check(bundle.model_path, str(model), profile)
    from edgekit.pipeline.export import exported
    from edgekit.pipeline.request import Request

    request = Request(model, target, trust=trust, custom=custom)
    with exported(_in_a_format_of(request, profile), progress, on_log, memory_limit_bytes) as (file, _):
        return _check(file, str(model), profile)


def _in_a_format_of(request: Request, profile: Profile) -> Request:
    """The request with the first format that both the target takes and the framework writes."""
    from edgekit_converters.detect import detect_source
    from edgekit_converters.frameworks import framework_of

    assert isinstance(request.model, Path)
    exports = framework_of(detect_source(request.model)).exports
    return replace(request, model_format=next((name for name in profile.formats if name in exports), None))


def _check(file: Path, model: str, profile: Profile) -> Check:
    return check_graph(read_graph(file), file, model, profile)
