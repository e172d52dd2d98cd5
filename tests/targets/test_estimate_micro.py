from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgekit_runtime.litert import tensor_places
from edgekit_targets.catalog import load_profile
from edgekit_targets.estimate.latency import machine_of, time_of
from edgekit_targets.estimate.micro import MICROS, Micro, overhead_chain
from edgekit_targets.estimate.work import loads_of, total, work_of
from edgekit_targets.graph.graph import Graph
from edgekit_targets.graph.tflite import read_tflite
from edgekit_targets.graph.tflite_write import Chain, write_chain
from edgekit_targets.profile import Profile, Speed
from edgekit_targets.sourced import Sourced

PI4 = load_profile("raspberry-pi-4b").profile


def read(chain: Chain, folder: Path) -> Graph:
    path = folder / "micro.tflite"
    path.write_bytes(write_chain(chain))
    return read_tflite(path)


def with_speed(macs_per_cycle: float) -> Profile:
    figure = Sourced(macs_per_cycle, "bcm2711", "verified")
    speed = Speed(figure, figure, figure, figure)
    return replace(PI4, cpu=replace(PI4.cpu, speed=speed))


@pytest.mark.parametrize("micro", MICROS)
def test_a_micro_benchmark_is_a_model_of_the_size_it_says(micro: Micro, tmp_path: Path) -> None:
    graph = read(micro.chain(), tmp_path)
    loads = loads_of(graph)
    assert sum(load.macs for load in loads) == micro.macs == micro.chain().macs
    assert {load.precision for load in loads} == {micro.precision}
    assert all(bool(load.depthwise_macs) == micro.depthwise for load in loads)
    moved = sum(load.weight_bytes + load.activation_bytes for load in loads)
    assert moved == pytest.approx(micro.moved_bytes, rel=0.01)


@pytest.mark.parametrize("chain", [*(micro.chain() for micro in MICROS), overhead_chain()])
def test_the_interpreter_takes_every_micro_benchmark(chain: Chain, tmp_path: Path) -> None:
    read(chain, tmp_path)
    assert len(tensor_places(str(tmp_path / "micro.tflite"))) >= chain.length


@pytest.mark.parametrize("micro", MICROS)
@pytest.mark.parametrize("macs_per_cycle", [0.8, 3.0])
def test_a_calibrated_profile_predicts_what_was_measured(micro: Micro, macs_per_cycle: float, tmp_path: Path) -> None:
    machine = machine_of(with_speed(macs_per_cycle))
    works = [work_of(load, machine.core.rates[load.precision]) for load in loads_of(read(micro.chain(), tmp_path))]
    parts = time_of(total(works), machine, 1)
    measured_ms = micro.macs / macs_per_cycle / (machine.clock_mhz * 1e3)
    assert parts.compute_ms + parts.cache_ms == pytest.approx(measured_ms, rel=0.02)


def test_speeds_that_were_not_measured_change_nothing() -> None:
    told = Sourced(9.0, "bcm2711", "estimated")
    guessed = replace(PI4, cpu=replace(PI4.cpu, speed=Speed(told, told, told, told)))
    assert machine_of(guessed).core is machine_of(PI4).core
