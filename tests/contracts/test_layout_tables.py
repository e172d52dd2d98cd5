"""The tables of five tools name the same five folders, and each folder holds one package."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def tool(repository: Path) -> dict[str, Any]:
    return tomllib.loads((repository / "pyproject.toml").read_text())["tool"]


@pytest.fixture(scope="module")
def folders(tool: dict[str, Any]) -> list[str]:
    return tool["hatch"]["build"]["dev-mode-dirs"]


def test_every_tool_looks_into_the_same_folders(tool, folders):
    assert tool["mypy"]["mypy_path"].split(":") == folders
    assert tool["pyright"]["extraPaths"] == folders
    assert tool["ruff"]["src"] == folders


def test_every_tool_knows_the_same_packages(tool, folders):
    packages = tool["mypy"]["packages"]
    assert tool["importlinter"]["root_packages"] == packages
    wheel = tool["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert wheel == [f"{folder}/{package}" for folder, package in zip(folders, packages, strict=True)]


def test_each_folder_holds_its_one_package_with_its_types(tool, folders, repository):
    for folder, package in zip(folders, tool["mypy"]["packages"], strict=True):
        assert [path.parent.name for path in (repository / folder).glob("*/__init__.py")] == [package]
        assert (repository / folder / package / "py.typed").is_file()


def test_each_package_is_imported_from_its_folder(tool, folders, repository):
    for folder, package in zip(folders, tool["mypy"]["packages"], strict=True):
        assert Path(__import__(package).__file__).parent == repository / folder / package
