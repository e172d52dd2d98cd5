"""edgekit_targets.estimate.fit: a check and an estimate say the same of whether a model fits."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit_targets.catalog import load_profile
from edgekit_targets.check import check_graph
from edgekit_targets.estimate.estimate import estimate
from edgekit_targets.estimate.subject import subject_of
from edgekit_targets.graph.graph import Graph
from edgekit_targets.graph.read import read_graph
from tests.graphs import POST_PROCESS, chain, mobilenet_v1, with_limit

ALLOWED_KIB = (10_000, 20_000, 40_000, 60_000, 90_000, 200_000, 400_000)
BUDGETS = ("peak_rss_kib", "model_memory_kib", "model_size_kib")
MADE = (
    mobilenet_v1(),
    mobilenet_v1("int8"),
    chain("RELU", "Strange", custom=True),
    chain(POST_PROCESS, custom=True),
)


@pytest.mark.parametrize("graph", MADE, ids=["float32", "int8", "custom", "taught"])
@pytest.mark.parametrize("budget", [*BUDGETS, "ram_kib"])
def test_a_check_and_an_estimate_say_the_same_of_a_processor(graph: Graph, budget: str, tmp_path: Path) -> None:
    file = tmp_path / "model.tflite"
    file.write_bytes(bytes(17_000_000))
    outcomes = set()
    for allowed in ALLOWED_KIB:
        profile = with_limit(load_profile("raspberry-pi-4b").profile, budget, allowed)
        check = check_graph(graph, file, "model", profile)
        found = estimate(subject_of(graph, file.stat().st_size), profile)
        assert check.fits == (found.fit != "does not fit"), (allowed, found.fit_reason)
        unknown = check.fits and "cpu-memory-unknown" in [finding.rule for finding in check.findings]
        assert unknown == (found.fit == "unknown"), (allowed, found.fit_reason)
        outcomes.add(found.fit)
    assert "does not fit" in outcomes


REAL = (
    "mlperf-tiny/vww_96_int8.tflite",
    "tflite-support/mobilenet_v1_0.25_224_quant.tflite",
    "tricky/tflite/*im2col.bin",
)


@pytest.mark.parametrize("target", ["pixel-3", "raspberry-pi-zero-2w", "raspberry-pi-4b", "cortex-a76"])
@pytest.mark.parametrize("pattern", [*REAL, "tricky/tflite/*lstm*", "tricky/onnx/light*squeezenet*"])
def test_a_check_and_an_estimate_say_the_same_of_real_models(pattern: str, target: str, assets: Path) -> None:
    profile = load_profile(target).profile
    for model in sorted(assets.glob(pattern)):
        graph = read_graph(model)
        found = estimate(subject_of(graph, model.stat().st_size), profile)
        assert check_graph(graph, model, str(model), profile).fits == (found.fit != "does not fit"), model.name
