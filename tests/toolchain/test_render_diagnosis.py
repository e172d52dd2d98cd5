"""edgekit.reports.render.diagnosis: what works here, and licences, on 80 columns."""

from __future__ import annotations

import io

from rich.console import Console

from edgekit.diagnosis import Diagnosis, LibraryState, Route
from edgekit.licenses import License, Licenses
from edgekit.reports.render.diagnosis import print_diagnosis, print_licenses
from edgekit_runtime.record import Fact

COMMAND = "pip install 'edgekit[keras]'"


def diagnosis(*, python_fits: bool = True) -> Diagnosis:
    return Diagnosis(
        edgekit="0.1.0",
        python="3.11.2",
        python_versions=">=3.11",
        python_fits=python_fits,
        executable="/usr/bin/python3",
        system="Linux",
        libraries=(
            LibraryState("click", ">=8.1", "8.2", "fits"),
            LibraryState("keras", "==3.15.1", "3.0", "other version"),
            LibraryState("flatbuffers", "", None, "missing"),
        ),
        routes=(
            Route("run", True, (), (), ""),
            Route("quantize", True, (), ("keras",), COMMAND),
            Route("inspect", False, ("flatbuffers",), (), COMMAND),
            Route("emulate", False, (), (), "", "it runs on Linux alone"),
        ),
    )


def shown(print_it, document) -> list[str]:
    out = io.StringIO()
    print_it(document, Console(file=out, width=80, highlight=False))
    return [" ".join(line.split()) for line in out.getvalue().splitlines()]


def test_libraries_and_routes_are_told_with_the_command():
    lines = shown(print_diagnosis, diagnosis())
    assert lines[0] == "edgekit 0.1.0 on Python 3.11.2, Linux"
    assert "click 8.2 >=8.1" in lines
    assert "keras 3.0 3.15.1 other version" in lines
    assert "flatbuffers - any missing" in lines
    assert "run yes" in lines
    assert f"quantize yes, but keras is not as tried: {COMMAND}" in lines
    assert f"inspect no, flatbuffers missing: {COMMAND}" in lines
    assert "emulate no: it runs on Linux alone" in lines
    assert not [line for line in lines if line.startswith("warning")]


def test_a_python_that_does_not_fit_is_a_warning():
    assert "warning: edgekit is made for Python >=3.11" in shown(print_diagnosis, diagnosis(python_fits=False))


def test_licences_are_told_or_why_not():
    entries = (
        License("numpy", "2.4", Fact("BSD-3-Clause"), "by pip"),
        License("thing", "", Fact(reason="not here"), "by pip"),
    )
    lines = shown(print_licenses, Licenses(entries))
    assert "numpy 2.4 BSD-3-Clause by pip" in lines
    assert "thing - unknown: not here by pip" in lines
