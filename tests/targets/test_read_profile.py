from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.errors import ProfileError
from edgekit_targets.contradictions import contradictions
from edgekit_targets.read_profile import read_profile

Tree = dict[str, Any]

GOOD: Tree = {
    "schema": "edgekit/profile",
    "version": 1,
    "name": "board",
    "summary": "a board",
    "boards": ["Board Model 1"],
    "runtimes": [{"name": "ai-edge-litert", "version": "2.3.0", "format": "tflite"}],
    "recipe": {"name": "int8", "reason": "it is fast", "source": "maker", "confidence": "vendor"},
    "cpu": {
        "cores": {"value": 4, "source": "maker", "confidence": "vendor"},
        "clock_mhz": {"value": 1500, "source": "maker", "confidence": "vendor", "note": "as sold"},
        "features": {"value": ["neon"], "source": "maker", "confidence": "verified"},
        "caches": {"l2_kib": {"value": 1024, "source": "maker", "confidence": "estimated"}},
    },
    "memory": {"ram_kib": {"value": 1048576, "source": "maker", "confidence": "vendor"}},
    "budgets": {"peak_rss_kib": 1000},
    "sources": {"maker": "The maker's data sheet, 2020"},
}


def to_toml(tree: Tree) -> bytes:
    """TOML takes JSON's scalars and lists as they are, and inline tables for the rest."""
    return "\n".join(f"{key} = {_inline(value)}" for key, value in tree.items()).encode()


def _inline(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_inline(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value)


def changed(*changes: Callable[[Tree], None]) -> bytes:
    tree = deepcopy(GOOD)
    for change in changes:
        change(tree)
    return to_toml(tree)


def faults_of(toml: bytes) -> list[str]:
    with pytest.raises(ProfileError) as caught:
        read_profile(toml, "board.toml")
    return caught.value.message.split("\n")


def test_a_profile_is_read_with_its_sources_bytes_and_checksum() -> None:
    toml = to_toml(GOOD)

    loaded = read_profile(toml, "board.toml")

    clock = loaded.profile.cpu.clock_mhz
    assert clock is not None
    assert (clock.value, clock.source, clock.confidence, clock.note) == (1500.0, "maker", "vendor", "as sold")
    assert loaded.profile.sources["maker"] == "The maker's data sheet, 2020"
    assert loaded.profile.budgets.peak_rss_kib == 1000
    assert loaded.toml == toml
    assert loaded.sha256 == hashlib.sha256(toml).hexdigest()


def test_what_is_not_known_is_absent() -> None:
    profile = read_profile(changed(lambda t: t.pop("cpu"), lambda t: t.pop("memory")), "board.toml").profile

    assert profile.cpu.clock_mhz is None
    assert profile.memory.ram_kib is None


FAULTS: dict[str, Callable[[Tree], None]] = {
    "name: missing; allowed: text": lambda t: t.pop("name"),
    "summary: is 7; allowed: text": lambda t: t.update(summary=7),
    "fpu: unknown; allowed: the keys": lambda t: t.update(fpu=1),
    "boards: is 1; allowed: a list, each text": lambda t: t.update(boards=1),
    'runtimes[0].name: is "tvm"; allowed: ai-edge-litert': lambda t: t["runtimes"][0].update(name="tvm"),
    'recipe.name: is "int3"; allowed: ': lambda t: t["recipe"].update(name="int3"),
    "recipe.source: is 'hearsay'; allowed: a key of [sources]: maker": lambda t: t["recipe"].update(source="hearsay"),
    "recipe.confidence: missing; allowed: verified, vendor, estimated": lambda t: t["recipe"].pop("confidence"),
    'cpu.cores.value: is "4"; allowed: a whole number': lambda t: t["cpu"]["cores"].update(value="4"),
    'cpu.cores.confidence: is "sure"; allowed: verified': lambda t: t["cpu"]["cores"].update(confidence="sure"),
    "cpu.cores.why: unknown; allowed: the keys value": lambda t: t["cpu"]["cores"].update(why="x"),
    "cpu.clock_mhz: value is -1; allowed: more than 0": lambda t: t["cpu"]["clock_mhz"].update(value=-1),
    "cpu.clock_mhz.source: is 'myth'; allowed": lambda t: t["cpu"]["clock_mhz"].update(source="myth"),
    'cpu.features.value[0]: is "mmx"; allowed: neon': lambda t: t["cpu"]["features"].update(value=["mmx"]),
    "cpu.caches.l4_kib: unknown; allowed: the keys l1_data_kib": lambda t: t["cpu"]["caches"].update(l4_kib=1),
    "memory.ram_kib: is 8; allowed: the keys value": lambda t: t["memory"].update(ram_kib=8),
    "budgets: peak_rss_kib not above 0; allowed: more than 0": lambda t: t["budgets"].update(peak_rss_kib=0),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_one_line_that_names_file_key_and_what_is_allowed(fault: str) -> None:
    (line,) = faults_of(changed(FAULTS[fault]))

    assert line.startswith(f"board.toml: {fault}")


@given(st.sets(st.sampled_from(sorted(FAULTS)), min_size=1))
def test_k_faults_give_k_lines(faults: set[str]) -> None:
    lines = faults_of(changed(*(FAULTS[fault] for fault in faults)))

    assert len(lines) == len(faults)
    for fault in faults:
        assert sum(line.startswith(f"board.toml: {fault}") for line in lines) == 1


def test_without_sources_every_figure_lacks_its_source() -> None:
    lines = faults_of(changed(lambda t: t.pop("sources")))

    assert "board.toml: sources: missing; allowed: keys with texts" in lines
    assert "board.toml: cpu.cores.source: is 'maker'; allowed: a key of [sources], which has none" in lines


def test_a_newer_version_is_refused() -> None:
    assert faults_of(changed(lambda t: t.update(version=2))) == ["board.toml: version: is 2; allowed: 1"]


def test_another_schema_is_refused() -> None:
    (line,) = faults_of(changed(lambda t: t.update(schema="edgekit/report")))

    assert line == "board.toml: schema: is 'edgekit/report'; allowed: 'edgekit/profile'"


@pytest.mark.parametrize("toml", [b"name = ", b"\xff\xfe", b"name = 1\nname = 2"])
def test_what_is_no_toml_is_refused(toml: bytes) -> None:
    (line,) = faults_of(toml)

    assert line.startswith("board.toml: it is no TOML in UTF-8: ")


def test_a_profile_without_runtimes_is_refused() -> None:
    assert faults_of(changed(lambda t: t.update(runtimes=[]))) == [
        "board.toml: document: runtimes is empty; allowed: at least one, or none beside an [npu]"
    ]


NPU: Tree = {
    "family": "edgetpu",
    **{
        key: {"value": value, "source": "maker", "confidence": "vendor"}
        for key, value in {"model": "NPU 1", "run_by": "a driver", "dtypes": ["int8"], "schemes": ["int8"]}.items()
    },
}
LINK: Tree = {"name": {"value": "USB 3", "source": "maker", "confidence": "vendor"}}


def test_a_target_with_an_accelerator_may_have_no_runtime_and_takes_what_its_compiler_takes() -> None:
    toml = changed(lambda t: t.update(runtimes=[], npu=NPU, link=LINK))

    profile = read_profile(toml, "board.toml").profile

    assert profile.npu is not None
    assert profile.link is not None
    assert (profile.npu.model.value, profile.npu.schemes.value, profile.link.name.value) == (
        "NPU 1",
        ("int8",),
        "USB 3",
    )
    assert (profile.runtimes, profile.formats) == ((), ("tflite",))


def test_contradictions_are_told_all_at_once() -> None:
    assert faults_of(changed(lambda t: t.update(runtimes=[], link=LINK))) == [
        "board.toml: document: runtimes is empty; allowed: at least one, or none beside an [npu]",
        "board.toml: document: link is given without an [npu] at its other end; allowed: both or no link",
    ]


def test_a_recipe_that_the_accelerator_does_not_take_is_a_contradiction() -> None:
    (fault,) = faults_of(changed(lambda t: t.update(npu=NPU), lambda t: t["recipe"].update(name="float32")))

    assert fault == "board.toml: document: recipe.name is float32, which npu.schemes does not hold; allowed: int8"


def fact(value: object) -> Tree:
    return {"value": value, "source": "maker", "confidence": "vendor"}


CONTRADICTIONS: dict[str, Callable[[Tree], None]] = {
    "power.idle_mw: is 9000, and power.busy_mw is 10; allowed: at most as much": lambda t: t.update(
        power={"idle_mw": fact(9000), "busy_mw": fact(10)}
    ),
    "budgets.latency_p50_ms: is 50, and budgets.latency_p99_ms is 10; allowed: at most as much": lambda t: t[
        "budgets"
    ].update(latency_p50_ms=50, latency_p99_ms=10),
    "budgets.peak_rss_kib: is 9000000000, and memory.ram_kib is ": lambda t: t["budgets"].update(
        peak_rss_kib=9_000_000_000
    ),
    "cpu.clock_mhz: is 1000000000; allowed: 1 to 20000, or is it in another unit?": lambda t: t["cpu"][
        "clock_mhz"
    ].update(value=1_000_000_000),
    "memory.bandwidth_mb_s: is 1e-06; allowed: 1 to 100000000": lambda t: t["memory"].update(
        bandwidth_mb_s=fact(0.000001)
    ),
    "cpu: features and features_absent both name neon; allowed": lambda t: t["cpu"].update(
        features=fact(["neon"]), features_absent=fact(["neon", "dotprod"])
    ),
    "npu.peak_gops: is 99999, and npu.macs_per_cycle and npu.clock_mhz make 256; allowed": lambda t: t.update(
        npu=NPU | {"peak_gops": fact(99999), "macs_per_cycle": fact(256), "clock_mhz": fact(500)}
    ),
}


def test_a_compiler_for_another_accelerator_is_a_contradiction() -> None:
    compiler = {"accelerator": "ethos-u85-256", "source": "maker", "confidence": "vendor"}
    u55 = NPU | {"family": "ethos-u", "model": fact("Ethos-U55-256"), "compiler": compiler}
    (line,) = faults_of(changed(lambda t: t.update(npu=u55)))
    assert "is ethos-u85-256, and npu.model names ethos-u55-256; allowed: the same" in line
    (line,) = faults_of(changed(lambda t: t.update(npu=NPU | {"compiler": compiler})))
    assert "is ethos-u85-256, and npu.family is edgetpu; allowed: one of that family" in line


@pytest.mark.parametrize("fault", CONTRADICTIONS)
def test_each_contradiction_is_one_line(fault: str) -> None:
    (line,) = faults_of(changed(CONTRADICTIONS[fault]))

    assert line.startswith(f"board.toml: {fault}")


@given(st.sets(st.sampled_from(sorted(CONTRADICTIONS)), min_size=1), st.booleans())
def test_no_fault_hides_a_contradiction(faults: set[str], with_others: bool) -> None:
    others: list[Callable[[Tree], None]] = [lambda t: t.update(fpu=1)] if with_others else []

    lines = faults_of(changed(*(CONTRADICTIONS[fault] for fault in faults), *others))

    assert len(lines) == len(faults) + len(others)
    for fault in faults:
        assert sum(line.startswith(f"board.toml: {fault}") for line in lines) == 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.just(10**400) | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=2),
    )
)
def test_figures_of_any_type_are_passed_over_by_what_looks_for_contradictions(value: object) -> None:
    tree = {"cpu": {"features": value, "clock_mhz": {"value": value}}, "power": value, "npu": value, "recipe": value}

    assert all(": " in fault for fault in contradictions(tree))


def test_a_runtime_that_does_not_read_its_format_is_a_contradiction() -> None:
    (fault,) = faults_of(changed(lambda t: t["runtimes"][0].update(format="onnx")))

    assert fault == "board.toml: runtimes[0]: format is onnx, which ai-edge-litert does not read; allowed: tflite"


def test_a_unit_that_is_missing_is_told_with_the_key_that_names_it() -> None:
    clock = {"value": 1500, "source": "maker", "confidence": "vendor"}

    (fault,) = faults_of(changed(lambda t: t["cpu"].update(clock=clock)))

    assert fault.startswith("board.toml: cpu.clock: unknown; allowed: the keys model, ")
    assert fault.endswith("; nearest: clock_mhz")


def test_a_profile_that_an_older_edgekit_put_into_a_bundle_is_read() -> None:
    older = Path(__file__).with_name("profile-of-0.1.0.toml")

    profile = read_profile(older.read_bytes(), str(older)).profile

    assert (profile.name, profile.npu, profile.cpu.speed) == ("raspberry-pi-4b", None, None)
    assert profile.budgets.peak_rss_kib == 524288
