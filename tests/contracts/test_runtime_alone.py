"""The runtime stands alone: copied by itself it imports with numpy, and the Python of older boards reads it."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

RUNTIME = Path(__file__).parents[2] / "runtime" / "edgekit_runtime"
SOURCES = sorted(RUNTIME.rglob("*.py"))
OPTIONAL = {
    "litert.py": "ai_edge_litert",
    "onnx.py": "onnxruntime",
    "onnx_exact.py": "onnxruntime",
    "pictures.py": "PIL",
    "tflite_runtime.py": "tflite_runtime",
}
INTERPRETED = ("litert", "onnx", "onnx_profile", "tflite_runtime")  # modules that import an interpreter with them

# -S skips the environment's own paths, so that nothing but the copy and numpy is found.
IMPORT_ALL = """
import importlib, pkgutil, sys
sys.path.append(sys.argv[1])
for name in ("ai_edge_litert", "onnxruntime", "tflite_runtime"):
    sys.modules[name] = None  # as on a board without them
import edgekit_runtime
from edgekit_runtime.errors import MissingExtraError
for module in pkgutil.walk_packages(edgekit_runtime.__path__, "edgekit_runtime."):
    if module.name.endswith(".__main__"):
        continue
    try:
        importlib.import_module(module.name)
    except MissingExtraError:
        print("needs an interpreter:", module.name)
roots = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
print("roots:", *sorted(name for name in roots if not name.startswith("_")))
"""


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(), feature_version=(3, 9)))


def imports(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module).partition(".")[0]


def is_union(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)


def evaluated_hints(path: Path) -> Iterator[ast.expr]:
    """The hints of dataclass fields, which the codec evaluates on the device."""
    for node in nodes(path):
        if isinstance(node, ast.ClassDef) and any("dataclass" in ast.dump(d) for d in node.decorator_list):
            yield from (field.annotation for field in node.body if isinstance(field, ast.AnnAssign))


def test_a_copy_imports_with_numpy_alone(tmp_path):
    shutil.copytree(RUNTIME, tmp_path / "edgekit_runtime", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-S", "-c", IMPORT_ALL, str(Path(np.__file__).parents[1])],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *lacking, roots = done.stdout.splitlines()
    assert lacking == [f"needs an interpreter: edgekit_runtime.{name}" for name in INTERPRETED]
    assert set(roots.split()[1:]) <= {"edgekit_runtime", "numpy", *OPTIONAL.values()}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_module_imports_nothing_but_the_standard_library_numpy_and_its_interpreter(path):
    allowed = {*sys.stdlib_module_names, "numpy", "edgekit_runtime", OPTIONAL.get(path.name)}
    assert set(imports(path)) <= allowed


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_module_is_python_3_9(path):
    found = list(nodes(path))  # parsing alone refuses newer syntax
    newer = {"strict", "kw_only", "slots"}
    assert not [node for node in found if isinstance(node, ast.keyword) and node.arg in newer]
    assert not [hint for hint in evaluated_hints(path) if any(map(is_union, ast.walk(hint)))]


def test_the_check_of_hints_finds_a_union(tmp_path):
    path = tmp_path / "planted.py"
    path.write_text("@dataclass(frozen=True)\nclass A:\n    a: tuple[int | None, ...]\n")
    assert [hint for hint in evaluated_hints(path) if any(map(is_union, ast.walk(hint)))]
