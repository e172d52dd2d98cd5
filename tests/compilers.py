"""Vendors' compilers, and programs that stand in for them."""

from __future__ import annotations

import sys
from pathlib import Path

from edgekit_converters.compile.compilation import Compiled
from edgekit_converters.compile.compile import compile_for
from edgekit_targets.catalog import load_profile


def made_by(model: Path, target: str, folder: Path) -> Compiled:
    compiled = compile_for(model, load_profile(target).profile, folder)
    assert compiled is not None
    return compiled


def figures_of(compiled: Compiled) -> dict[str, float | None]:
    return {one.name: one.figure.value for one in compiled.compilation.figures}


def program(folder: Path, name: str, text: str) -> Path:
    """A program that stands in for a vendor's."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport sys\nfrom pathlib import Path\n{text}")
    path.chmod(0o755)
    return path
