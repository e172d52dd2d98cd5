"""edgekit.diagnosis: what works here, and the command for the rest."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from edgekit import diagnosis
from edgekit.diagnosis import ROUTES, Diagnosis, Route, doctor
from edgekit.distributions import installed, requirements_of


@pytest.fixture
def machine(monkeypatch):
    """Tells the doctor which versions are installed; what is not named is as edgekit was tried."""

    def with_versions(**found: str | None) -> Diagnosis:
        tried = {need.name: need.versions.removeprefix("==") for need in requirements_of(installed("edgekit"))}
        versions = {name.replace("_", "-"): version for name, version in found.items()}
        monkeypatch.setattr(diagnosis, "version_of", lambda name: versions.get(name, tried.get(name) or "99"))
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
    assert route(told, "convert a Keras model, as int8") == Route(
        "convert a Keras model, as int8", False, ("tensorflow",), (), "pip install 'edgekit[keras]'"
    )
    assert route(told, "run the demo").missing == ("tensorflow", "scikit-learn")
    assert route(told, "run the demo").command == "pip install 'edgekit[demo]'"
    assert route(told, "run and measure").works


def test_another_version_than_tried_works_but_is_told(machine):
    told = machine(keras="3.0.0")
    library = next(library for library in told.libraries if library.name == "keras")
    assert (library.installed, library.state) == ("3.0.0", "other version")
    found = route(told, "convert a Keras model, as float32")
    assert (found.works, found.untried, found.command) == (True, ("keras",), "pip install 'edgekit[keras]'")


def test_a_library_of_unknown_version_is_not_called_as_tried(machine):
    assert route(machine(tensorflow="unknown"), "convert").untried == ("tensorflow",)


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


@pytest.mark.parametrize("needs", ROUTES, ids=lambda needs: needs.does)
def test_the_extra_of_a_route_brings_each_of_its_libraries(needs):
    brought = {need.name: need for need in requirements_of(installed("edgekit")) if need.extra == needs.extra}
    indirect = {need.name for name in brought for need in requirements_of(installed(name)) if not need.extra}
    assert set(needs.libraries) <= set(brought) | indirect


def test_it_imports_none_of_the_libraries():
    code = (
        "import json, sys; from edgekit.diagnosis import ROUTES, doctor; doctor();"
        "print(json.dumps([name for name in ('tensorflow', 'keras', 'ai_edge_litert', 'sklearn', 'numpy')"
        " if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
