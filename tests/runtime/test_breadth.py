"""What is measured beside the runs, and that its failures cannot spoil them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgekit_runtime import breadth
from edgekit_runtime.breadth import measure_breadth
from edgekit_runtime.progress import silent
from edgekit_runtime.runs import BenchSettings, Workload
from edgekit_runtime.sensors.catalog import NONE
from edgekit_runtime.sensors.sensor import SensorError

QUICK = BenchSettings(warmup_s=0.0, sample_s=0.01, energy_s=0.02, timeout_s=60.0)


@pytest.fixture
def workload(dense: Path, tmp_path: Path) -> Workload:
    np.save(tmp_path / "input.npy", np.full((1, 8), 0.5, np.float32))
    return Workload(str(dense), "tflite", (str(tmp_path / "input.npy"),), QUICK)


@pytest.fixture
def no_sensor(monkeypatch):
    def none():
        raise SensorError(NONE)

    monkeypatch.setattr(breadth, "find_sensor", none)


def measure(workload, marks):
    return measure_breadth("m: running the model", workload, 1, 1e3, marks.append, silent)


def test_what_is_not_asked_for_is_not_measured_and_a_missing_sensor_is_a_reason(workload, no_sensor):
    marks: list[str] = []
    found = measure(workload, marks)
    assert found.arena_size.mode == "measured"
    assert "builtin kernels" in found.arena_size.method
    assert (found.energy.reason, found.weight_cache, found.throughput) == (NONE, None, None)
    assert marks == []


def test_each_stage_that_was_asked_for_is_marked_when_it_is_over(workload, no_sensor):
    marks: list[str] = []
    found = measure(replace(workload, settings=replace(QUICK, throughput=True, weight_cache=True)), marks)
    assert found.weight_cache is not None
    assert found.throughput is not None
    assert len(found.throughput.rows) == 1
    assert marks == ["weight cache", "throughput"]


def test_pinned_to_some_cores_no_more_arrangements_are_tried(workload, no_sensor, monkeypatch):
    tried = []
    monkeypatch.setattr(breadth, "measure_throughput", lambda _, __, cores, *___: tried.append(cores))
    pinned = replace(workload, settings=replace(QUICK, throughput=True, pin="0"))
    measure_breadth("m: running the model", pinned, 4, 1e3, lambda _: None, silent)
    assert tried == [1]


def test_a_model_that_fails_beside_the_runs_leaves_reasons_and_no_error(workload, no_sensor):
    gone = replace(
        workload, model=f"{workload.model}.gone", settings=replace(QUICK, throughput=True, weight_cache=True)
    )
    found = measure(gone, [])
    assert "gone" in found.arena_size.reason
    assert "gone" in found.weight_cache.reason
    assert "gone" in found.throughput.reason


def test_a_model_whose_tensors_lie_apart_has_no_arena(assets, workload, no_sensor):
    model = assets / "tricky/tflite/tflite__testdata__dynamic_shapes.bin"
    assert "has its place only in a run" in measure(replace(workload, model=str(model)), []).arena_size.reason


def test_energy_that_is_left_out_says_by_what(workload):
    found = measure(replace(workload, settings=replace(QUICK, energy_s=0.0)), [])
    assert found.energy.reason == "it was left out by --energy 0"
