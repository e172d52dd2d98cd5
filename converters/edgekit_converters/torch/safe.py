"""Look at a .pt2 program before torch loads it, for loading can run code.

torch.export.load of 2.13 unpickles without limits what its configurations call pickled, opaque or legacy; loads
compiled libraries; evaluates shapes as Python; resolves operators to any attribute of torch; and writes the names of
nodes into Python source that it runs. So everything is refused here that torch.export.save does not write for a plain
program of operators.
"""

from __future__ import annotations

import ast
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from edgekit_runtime.errors import ModelError, first_line

ENTRIES = re.compile(
    r"data/weights/weight_\d+|data/constants/tensor_\d+|data/(weights|constants)/\w+_config\.json"
    r"|data/sample_inputs/\w+\.pt|models/\w+\.json|extra/[\w./-]+|\.data/\w+|archive_format|archive_version|byteorder"
    r"|version"
)
OLD_FORM = "serialized_exported_program.json"
NAME = re.compile(r"[\w.:/+-]*", re.ASCII)  # what lands in source that is run
FREE_TEXT = ("metadata", "as_string", "as_strings", "guards_code", "out_spec", "in_spec", "expr_str")
ATEN = r"torch\.ops\.(aten|prims|quantized_decomposed|torchvision)\.(?!from_file)\w+(\.\w+)?"
LOOPS = (
    r"torch\.ops\.higher_order\.(cond|while_loop|scan|associative_scan|map_impl|wrap_with_set_grad_enabled"
    r"|wrap_with_autocast)"
)
PYTHON = (
    r"_operator\.(eq|ne|le|ge|lt|gt|neg|pos|mul|add|sub|floordiv|mod|truediv|pow|and_|or_|not_|lshift|rshift|getitem)"
    r"|math\.\w+|torch\.(sym_\w+|_sym_\w+)"
)
TARGET = re.compile(f"{ATEN}|{LOOPS}|{PYTHON}", re.ASCII)
# Sympy's, and those that torch adds to it.
SHAPE_FUNCTION = re.compile(
    "Add|Mul|Pow|Integer|Rational|Float|Symbol|Max|Min|Mod|Eq|Ne|Lt|Le|Gt|Ge|And|Or|Not|Abs|FloorDiv|ModularIndexing|"
    "Where|PythonMod|CleanDiv|CeilToInt|FloorToInt|CeilDiv|LShift|RShift|PowByNatural|FloatPow|FloatTrueDiv|"
    "IntTrueDiv|TruncToFloat|TruncToInt|RoundToInt|RoundDecimal|ToFloat|Identity"
)
SHAPE_SYNTAX = (ast.Expression, ast.Call, ast.Name, ast.Constant, ast.keyword, ast.Load, ast.BinOp, ast.UnaryOp)
ARITHMETIC = (ast.operator, ast.unaryop)
TRUST = "If you trust its author, add --trust."


def check_program(path: Path) -> None:
    """Refuse a program that could run code when it is loaded, or later.

    Args:
        path: A `.pt2` file.

    Raises:
        ModelError: It is damaged, or holds what a plain program does not.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for name in _entries(path, archive):
                _check_entry(path, name, archive)
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, RecursionError, NotImplementedError) as error:
        raise ModelError(f"{path}: it is damaged: {first_line(error)}", hint="Save or copy it again.") from error


def _entries(path: Path, archive: zipfile.ZipFile) -> list[str]:
    """Names in the archive; torch's own reader must see each of them just as this one does."""
    names = archive.namelist()
    if OLD_FORM in names:
        raise ModelError(
            f"{path}: PyTorch 2.7 or older saved it, in a form that is unpickled without limits; nothing of it was "
            "loaded.",
            hint="Save it again with PyTorch 2.13, or, if you trust its author, add --trust.",
        )
    roots = {name.partition("/")[0] for name in names}
    if len(roots) != 1 or len({name.lower() for name in names}) != len(names):
        raise _refusal(path, "several archives in one, or entries that hide each other")
    strange = [name for name in names if not ENTRIES.fullmatch(name.partition("/")[2])]
    if any("aotinductor" in name for name in strange):
        raise _refusal(path, f"compiled code ({strange[0]})")
    if strange:
        raise _refusal(path, f"{strange[0]}, which torch.export.save of PyTorch 2.13 does not write,")
    return names


def _check_entry(path: Path, name: str, archive: zipfile.ZipFile) -> None:
    place = name.partition("/")[2]
    if place.endswith("_config.json"):
        for entry in _walk_values(json.loads(archive.read(name)), "use_pickle"):
            if entry:
                raise _refusal(path, f"pickled weights or constants ({place})")
        for entry in _walk_values(json.loads(archive.read(name)), "path_name"):
            if not re.fullmatch(r"(weight|tensor)_\d+", str(entry)):
                raise _refusal(path, f"a pickled object ({entry})")
    elif place.startswith("data/sample_inputs/"):
        _check_pickle(path, place, archive.read(name))
    elif place.startswith("models/"):
        _check_graph(path, json.loads(archive.read(name)), "")


def _check_pickle(path: Path, place: str, content: bytes) -> None:
    if not content:
        return
    try:
        torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except Exception as error:  # torch raises many kinds; torch.export.load would fall back on a full unpickler
        raise _refusal(path, f"a pickle that is more than tensors ({place})") from error


def _check_graph(path: Path, tree: Any, key: str) -> None:
    """Go through the whole program: every operator, every name, every shape."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            if NAME.fullmatch(name) is None:
                raise _refusal(path, f"the name {name[:60]!r}")
            if name not in FREE_TEXT:
                _check_graph(path, value, name)
        _check_special(path, tree)
    elif isinstance(tree, list):
        for value in tree:
            _check_graph(path, value, key)
    elif isinstance(tree, str) and key in ("target", "as_operator"):
        if TARGET.fullmatch(tree) is None:
            raise _refusal(path, f"the operator {tree[:60]!r}")
    elif isinstance(tree, str) and NAME.fullmatch(tree) is None:
        raise _refusal(path, f"the name {tree[:60]!r}")


def _check_special(path: Path, tree: dict[str, Any]) -> None:
    if isinstance(tree.get("expr_str"), str) and not _is_shape(tree["expr_str"]):
        raise _refusal(path, f"the shape {tree['expr_str'][:60]!r}")
    for key in ("in_spec", "out_spec"):
        if isinstance(tree.get(key), str) and not _is_plain_structure(json.loads(tree[key]), named=key == "in_spec"):
            raise _refusal(path, f"an {key} that names classes or modules")


def _is_shape(text: str) -> bool:
    """Whether an expression only computes with numbers and symbols."""
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    for node in ast.walk(tree):
        if not isinstance(node, SHAPE_SYNTAX + ARITHMETIC):
            return False
        if isinstance(node, ast.Call) and not _is_shape_function(node.func):
            return False
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not node.value.isidentifier():
            return False
    return True


def _is_shape_function(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and SHAPE_FUNCTION.fullmatch(node.id) is not None


def _is_plain_structure(tree: Any, *, named: bool) -> bool:
    """Whether nested inputs or outputs are of Python's own kinds; `named`: their keys become arguments."""
    for context in _walk_values(tree, "context"):
        inner = json.loads(context) if isinstance(context, str) else context
        if any(True for key in ("__enum__", "default_factory_module") for _ in _walk_values(inner, key)):
            return False
        if named and isinstance(inner, list) and not all(isinstance(key, str) and NAME.fullmatch(key) for key in inner):
            return False
    return True


def _walk_values(tree: Any, wanted: str) -> Iterator[Any]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == wanted:
                yield value
            yield from _walk_values(value, wanted)
    elif isinstance(tree, list):
        for value in tree:
            yield from _walk_values(value, wanted)


def _refusal(path: Path, what: str) -> ModelError:
    return ModelError(
        f"{path}: it holds {what} and so could run code when it is loaded; nothing of it was loaded.", hint=TRUST
    )
