"""The device's side of a session stands alone: the standard library, and the Python of older boards."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from edgekit_devices import onboard
from edgekit_devices.program import PARTS, STUB

FOLDER = Path(onboard.__file__).parent
SOURCES = sorted(path for path in FOLDER.glob("*.py") if path.name != "__init__.py")


def imported(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def test_every_part_is_sent():
    assert sorted(PARTS) == [path.stem for path in SOURCES]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_part_is_python_3_9_of_the_standard_library_and_of_parts_sent_before_it(path):
    source = path.read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 9))
    before = {f"{onboard.__name__}.{part}" for part in PARTS[: PARTS.index(path.stem)]}
    others = {name for name in imported(source) if name not in before}
    assert {name.partition(".")[0] for name in others} <= set(sys.stdlib_module_names)


def test_the_first_line_needs_no_quoting_that_a_shell_could_read_otherwise():
    assert not set(STUB) & {"'", "\\", "!", "\n"}
