"""edgekit.distributions: what packages' metadata says, without importing them."""

from __future__ import annotations

import sys

import pytest

from edgekit.distributions import Requirement, allows, installed, requirements_of, version_of
from tests.package_files import write_package


@pytest.mark.parametrize(
    ("versions", "version", "fits"),
    [
        ("", "1.0", True),
        ("==2.21.0", "2.21.0", True),
        ("==2.21.0", "2.21.1", False),
        ("==2.21.0", "2.21.0+cpu", True),
        ("<3.14,>=3.11", "3.11.7", True),
        ("<3.14,>=3.11", "3.14.0", False),
        (">= 2.10", "2.9.9", False),
        ("!=1.5", "1.5", False),
        (">1.0,<=1.2", "1.2", True),
    ],
)
def test_a_version_fits_its_conditions(versions, version, fits):
    assert allows(versions, version) is fits


@pytest.mark.parametrize(
    ("line", "requirement"),
    [
        ("numpy", Requirement("numpy", "", "", "")),
        ("numpy>=1.23.2", Requirement("numpy", ">=1.23.2", "", "")),
        ("numpy (>=1.23.2)", Requirement("numpy", ">=1.23.2", "", "")),
        ("requests[socks]<3,>=2", Requirement("requests", "<3,>=2", "", "")),
        ("backports.strenum; extra == 'a'", Requirement("backports.strenum", "", "extra == 'a'", "a")),
        (
            'colorama>=1; platform_system == "Windows"',
            Requirement("colorama", ">=1", 'platform_system == "Windows"', ""),
        ),
    ],
)
def test_a_requirement_is_read(tmp_path, line, requirement):
    package = write_package(tmp_path, "thing", "1.0", f"Requires-Dist: {line}")
    assert list(requirements_of(package)) == [requirement]


def test_what_is_not_installed_needs_nothing_and_has_no_version():
    assert installed("no-such-package-here") is None
    assert list(requirements_of(None)) == []
    assert version_of("no-such-package-here") is None


def test_a_version_is_told_without_importing_the_package():
    assert version_of("scikit-learn") is not None
    assert version_of("numpy") == sys.modules["numpy"].__version__


def test_a_package_whose_modules_are_gone_is_missing(tmp_path, monkeypatch):
    write_package(tmp_path, "hollow", "1.0")
    monkeypatch.syspath_prepend(tmp_path)
    assert installed("hollow") is not None
    assert version_of("hollow") is None


def test_a_module_without_a_package_of_its_name_is_there_in_an_unknown_version(tmp_path, monkeypatch):
    (tmp_path / "nameless.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert version_of("nameless") == "unknown"
