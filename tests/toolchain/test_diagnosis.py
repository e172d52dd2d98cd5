"""edgekit.diagnosis: what works here, and the command for the rest."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib

import pytest

from edgekit import diagnosis
from edgekit.diagnosis import Diagnosis, Route, doctor
from edgekit.distributions import installed, requirements_of
from edgekit.routes import ROUTES


@pytest.fixture
def machine(monkeypatch):
    """Tells the doctor which versions are installed; what is not named is as edgekit was tried, every program too."""

    monkeypatch.setattr(diagnosis, "which", lambda name: f"/usr/bin/{name}")

    def with_versions(**found: str | None) -> Diagnosis:
        # Of `<2.14,>=2.13` the lowest that fits, which is told last.
        numbers = {need.name: re.findall(r"[\d.]+", need.versions) for need in requirements_of(installed("edgekit"))}
        tried = {name: found[-1] for name, found in numbers.items() if found}
        versions = {name.replace("_", "-"): version for name, version in found.items()}
        monkeypatch.setattr(diagnosis, "version_of", lambda name: versions.get(name, tried.get(name, "99")))
        return doctor()

    return with_versions


def route(told: Diagnosis, start: str) -> Route:
    return next(route for route in told.routes if route.does.startswith(start))


def test_where_all_is_as_tried_everything_works_and_no_command_is_needed(machine):
    told = machine()
    assert {library.state for library in told.libraries} == {"fits"}
    assert all(route.works and not route.command for route in told.routes)


def test_a_missing_library_stops_its_routes_and_no_other(machine):
    told = machine(tensorflow=None, scikit_learn=None)
    assert route(told, "convert Keras to .tflite") == Route(
        "convert Keras to .tflite", False, ("tensorflow",), (), "pip install 'edgekit[keras]'"
    )
    assert route(told, "run the demo").missing == ("tensorflow", "scikit-learn")
    assert route(told, "run the demo").command == "pip install 'edgekit[demo]'"
    working = [found.does for found in told.routes if found.works]
    assert len(working) == len(ROUTES) - 3  # Keras to both formats, and the demo
    assert {"convert PyTorch to .tflite", "run and measure .tflite"} <= set(working)


def test_pytorch_is_installed_first_and_a_route_without_extra_by_name(machine):
    told = machine(torch=None, ai_edge_quantizer=None)
    onnx = route(told, "convert PyTorch to .onnx").command
    assert onnx == "pip install torch==2.13.0 && pip install 'edgekit[torch,onnx]'"
    quantize = route(told, "quantize .tflite")
    assert quantize.command.startswith("pip install ai-edge-litert==")
    assert " ai-edge-quantizer==" in quantize.command


def test_a_missing_program_comes_with_the_systems_own_packages(machine, monkeypatch):
    monkeypatch.setattr(diagnosis, "which", lambda name: None)
    found = route(machine(), "emulate boards")
    assert (found.works, found.missing) == (False, ("qemu-aarch64", "gcc"))
    assert found.command == "sudo apt install qemu-user gcc debian-archive-keyring"


@pytest.mark.parametrize(
    ("system", "impossible"),
    [("Windows", {"convert PyTorch to .tflite", "emulate boards"}), ("Darwin", {"emulate boards"}), ("Linux", set())],
)
def test_what_no_command_enables_here_says_why(machine, monkeypatch, system, impossible):
    monkeypatch.setattr(diagnosis.platform, "system", lambda: system)
    told = machine()
    assert {found.does for found in told.routes if found.reason} == impossible
    assert all(not found.works and not found.command for found in told.routes if found.reason)


def test_another_version_than_tried_works_but_is_told(machine):
    told = machine(keras="3.0.0")
    library = next(library for library in told.libraries if library.name == "keras")
    assert (library.installed, library.state) == ("3.0.0", "other version")
    found = route(told, "convert Keras to .tflite")
    assert (found.works, found.untried, found.command) == (True, ("keras",), "pip install 'edgekit[keras]'")


def test_a_library_of_unknown_version_is_not_called_as_tried(machine):
    assert route(machine(tensorflow="unknown"), "convert Keras").untried == ("tensorflow",)


def test_edgekits_own_libraries_come_first(machine):
    names = [library.name for library in machine().libraries]
    assert names[:2] == ["click", "numpy"]
    assert len(names) == len(set(names))


def test_python_is_held_against_what_edgekit_is_made_for(machine, monkeypatch):
    assert machine().python_fits
    monkeypatch.setattr(diagnosis.platform, "python_version", lambda: "3.9.2")
    assert not machine().python_fits


def test_edgekit_may_run_without_being_installed(monkeypatch):
    monkeypatch.setattr(diagnosis, "installed", lambda name: None)
    told = doctor()
    assert (told.edgekit, told.python_versions, told.python_fits) == ("unknown", "", True)
    assert {library.versions for library in told.libraries} == {""}


@pytest.mark.parametrize("needs", [needs for needs in ROUTES if needs.extra], ids=lambda needs: needs.does)
def test_the_extra_of_a_route_brings_each_of_its_libraries(needs, repository):
    extras = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["optional-dependencies"]

    def brought(names: str) -> set[str]:
        lines = [line for name in names.split(",") for line in extras[name]]
        nested = [line.removeprefix("edgekit[").removesuffix("]") for line in lines if line.startswith("edgekit[")]
        return {re.split("[<>=]", line)[0] for line in lines}.union(*map(brought, nested))

    direct = brought(needs.extra)
    indirect = {need.name for name in direct for need in requirements_of(installed(name)) if not need.extra}
    assert set(needs.libraries) <= direct | indirect


def test_it_imports_none_of_the_libraries():
    code = (
        "import json, sys; from edgekit.diagnosis import doctor; doctor();"
        "heavy = ('tensorflow', 'keras', 'torch', 'onnx', 'ai_edge_litert', 'sklearn', 'numpy');"
        "print(json.dumps([name for name in heavy"
        " if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
