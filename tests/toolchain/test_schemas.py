"""edgekit.schemas: each document has a schema, which takes what edgekit writes and refuses the rest."""

from __future__ import annotations

import importlib
import json
import pkgutil
import tomllib
from typing import Any

import pytest

import edgekit
import edgekit_converters
import edgekit_devices
import edgekit_runtime
import edgekit_targets
from edgekit.diagnosis import doctor
from edgekit.estimating import estimate
from edgekit.inspecting import inspect
from edgekit.licenses import licenses
from edgekit.reports.compare import compare
from edgekit.reports.render.json_text import comparison_json
from edgekit.schemas import schema, schema_names
from edgekit_converters.trail import StepResult, Trail
from edgekit_runtime.codec import dumps_document
from edgekit_runtime.errors import MissingExtraError, UserError
from edgekit_runtime.manifest import MANIFEST_FILE
from edgekit_targets.catalog import load_profile
from tests.bundle_files import dense_bundle

TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None)}


def fits(rule: dict[str, Any], tree: Any, root: dict[str, Any]) -> bool:
    """Whether a tree has the form of a schema; only the words that these schemas use are known."""
    if "$ref" in rule:
        return fits(root["$defs"][rule["$ref"].rpartition("/")[2]], tree, root)
    if "anyOf" in rule:
        return any(fits(arm, tree, root) for arm in rule["anyOf"])
    if "const" in rule or "enum" in rule:
        return tree in rule.get("enum", [rule.get("const")])
    if rule["type"] == "object":
        return isinstance(tree, dict) and fits_object(rule, tree, root)
    if rule["type"] == "array":
        return isinstance(tree, list) and all(fits(rule["items"], item, root) for item in tree)
    return isinstance(tree, TYPES[rule["type"]]) and isinstance(tree, bool) == (rule["type"] == "boolean")


def fits_object(rule: dict[str, Any], tree: dict[str, Any], root: dict[str, Any]) -> bool:
    known, others = rule.get("properties", {}), rule.get("additionalProperties", True)
    if set(rule.get("required", [])) - set(tree):
        return False
    for key, value in tree.items():
        if key not in known and not isinstance(others, dict):
            return False
        if not fits(known.get(key, others), value, root):
            return False
    return True


@pytest.fixture(scope="module")
def documents(tmp_path_factory, made) -> dict[str, Any]:
    """A document of each kind, as it is written."""
    bundle = dense_bundle(tmp_path_factory.mktemp("bundles"), "int8")
    reports = [made.report(10.0), made.report(20.0, seed=1)]
    written = {
        "comparison": comparison_json(compare(reports)),
        "diagnosis": dumps_document(doctor()),
        "estimates": dumps_document(estimate(bundle, target="host")),
        "evaluation": dumps_document(made.evaluation()),
        "inspection": dumps_document(inspect(bundle)),
        "licenses": dumps_document(licenses([bundle])),
        "manifest": (bundle / MANIFEST_FILE).read_text(),
        "record": dumps_document(made.record()),
        "report": dumps_document(reports[0]),
        "trail": dumps_document(Trail(75, (StepResult("export", "float32", 1000),))),
    }
    trees = {name: json.loads(text) for name, text in written.items()}
    return {**trees, "profile": tomllib.loads(load_profile("raspberry-pi-4b").toml.decode())}


def document_types() -> set[str]:
    """The schema of every document type in the five packages."""
    found = set()
    for package in (edgekit_runtime, edgekit_targets, edgekit_converters, edgekit_devices, edgekit):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "__main__" in module.name or ".keras" in module.name:
                continue  # programs, and what needs TensorFlow; no document is at home there
            try:
                members = vars(importlib.import_module(module.name))
            except MissingExtraError:
                continue
            found |= {kind.SCHEMA for kind in members.values() if isinstance(kind, type) and hasattr(kind, "SCHEMA")}
    return {name.removeprefix("edgekit/") for name in found}


def test_every_document_type_has_a_schema():
    assert document_types() == set(schema_names())


@pytest.mark.parametrize("name", schema_names())
def test_a_schema_is_of_the_dialect_it_names_and_tells_its_document(name):
    tree = schema(name)
    assert tree["$schema"].endswith("2020-12/schema")
    assert tree["properties"]["schema"] == {"const": f"edgekit/{name}"}
    assert {"schema", "version"} <= set(tree["required"])
    assert json.loads(json.dumps(tree)) == tree


def test_what_edgekit_writes_fits(documents):
    for name, tree in documents.items():
        assert fits(schema(name), tree, schema(name)), name


def test_what_it_would_not_read_does_not_fit(documents):
    for name, tree in documents.items():
        rule = schema(name)
        assert not fits(rule, {**tree, "version": 99}, rule), name
        assert not fits(rule, {**tree, "stranger": 1}, rule), name
        assert not fits(rule, {"schema": f"edgekit/{name}", "version": 1}, rule), name


def test_an_unknown_document_is_an_error_with_the_known_ones():
    with pytest.raises(UserError, match="There is no document 'novel'; allowed: answer, check, comparison"):
        schema("novel")
