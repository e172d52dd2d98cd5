"""edgekit_converters.keras.custom: the user's modules, found and imported, or refused with the reason."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit_converters.keras.custom import import_custom
from edgekit_runtime.errors import RecipeError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_classes_and_functions_are_found_by_name(folder: Path) -> None:
    (folder / "shop").mkdir()
    (folder / "shop/__init__.py").touch()
    (folder / "shop/parts.py").write_text("import os\nclass Part: pass\ndef squeezed(x): return x\nWIDTH = 3\n")
    custom = import_custom(["shop.parts"])
    assert custom.modules == ("shop.parts",)
    assert set(custom.objects) == {"Part", "squeezed"}


def test_several_modules_are_gathered(folder: Path) -> None:
    (folder / "one_part.py").write_text("class One: pass\n")
    (folder / "two_part.py").write_text("from one_part import One\nclass Two(One): pass\n")
    assert set(import_custom(["one_part", "two_part"]).objects) == {"One", "Two"}


def test_without_modules_there_is_nothing() -> None:
    assert import_custom([]).objects == {}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("value = 1\nvalue = 1 / 0\n", r"--custom faulty: faulty.py, line 2: ZeroDivisionError.* in: value = 1 / 0"),
        ("def f(:\n", r"--custom faulty: faulty.py, line 1: SyntaxError.* in: def f\(:"),
        ("import no_such_library\n", r"--custom faulty: faulty.py, line 1: ModuleNotFoundError.*no_such_library"),
        ("import sys\nsys.exit('enough')\n", r"--custom faulty: faulty.py, line 2: SystemExit: enough"),
    ],
)
def test_a_module_that_fails_is_shown_by_its_own_line(folder: Path, content: str, text: str) -> None:
    (folder / "faulty.py").write_text(content)
    with pytest.raises(RecipeError, match=text):
        import_custom(["faulty"])


@pytest.mark.parametrize("name", ["nowhere", "nowhere.parts", "json.nowhere"])
def test_a_module_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(RecipeError, match=f"--custom {name}: there is no module "):
        import_custom([name])


def test_a_module_of_another_folder_shows_its_line_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere/faulty.py").write_text("raise ValueError('no')\n")
    (folder / "here").mkdir()
    monkeypatch.chdir(folder / "here")
    monkeypatch.syspath_prepend(folder / "elsewhere")
    with pytest.raises(RecipeError, match=r"faulty.py, line 1: ValueError: no in: raise"):
        import_custom(["faulty"])
