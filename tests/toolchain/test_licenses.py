"""edgekit.licenses: the licences of all that comes onto a device."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgekit import licenses as module
from edgekit.licenses import licenses
from edgekit.pipeline.write_bundle import write_document
from edgekit_runtime.bundle import open_bundle
from edgekit_runtime.errors import BundleError
from edgekit_runtime.manifest import MANIFEST_FILE
from tests.bundle_files import dense_bundle
from tests.package_files import write_package

APACHE = "Classifier: License :: OSI Approved :: Apache Software License"
MIT = "Classifier: License :: OSI Approved :: MIT License"


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Makes these packages all that is installed: name to lines of metadata."""

    def only(**lines: tuple[str, ...]) -> dict[str, module.License]:
        found = {name: write_package(tmp_path, name, "1.0", *text) for name, text in lines.items()}
        monkeypatch.setattr(module, "installed", found.get)
        monkeypatch.setattr(module, "ON_DEVICE", ("numpy",))
        return {entry.name: entry for entry in licenses().entries}

    return only


def test_the_runtime_and_all_it_needs_are_listed_with_their_licences():
    entries = {entry.name: entry for entry in licenses().entries}
    assert next(iter(entries)) == "edgekit-runtime"
    assert entries["edgekit-runtime"].license.value == "Apache-2.0"
    assert "BSD-3-Clause" in entries["numpy"].license.value
    assert "Apache" in entries["ai-edge-litert"].license.value
    assert {"flatbuffers", "protobuf"} <= set(entries)
    assert len(entries) == len(licenses().entries)


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        (("License-Expression: MIT", "License: other", APACHE), "MIT"),
        (("License: Apache 2.0", APACHE), "Apache 2.0"),
        (("License: UNKNOWN", APACHE), "Apache Software License"),
        (("License: The MIT License\n        Copyright (c) all of us", APACHE), "Apache Software License"),
        ((APACHE, MIT), "Apache Software License, MIT License"),
    ],
)
def test_the_name_of_a_licence_stands_in_one_of_three_fields(packages, lines, name):
    assert packages(numpy=lines)["numpy"].license.value == name


def test_a_package_without_a_licence_and_one_that_is_not_here_say_so(packages):
    entries = packages(numpy=("Requires-Dist: absent",))
    assert entries["numpy"].license.reason == "its metadata names none"
    assert entries["absent"].license.reason == "it is not installed here, so its licence cannot be read"
    assert entries["absent"].version == ""


def test_needs_are_followed_once_and_without_extras_and_other_systems(packages):
    needs = ("Requires-Dist: tqdm", "Requires-Dist: numpy", "Requires-Dist: lark; extra == 'x'")
    windows = ("Requires-Dist: colorama; platform_system == 'Windows'",)
    assert list(packages(numpy=needs, tqdm=windows)) == ["edgekit-runtime", "numpy", "tqdm"]


def test_a_bundles_model_is_listed_with_what_was_told_at_its_conversion(tmp_path):
    folder = dense_bundle(tmp_path)
    entry = licenses([folder]).entries[-1]
    assert (entry.name, entry.version) == (str(folder), "float32")
    assert entry.license.reason == "not told at conversion (--license)"
    with open_bundle(folder) as bundle:
        write_document(folder, MANIFEST_FILE, replace(bundle.manifest, license="CC-BY-4.0"))
    assert licenses([folder]).entries[-1].license.value == "CC-BY-4.0"


def test_a_damaged_bundle_is_an_error(tmp_path):
    with pytest.raises(BundleError):
        licenses([tmp_path])
