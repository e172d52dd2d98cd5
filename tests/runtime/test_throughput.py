"""Throughput by threads and by interpreters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.errors import ModelError
from edgekit_runtime.progress import silent
from edgekit_runtime.runs import BenchSettings, Workload
from edgekit_runtime.throughput import arrangements, measure_throughput

QUICK = BenchSettings(warmup_s=0.0, sample_s=0.01, timeout_s=60.0)


@pytest.fixture
def workload(dense: Path, tmp_path: Path) -> Workload:
    np.save(tmp_path / "input.npy", np.full((1, 8), 0.5, np.float32))
    return Workload(str(dense), "tflite", (str(tmp_path / "input.npy"),), QUICK)


def test_four_cores_are_taken_by_threads_and_by_interpreters():
    assert list(arrangements(4)) == [(1, 1), (1, 2), (2, 1), (1, 3), (3, 1), (1, 4), (4, 1)]


@given(st.integers(1, 512))
def test_however_many_cores_the_ways_stay_few_and_all_cores_are_among_them(cores):
    ways = list(arrangements(cores))
    assert len(ways) == len(set(ways)) <= 31
    assert all(interpreters * threads <= cores for interpreters, threads in ways)
    assert {(1, cores), (cores, 1)} <= set(ways)


def test_each_way_is_measured_by_fresh_processes(workload):
    told = []
    found = measure_throughput("running", workload, 2, 1e3, lambda *progress: told.append(progress))
    assert [(row.interpreters, row.threads, len(row.inferences_per_s)) for row in found.rows] == [
        (1, 1, 5),
        (1, 2, 5),
        (2, 1, 5),
    ]
    assert told == [("throughput", done, 3) for done in range(4)]


def test_a_process_that_fails_is_the_models_error(workload):
    gone = replace(workload, model=f"{workload.model}.gone")
    with pytest.raises(ModelError, match="gone"):
        measure_throughput("running", gone, 2, 1e3, silent)
