"""edgekit_targets.fixes: every fix tells what it takes, and its words agree with that."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from edgekit_targets import check, rules
from edgekit_targets.catalog import load_profile
from edgekit_targets.check import check_graph
from edgekit_targets.fixes import COSTS, Fix, Need
from edgekit_targets.graph.read import read_graph
from edgekit_targets.names import NpuFamily
from edgekit_targets.rules.catalog import family_of
from edgekit_targets.rules.cpu import SLOW
from edgekit_targets.rules.ethos_u import FIXES
from tests.graphs import mobilenet_v1, with_limit

WORDS: dict[str, Need] = {
    "--calibrate": "samples",
    "--prune": "training",
    "--shape": "shapes",
    "--format": "format",
    "profile of your own": "figure",
    "--device": "device",
    "Toolkit": "vendor",
}
"""From words of a fix to what it takes."""
MODULES = [
    check,
    *(importlib.import_module(found.name) for found in pkgutil.iter_modules(rules.__path__, "edgekit_targets.rules.")),
]


def every_fix() -> Iterator[tuple[str, Fix]]:
    for name in get_args(NpuFamily):
        family = family_of(name)
        for rule in () if family is None else family.rules:
            yield f"{name}-{rule.name}", rule.fix
    yield from (("vela", fix) for fix in FIXES.values())
    yield from ((rule, fix) for rule, _, fix, _ in SLOW)
    for module in MODULES:
        yield from ((f"{module.__name__}.{name}", one) for name, one in vars(module).items() if isinstance(one, Fix))


def test_every_need_has_its_cost_in_words() -> None:
    assert set(COSTS) == set(get_args(Need))


@pytest.mark.parametrize(("name", "fix"), tuple(every_fix()))
def test_every_fix_tells_what_it_takes_and_its_words_agree(name: str, fix: Fix) -> None:
    assert fix.needs in COSTS, name
    named = {need for words, need in WORDS.items() if words in fix.text}
    assert named <= {fix.needs}, name


def test_every_rule_is_looked_at() -> None:
    rules_seen = {name for name, _ in every_fix()}
    assert {"edgetpu-float", "neutron-scale-of-weights", "hailo-quantized", "rockchip-input-size", "vela"} <= rules_seen


@pytest.mark.parametrize(("dtype", "needs"), [("float32", "samples"), ("int8", "training")])
def test_a_model_that_is_too_large_is_quantized_first_and_pruned_where_it_is(
    dtype: str, needs: Need, tmp_path: Path
) -> None:
    file = tmp_path / "model.tflite"
    file.write_bytes(bytes(17_000_000))
    profile = with_limit(load_profile("raspberry-pi-4b").profile, "model_size_kib", 10)
    (finding,) = [f for f in check_graph(mobilenet_v1(dtype), file, "m", profile).findings if f.severity == "error"]
    assert finding.needs == needs
    assert ("--quantize" in finding.fix) == (dtype == "float32")


def test_a_float_file_that_vela_refuses_as_a_whole_is_to_be_quantized(assets: Path) -> None:
    pytest.importorskip("ethosu")
    file, profile = assets / "tflite-micro/trained_lstm.tflite", load_profile("ethos-u55-256").profile
    finding = check_graph(read_graph(file), file, "lstm", profile).findings[0]
    assert "Vela compiles nothing of it" in finding.reason
    assert finding.needs == "samples"
    assert "--quantize int8 --calibrate DATA" in finding.fix


@pytest.mark.parametrize("target", ["coral-dev-board", "ethos-u55-256", "imx-neutron", "hailo-8", "raspberry-pi-4b"])
def test_every_finding_of_odd_files_tells_what_its_fix_takes(assets: Path, target: str) -> None:
    profile = load_profile(target).profile
    if profile.npu is not None and profile.npu.compiler is not None:
        pytest.importorskip("ethosu")
    for path in sorted((assets / "tflite-micro").glob("*.tflite")):
        found = check_graph(read_graph(path), path, path.name, profile)
        assert all(finding.needs in COSTS for finding in found.findings), path.name
