"""The verbs of the command line and the functions of the package are the same, and load when they are used."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import click
import pytest

import edgekit
from edgekit.cli.main import VERBS

IMPORT_ALL = """
import importlib, pkgutil, types, edgekit
for module in pkgutil.walk_packages(edgekit.__path__, "edgekit."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
assert not [name for name in edgekit.__all__ if not isinstance(getattr(edgekit, name), types.FunctionType)]
"""


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_verbs_and_functions_are_the_same():
    assert sorted(VERBS) == sorted(edgekit.__all__) == dir(edgekit)


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_is_a_documented_function(verb):
    function = getattr(edgekit, verb)
    assert inspect.isfunction(function)
    assert function.__doc__


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_is_a_command_of_that_name_with_help(verb):
    command = VERBS[verb].load()
    assert isinstance(command, click.Command)
    assert command.name == verb
    assert command.help


def test_type_checkers_see_the_functions_that_are_loaded():
    tree = ast.parse(Path(edgekit.__file__).read_text())
    guard = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: f"{node.module}:{alias.name}"
        for node in guard.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    table = next(
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "_VERBS"
    )
    assert seen == ast.literal_eval(table)


def test_no_module_takes_the_place_of_a_function():
    done = python(IMPORT_ALL)
    assert done.returncode == 0, done.stderr


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'edgekit' has no attribute 'frobnicate'"):
        _ = edgekit.frobnicate


def test_help_imports_no_verb_and_no_heavy_library():
    code = "import sys; from edgekit.cli.main import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = python(code)
    assert done.returncode == 0
    loaded = done.stderr.split()
    assert "click" in loaded
    heavy = {"numpy", "pydantic", "pydantic_core", "rich", "tensorflow", "keras", "torch", "ai_edge_litert"}
    assert not heavy.intersection(loaded)
    assert not [name for name in loaded if name.startswith("edgekit.cli.") and name != "edgekit.cli.main"]


def test_importing_the_package_imports_no_library():
    done = python("import sys, edgekit, edgekit_runtime; print(*sys.modules)")
    assert not {"numpy", "pydantic", "rich", "click", "tensorflow"}.intersection(done.stdout.split())
