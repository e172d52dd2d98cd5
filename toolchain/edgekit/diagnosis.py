"""What works on this machine, and what would make the rest work."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from shutil import which
from typing import ClassVar, Literal

from edgekit.distributions import allows, installed, requirements_of, version_of
from edgekit.routes import ROUTES, RouteNeeds

TRIED_TORCH = "2.13.0"  # first and by itself, pip takes the CPU build where its index offers one


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
        works: Whether every library and program is there.
        missing: Libraries and programs that are not.
        untried: Libraries that are there in a version that edgekit was not tried with.
        command: What brings the missing and the tried ones; empty where all are there, or nothing does.
        reason: Why it cannot be done on this operating system; empty where it can.
    """

    does: str
    works: bool
    missing: tuple[str, ...]
    untried: tuple[str, ...]
    command: str
    reason: str = ""


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
    versions = {need.name: need.versions for need in needs if need.versions}
    wanted = {need.name: need.versions for need in needs if not need.extra}
    wanted |= {name: versions.get(name, "") for route in ROUTES for name in route.libraries}
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
    known = {library.name: library for library in libraries}
    missing = tuple(name for name in needs.libraries if known[name].state == "missing")
    untried = tuple(name for name in needs.libraries if known[name].state == "other version")
    programs = tuple(name for name in needs.programs if which(name) is None)
    reason = needs.nowhere.get(platform.system(), "")
    commands = [_pip(needs, known)] if missing or untried else []
    commands += [f"sudo apt install {' '.join(needs.packages)}"] if programs else []
    command = "" if reason else " && ".join(commands)
    works = not (missing or programs or reason)
    return Route(needs.does, works, (*missing, *programs), untried, command, reason)


def _pip(needs: RouteNeeds, known: Mapping[str, LibraryState]) -> str:
    """What brings a route's libraries; PyTorch first, since the extra alone may bring another build of it."""
    if not needs.extra:
        return f"pip install {' '.join(name + known[name].versions for name in needs.libraries)}"
    first = f"pip install torch=={TRIED_TORCH} && " if "torch" in needs.libraries else ""
    return f"{first}pip install 'edgekit[{needs.extra}]'"
