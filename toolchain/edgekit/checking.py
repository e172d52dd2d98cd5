"""Hold a finished model against a target."""

from __future__ import annotations

from pathlib import Path

from edgekit_runtime.bundle import is_bundle, open_bundle
from edgekit_targets.catalog import load_profile
from edgekit_targets.check import check_graph
from edgekit_targets.findings import Check
from edgekit_targets.graph.read import read_graph
from edgekit_targets.profile import Profile


def check(model: Path, target: str) -> Check:
    """Tell every demand of a target that a model does not meet; nothing is run.

    Args:
        model: A bundle, or a bare `.tflite` or `.onnx` file.
        target: Name of a target, or a path to a profile.

    Raises:
        ModelError: It is no finished model, or damaged.
        BundleError: The bundle is damaged.
        ProfileError: The target is unknown, or its profile has faults.
        MissingExtraError: A library is missing that reads the file, or the vendor's compiler that judges it.
    """
    profile = load_profile(target).profile
    if not is_bundle(model) and not model.is_dir():
        return _check(model, str(model), profile)
    with open_bundle(model) as bundle:
        return _check(bundle.model_path, str(model), profile)


def _check(file: Path, model: str, profile: Profile) -> Check:
    return check_graph(read_graph(file), file, model, profile)
