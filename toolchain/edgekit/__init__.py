"""edgekit: a trained model to an edge device, and the truth about how it runs there.

Each verb of the command line is a function of the same name: `edgekit.convert`, `edgekit.inspect`,
`edgekit.bench`, `edgekit.compare` and so on. They are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgekit.benching import bench as bench
    from edgekit.checking import check as check
    from edgekit.demonstration import demo as demo
    from edgekit.deploying import deploy as deploy
    from edgekit.diagnosis import doctor as doctor
    from edgekit.estimating import estimate as estimate
    from edgekit.fleet import devices as devices
    from edgekit.inspecting import inspect as inspect
    from edgekit.pipeline.convert import convert as convert
    from edgekit.reports.compare import compare as compare
    from edgekit.schemas import schema as schema
    from edgekit_devices.package import build_runtime as runtime
    from edgekit_targets.catalog import load_profiles as targets

_VERBS = {
    "convert": "edgekit.pipeline.convert:convert",
    "inspect": "edgekit.inspecting:inspect",
    "check": "edgekit.checking:check",
    "bench": "edgekit.benching:bench",
    "deploy": "edgekit.deploying:deploy",
    "devices": "edgekit.fleet:devices",
    "compare": "edgekit.reports.compare:compare",
    "demo": "edgekit.demonstration:demo",
    "runtime": "edgekit_devices.package:build_runtime",
    "doctor": "edgekit.diagnosis:doctor",
    "schema": "edgekit.schemas:schema",
    "estimate": "edgekit.estimating:estimate",
    "targets": "edgekit_targets.catalog:load_profiles",
}

__all__ = [
    "bench",
    "check",
    "compare",
    "convert",
    "demo",
    "deploy",
    "devices",
    "doctor",
    "estimate",
    "inspect",
    "runtime",
    "schema",
    "targets",
]


def __getattr__(name: str) -> object:
    if name not in _VERBS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, _, function = _VERBS[name].partition(":")
    return getattr(import_module(module), function)


def __dir__() -> list[str]:
    return sorted(_VERBS)
