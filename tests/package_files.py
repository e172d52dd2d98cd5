"""Metadata of packages that are not installed, for tests."""

from __future__ import annotations

from importlib.metadata import PathDistribution
from pathlib import Path


def write_package(folder: Path, name: str, version: str, *lines: str) -> PathDistribution:
    """A package's metadata in a folder, as pip leaves it.

    Args:
        folder: Where to.
        name: The package.
        version: Its version.
        lines: Further lines of its metadata, such as `Requires-Dist: numpy`.
    """
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    text = "\n".join(("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines))
    (info / "METADATA").write_text(text + "\n")
    return PathDistribution(info)
