"""The licences of everything that comes onto a device: edgekit's runtime, what it needs there, the models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path
from typing import ClassVar

from edgekit.distributions import installed, requirements_of
from edgekit_runtime.bundle import open_bundle
from edgekit_runtime.record import Fact

ON_DEVICE = ("numpy", "ai-edge-litert")  # what the runtime needs there, besides Python
PUSHED, NEEDED = "pushed by edgekit", "there, or pushed"
NOT_HERE = "it is not installed here, so its licence cannot be read"
LINE_CHARACTERS = 80  # older packages put the whole text of their licence into the field of its name


@dataclass(frozen=True)
class License:
    """Something that comes onto a device.

    Attributes:
        name: Its name; for a model the bundle's path.
        version: Its version as installed here, or the scheme of a model; empty where it is not known.
        license: Name of its licence, as its metadata or its manifest gives it.
        how: How it comes onto the device.
    """

    name: str
    version: str
    license: Fact
    how: str


@dataclass(frozen=True)
class Licenses:
    """Everything that comes onto a device.

    Attributes:
        entries: The runtime first, then what it needs, then the models.
    """

    SCHEMA: ClassVar[str] = "edgekit/licenses"
    VERSION: ClassVar[int] = 1

    entries: tuple[License, ...]


def licenses(bundles: Sequence[Path] = ()) -> Licenses:
    """List the licences of everything that comes onto a device.

    Args:
        bundles: Bundles whose models are listed, too.

    Raises:
        BundleError: One of them is damaged.
    """
    runtime = installed("edgekit")
    version = runtime.version if runtime is not None else ""
    libraries = (_library(name) for name in _with_needs(ON_DEVICE))
    return Licenses((License("edgekit-runtime", version, _license(runtime), PUSHED), *libraries, *map(_model, bundles)))


def _with_needs(names: Sequence[str]) -> Iterator[str]:
    """Packages and all that they need in turn, each once; what only another system needs is left out."""
    waiting, seen = list(names), set(names)
    while waiting:
        name = waiting.pop(0)
        yield name
        for need in requirements_of(installed(name)):
            if need.extra or need.name in seen or (need.marker and installed(need.name) is None):
                continue
            seen.add(need.name)
            waiting.append(need.name)


def _library(name: str) -> License:
    package = installed(name)
    return License(name, package.version if package is not None else "", _license(package), NEEDED)


def _license(package: Distribution | None) -> Fact:
    """The licence's name: metadata 2.4 gives it as an expression, older ones as free text or as classes."""
    if package is None:
        return Fact(reason=NOT_HERE)
    fields = package.metadata
    classes = [line.rpartition(" :: ")[2] for line in fields.get_all("Classifier") or [] if line.startswith("License")]
    names = (fields["License-Expression"], fields["License"], ", ".join(classes))
    for name in names:
        if name and name != "UNKNOWN" and len(name) <= LINE_CHARACTERS and "\n" not in name:
            return Fact(name)
    return Fact(reason="its metadata names none")


def _model(path: Path) -> License:
    with open_bundle(path) as bundle:
        manifest = bundle.manifest
    told = Fact(manifest.license) if manifest.license else Fact(reason="not told at conversion (--license)")
    return License(str(path), manifest.scheme, told, PUSHED)
