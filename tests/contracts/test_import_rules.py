"""The layers and the homes of the heavy libraries hold, and the rules that say so catch a breach."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PLANTED = {
    "runtime/edgekit_runtime": ("edgekit_targets", "The five packages are layers"),
    "targets/edgekit_targets": ("tensorflow", "TensorFlow and Keras are imported in one sub-package"),
    "converters/edgekit_converters": ("ai_edge_litert", "The interpreter is imported in its one adapter"),
    "devices/edgekit_devices": ("ai_edge_quantizer", "The quantizer is imported in its one engine"),
    "runtime/edgekit_runtime/deep": ("pydantic", "The runtime stays light"),
    "toolchain/edgekit/deep": ("keras", "TensorFlow and Keras are imported in one sub-package"),
    "converters/edgekit_converters/deep": ("edgekit_devices", "The five packages are layers"),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    tool = tomllib.loads((folder / "pyproject.toml").read_text())["tool"]
    paths = [str(folder / name) for name in tool["hatch"]["build"]["dev-mode-dirs"]]
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(repository: Path, tmp_path: Path) -> Path:
    shutil.copy(repository / "pyproject.toml", tmp_path)
    for folder in ("runtime", "targets", "converters", "devices", "toolchain"):
        shutil.copytree(repository / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_every_import_rule_is_kept(repository):
    done = lint(repository)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


def test_planted_imports_are_caught_inside_functions_too(copy):
    for folder, (library, _) in PLANTED.items():
        (copy / folder).mkdir(exist_ok=True)
        (copy / folder / "__init__.py").touch()
        (copy / folder / "planted.py").write_text(f"def load():\n    import {library}\n")
    done = lint(copy)
    assert done.returncode == 1
    for folder, (library, rule) in PLANTED.items():
        module = ".".join(Path(folder).parts[1:])
        assert f"{module}.planted -> {library}" in done.stdout
        assert f"{rule} BROKEN" in done.stdout


def test_the_one_home_of_a_framework_may_import_it(copy):
    home = copy / "converters/edgekit_converters/keras/deep"
    home.mkdir()
    (home / "__init__.py").write_text("import keras\nimport tensorflow\n")
    done = lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr
