"""What works on this machine, and what would make the rest work."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from edgekit.distributions import allows, installed, requirements_of, version_of

KERAS = ("tensorflow", "keras", "ai-edge-litert")
INT8 = (*KERAS, "ai-edge-quantizer")


@dataclass(frozen=True)
class RouteNeeds:
    """Something edgekit does with libraries that may not be there.

    Attributes:
        does: What it does.
        libraries: What it needs.
        extra: The extra of edgekit that brings them.
    """

    does: str
    libraries: tuple[str, ...]
    extra: str


ROUTES = (
    RouteNeeds("convert a Keras model, as float32", KERAS, "keras"),
    RouteNeeds("convert a Keras model, as int8", INT8, "keras"),
    RouteNeeds("run and measure a .tflite file or a bundle", ("ai-edge-litert",), "tflite"),
    RouteNeeds("inspect a .tflite file or a bundle", ("ai-edge-litert", "flatbuffers"), "tflite"),
    RouteNeeds("run the demo on scikit-learn's digits", (*INT8, "scikit-learn"), "demo"),
)


@dataclass(frozen=True)
class LibraryState:
    """A library that edgekit uses.

    Attributes:
        name: Name of its package.
        versions: The versions that edgekit is tried with, such as `==2.21.0`; empty for any.
        installed: The version that is installed; `None` where it is missing.
        state: `fits`, `other version`, or `missing`.
    """

    name: str
    versions: str
    installed: str | None
    state: Literal["fits", "other version", "missing"]


@dataclass(frozen=True)
class Route:
    """Something edgekit does, and whether it can be done here.

    Attributes:
        does: What it does.
        works: Whether every library is there.
        missing: Libraries that are not.
        untried: Libraries that are there in a version that edgekit was not tried with.
        command: What brings the missing and the tried ones; empty where all are there.
    """

    does: str
    works: bool
    missing: tuple[str, ...]
    untried: tuple[str, ...]
    command: str


@dataclass(frozen=True)
class Diagnosis:
    """What works on this machine.

    Attributes:
        edgekit: Its version; `unknown` where it was not installed by pip.
        python: The version of Python.
        python_versions: The versions of Python that edgekit is made for.
        python_fits: Whether this is one of them.
        executable: The Python that runs edgekit, which its extras must be installed for.
        system: Operating system, release and instruction set.
        libraries: Those that edgekit uses, always and for its routes.
        routes: What it does with them.
    """

    SCHEMA: ClassVar[str] = "edgekit/diagnosis"
    VERSION: ClassVar[int] = 1

    edgekit: str
    python: str
    python_versions: str
    python_fits: bool
    executable: str
    system: str
    libraries: tuple[LibraryState, ...]
    routes: tuple[Route, ...]


def doctor() -> Diagnosis:
    """Tell what works on this machine; no library is imported for it."""
    package = installed("edgekit")
    needs = tuple(requirements_of(package))
    versions = {(need.extra, need.name): need.versions for need in needs}
    wanted = {need.name: need.versions for need in needs if not need.extra}
    for route in ROUTES:
        wanted |= {name: versions.get((route.extra, name), "") for name in route.libraries}
    libraries = tuple(_library(name, wanted[name]) for name in wanted)
    python_versions = (package.metadata["Requires-Python"] or "") if package is not None else ""
    return Diagnosis(
        edgekit=package.version if package is not None else "unknown",
        python=platform.python_version(),
        python_versions=python_versions,
        python_fits=allows(python_versions, platform.python_version()),
        executable=sys.executable,
        system=platform.platform(),
        libraries=libraries,
        routes=tuple(_route(route, libraries) for route in ROUTES),
    )


def _library(name: str, versions: str) -> LibraryState:
    version = version_of(name)
    if version is None:
        return LibraryState(name, versions, None, "missing")
    fits = version != "unknown" and allows(versions, version)
    return LibraryState(name, versions, version, "fits" if fits else "other version")


def _route(needs: RouteNeeds, libraries: Sequence[LibraryState]) -> Route:
    states = {library.name: library.state for library in libraries}
    missing = tuple(name for name in needs.libraries if states[name] == "missing")
    untried = tuple(name for name in needs.libraries if states[name] == "other version")
    command = f"pip install 'edgekit[{needs.extra}]'" if missing or untried else ""
    return Route(needs.does, not missing, missing, untried, command)
