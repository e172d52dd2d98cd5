"""edgekit_targets.vela and rules.ethos_u: Vela itself, really run; what it says, what it places, how it fails."""

from __future__ import annotations

import importlib.metadata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgekit_runtime.errors import EdgekitError, MissingExtraError, ProfileError
from edgekit_targets.catalog import load_profile
from edgekit_targets.check import check_graph, judge
from edgekit_targets.findings import Check
from edgekit_targets.graph.graph import Graph, Operator
from edgekit_targets.graph.read import read_graph
from edgekit_targets.npu import Npu
from edgekit_targets.sourced import Sourced
from edgekit_targets.vela.blank import without_weights
from edgekit_targets.vela.room import beyond_chip
from edgekit_targets.vela.vela import VelaError, compile_with_vela, operator_rules, sort_operators, vela_version
from tests.graphs import GraphMaker
from tests.tflite_files import write_dense, write_int8_dense

TARGETS = ("ethos-u55-256", "ethos-u65-512", "ethos-u85-256")
EXPLAINED = {
    "litert__test__testdata__precompiled_mediatek_model.tflite": (
        "the check refuses a file that is compiled already; Vela hands its one custom operator through"
    ),
    "litert__test__testdata__simple_model_npu_mediatek_mt6989_precompiled.tflite": "likewise",
}
RENAMED = {"CAST", "NPU_OP"}  # Vela gives the output of some operators that it hands through another name


def npu_of(target: str) -> Npu:
    npu = load_profile(target).profile.npu
    assert npu is not None
    return npu


def held(file: Path, target: str) -> Check:
    return check_graph(read_graph(file), file, str(file), load_profile(target).profile)


def compiled(file: Path, target: str, folder: Path) -> Graph:
    compiler = npu_of(target).compiler
    assert compiler is not None
    return read_graph(compile_with_vela(file, compiler, folder).file)


def test_an_integer_model_runs_whole_on_the_accelerator(tmp_path: Path) -> None:
    check = held(write_int8_dense(tmp_path)[1], "ethos-u55-256")

    assert check.fits
    assert check.placement is not None
    assert check.placement.operators.value == check.operators.value
    assert check.rules == f"Vela {vela_version()}"


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ({}, []),
        ({"sram_kib": 4096, "flash_kib": 4096}, []),
        ({"sram_kib": 16}, ["KiB of SRAM, and the chip has 16 KiB"]),
        (
            {"sram_kib": 16, "flash_kib": 64},
            ["KiB of SRAM, and the chip has 16 KiB", "KiB of flash, and the chip has 64 KiB"],
        ),
    ],
)
def test_what_vela_says_is_held_against_the_chip(assets: Path, sizes: dict[str, int], told: list[str]) -> None:
    file = assets / "mlperf-tiny/pretrainedResnet_quant.tflite"
    profile = load_profile("ethos-u55-256").profile
    npu = replace(npu_of("ethos-u55-256"), **{key: Sourced(size, "mine", "verified") for key, size in sizes.items()})

    check = check_graph(read_graph(file), file, str(file), replace(profile, npu=npu))

    assert check.fits == (not told)
    assert [finding.rule for finding in check.findings] == ["beyond-chip"] * len(told)
    assert all(words in finding.reason for words, finding in zip(told, check.findings, strict=True))


def test_weights_are_blank_where_no_rule_reads_them(assets: Path) -> None:
    file = assets / "mlperf-tiny/pretrainedResnet_quant.tflite"
    content, graph = file.read_bytes(), read_graph(file).main

    blank = without_weights(file, graph)

    weights = {op.inputs[1] for op in graph.operators if op.name == "CONV_2D"}
    large = [graph.tensors[place].data for place in weights if place is not None]
    zeros = sum(data.nbytes for data in large if data is not None and data.nbytes >= 4096)
    assert len(blank) == len(content)
    changed = np.frombuffer(blank, np.uint8) != np.frombuffer(content, np.uint8)
    assert zeros * 0.9 < np.count_nonzero(changed) <= zeros
    assert not np.frombuffer(blank, np.uint8)[changed].any()


def test_an_output_channel_whose_weights_are_too_many_keeps_them(tmp_path: Path) -> None:
    folder = tmp_path / "wide"
    folder.mkdir()
    made = GraphMaker("int8")
    source = made.tensor(1, 70_000)
    out = made.operator("FULLY_CONNECTED", (source, made.weights(8, 70_000)), 1, 8)
    subgraph = made.graph(source, out, "tflite").main
    file = folder / "file"
    weights = next(tensor.data for tensor in subgraph.tensors if tensor.data is not None)
    file.write_bytes(bytes(weights))

    assert without_weights(file, subgraph) == bytes(weights)


def test_sram_that_is_a_cache_holds_no_model(tmp_path: Path) -> None:
    npu = replace(npu_of("ethos-u65-512"), sram_kib=Sourced(1, "mine", "verified"))
    assert beyond_chip(write_int8_dense(tmp_path)[1], npu) == ()


def test_a_float_model_is_told_the_command_that_makes_it_integer(tmp_path: Path) -> None:
    check = held(write_dense(tmp_path / "float.tflite"), "ethos-u55-256")

    assert not check.fits
    assert check.placement is not None
    assert check.placement.partitions.value == 0
    assert "edgekit convert MODEL --target ethos-u55-256 --quantize int8 --calibrate DATA" in check.findings[0].fix


@pytest.mark.parametrize("accelerator", ["ethos-u55-256", "ethos-u65-512", "ethos-u85-256"])
def test_rules_are_velas_own(accelerator: str) -> None:
    rules = operator_rules(accelerator)

    assert "CONV_2D" in rules
    assert any("Feature-map dataTypes" in rule for rule in rules["CONV_2D"])


def test_a_vela_that_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("edgekit_targets.vela.vela.version", version)
    with pytest.raises(MissingExtraError, match="is not installed") as caught:
        held(write_dense(tmp_path / "float.tflite"), "ethos-u55-256")
    assert caught.value.hint == "Run: pip install 'edgekit[ethos-u]'"


def test_a_vela_that_is_too_old_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgekit_targets.vela.vela.version", lambda _: "3.10.0")
    with pytest.raises(MissingExtraError, match=r"Vela 3\.10\.0 is too old; allowed: 5\.2 or newer"):
        operator_rules("ethos-u55-256")


def test_a_system_that_vela_does_not_know_is_told_as_the_profiles_fault(tmp_path: Path) -> None:
    compiler = npu_of("ethos-u55-256").compiler
    assert compiler is not None
    model = write_dense(tmp_path / "float.tflite")

    with pytest.raises(ProfileError, match="Vela knows no such system: ethos-u55-256, Mine, Shared_Sram"):
        sort_operators(model, read_graph(model).main, replace(compiler, system_config="Mine"))


def test_what_vela_refuses_comes_back_as_an_operator_of_the_model(assets: Path) -> None:
    file = assets / "tricky/tflite/tflite__testdata__add_quantized_int8.bin"

    check = held(file, "ethos-u55-256")

    assert not check.fits
    assert "Vela compiles nothing of it: ADD add: For IFM that are signed, OFM must also be signed" in " ".join(
        finding.reason for finding in check.findings
    )
    assert any(place.name == "ADD" for finding in check.findings for place in finding.places)


def test_what_vela_does_not_compile_is_an_error_that_names_the_operator(assets: Path, tmp_path: Path) -> None:
    with pytest.raises(VelaError, match="ADD add: For IFM that are signed") as caught:
        compiled(assets / "tricky/tflite/tflite__testdata__add_quantized_int8.bin", "ethos-u55-256", tmp_path)
    assert [refusal.tensor for refusal in caught.value.refusals] == ["add"]


def test_a_compiled_file_is_refused_by_processors_and_recognized_by_accelerators(tmp_path: Path) -> None:
    model = write_int8_dense(tmp_path)[1]
    folder = tmp_path / "out"
    folder.mkdir()
    compiled(model, "ethos-u55-256", folder)
    (file,) = folder.glob("*_vela.tflite")

    assert held(file, "raspberry-pi-5").findings[0].rule == "cpu-compiled"
    assert "compiled already" in held(file, "ethos-u55-256").findings[0].reason


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["pretrainedResnet_quant", "kws_ref_model", "vww_96_int8"])
def test_vela_really_compiles_models_of_others(name: str, target: str, assets: Path, tmp_path: Path) -> None:
    file = assets / f"mlperf-tiny/{name}.tflite"

    graph = compiled(file, target, tmp_path)

    assert [operator.name for operator in graph.main.operators] == ["ethos-u"]
    assert held(file, target).fits


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_the_checks_placement_is_velas_own_on_every_tricky_file(target: str, assets: Path, tmp_path: Path) -> None:
    disagreements: dict[str, str] = {}
    agreed = 0
    for file in sorted((assets / "tricky/tflite").iterdir()):
        try:
            graph = read_graph(file)
        except EdgekitError:
            continue  # no graph to check
        told = _disagreement(file, graph, target, tmp_path)
        if told:
            disagreements[file.name] = told
        else:
            agreed += 1

    assert {name: why for name, why in disagreements.items() if name not in EXPLAINED} == {}
    assert disagreements.keys() == EXPLAINED.keys(), "what agrees again is no longer explained"
    assert agreed > 60


def _disagreement(file: Path, graph: Graph, target: str, folder: Path) -> str:
    verdict = judge(graph, file, npu_of(target))
    try:
        out = compiled(file, target, folder)
    except EdgekitError as error:
        return "" if verdict.failure else f"only Vela fails: {error}"
    if verdict.failure:
        return f"only the check fails: {verdict.failure}"
    mine = {_key(graph, graph.main.operators[refused.place.operator]) for refused in verdict.refused}
    velas = {_key(out, operator) for operator in out.main.operators if operator.name != "ethos-u"}
    return "" if mine == velas else f"the check alone: {mine - velas}; Vela alone: {velas - mine}"


def _key(graph: Graph, operator: Operator) -> tuple[str, tuple[str, ...]]:
    names = () if operator.name in RENAMED else tuple(tensor.name for tensor in graph.main.tensors_of(operator.outputs))
    return operator.name, names
