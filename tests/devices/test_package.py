"""The runtime as one file."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib.metadata import distributions, version
from pathlib import Path

import numpy as np
import pytest

import edgekit_runtime
from edgekit_devices.package import build_runtime, runtime_archive, runtime_wheel
from edgekit_runtime.errors import OutputError

PACKAGE = Path(edgekit_runtime.__file__).parent
SOURCES = {f"edgekit_runtime/{path.relative_to(PACKAGE).as_posix()}" for path in PACKAGE.rglob("*.py")}
TEXTS = {f"edgekit_runtime/{name}" for name in ("LICENSE", "NOTICE", "py.typed")}


def test_the_same_sources_give_the_same_bytes(tmp_path):
    first = build_runtime(tmp_path / "a.pyz").read_bytes()
    assert build_runtime(tmp_path / "b.pyz").read_bytes() == first == runtime_archive()


def test_it_holds_every_source_of_the_runtime_with_its_licence_and_nothing_else(tmp_path):
    with zipfile.ZipFile(build_runtime(tmp_path / "a.pyz")) as archive:
        names = archive.namelist()
        assert set(names) == SOURCES | TEXTS | {"__main__.py"}
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


def test_the_licence_on_the_device_is_that_of_the_repository(repository):
    assert (PACKAGE / "LICENSE").read_bytes() == (repository / "LICENSE").read_bytes()


def test_a_wheel_in_a_folder_has_the_name_that_pip_expects(tmp_path):
    wheel = build_runtime(tmp_path, "wheel")
    assert wheel == tmp_path / f"edgekit_runtime-{version('edgekit')}-py3-none-any.whl"
    assert wheel.read_bytes() == runtime_wheel() == build_runtime(wheel, "wheel").read_bytes()


def test_a_wheel_of_another_name_is_refused_as_pip_would(tmp_path):
    with pytest.raises(OutputError, match=r"pip reads a wheel's name; allowed: a folder, or a file called edgekit_run"):
        build_runtime(tmp_path / "runtime.whl", "wheel")
    assert not list(tmp_path.iterdir())


def test_pip_installs_the_wheel_and_it_runs(tmp_path):
    wheel, target = build_runtime(tmp_path, "wheel"), tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*pip, "--target", target, wheel], check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-S", "-m", "edgekit_runtime", "--help"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(target), str(Path(np.__file__).parents[1])])},
        cwd=target,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "usage: edgekit-runtime" in done.stdout
    (found,) = distributions(path=[str(target)])
    assert (found.metadata["Name"], found.version) == ("edgekit-runtime", version("edgekit"))
    assert found.requires == ["numpy"]
    assert found.metadata["Requires-Python"] == ">=3.9"
    assert "Apache License" in found.read_text("licenses/LICENSE")
    assert "edgekit runtime" in found.read_text("licenses/NOTICE")
