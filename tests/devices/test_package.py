"""The runtime as one file."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import edgekit_runtime
from edgekit_devices.package import build_runtime, runtime_archive
from edgekit_runtime.errors import OutputError


def test_the_same_sources_give_the_same_bytes(tmp_path):
    first = build_runtime(tmp_path / "a.pyz").read_bytes()
    assert build_runtime(tmp_path / "b.pyz").read_bytes() == first == runtime_archive()


def test_it_holds_every_source_of_the_runtime_and_nothing_else(tmp_path):
    package = Path(edgekit_runtime.__file__).parent
    sources = {f"edgekit_runtime/{path.relative_to(package).as_posix()}" for path in package.rglob("*.py")}
    with zipfile.ZipFile(build_runtime(tmp_path / "a.pyz")) as archive:
        names = archive.namelist()
        assert set(names) == sources | {"__main__.py"}
        assert names[1:] == sorted(names[1:])
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_it_runs_by_itself_without_the_installed_package(tmp_path):
    path = build_runtime(tmp_path / "a.pyz")
    done = subprocess.run(
        [sys.executable, "-I", str(path), "bench", "none.tflite"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "none.tflite: no such file or directory." in done.stderr


def test_without_numpy_it_says_what_to_install(tmp_path):
    path = build_runtime(tmp_path / "a.pyz")
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(path), "bench", str(path)],  # -S: without the installed libraries
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "numpy is not installed" in done.stderr
    assert "pip install numpy" in done.stderr


def test_an_older_file_is_replaced_and_nothing_else_is_left(tmp_path):
    (tmp_path / "a.pyz").write_text("old")
    build_runtime(tmp_path / "a.pyz")
    assert zipfile.is_zipfile(tmp_path / "a.pyz")
    assert [path.name for path in tmp_path.iterdir()] == ["a.pyz"]


@pytest.mark.parametrize("name", ["none/a.pyz", "folder"])
def test_a_place_that_cannot_be_written_is_the_users_error_and_stays_as_it_was(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=f"{name}: cannot be written"):
        build_runtime(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert not list((tmp_path / "folder").iterdir())
