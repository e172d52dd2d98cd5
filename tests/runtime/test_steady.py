"""A warm model that is run when it is told to."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from edgekit_runtime.errors import ModelError
from edgekit_runtime.handover import Window
from edgekit_runtime.processes import SteadyProcess
from edgekit_runtime.runs import BenchSettings, Workload
from edgekit_runtime.steady import Steady

QUICK = BenchSettings(warmup_s=0.0, timeout_s=60.0)


@pytest.fixture
def workload(dense: Path, tmp_path: Path) -> Workload:
    np.save(tmp_path / "input.npy", np.full((1, 8), 0.5, np.float32))
    return Workload(str(dense), "tflite", (str(tmp_path / "input.npy"),), QUICK)


def test_it_runs_from_the_beginning_of_the_window_to_its_end(workload):
    steady = Steady()
    steady.load(workload)
    begin_ns = time.perf_counter_ns() + 10_000_000
    pace = steady.run(Window(begin_ns, begin_ns + 20_000_000))
    assert time.perf_counter_ns() >= begin_ns + 20_000_000
    assert pace.inferences > 1


def test_a_window_that_is_over_still_has_one_inference(workload):
    steady = Steady()
    steady.load(workload)
    assert steady.run(Window(0, 0)).inferences == 1


def test_processes_share_the_clock_of_the_window(workload):
    with SteadyProcess("running", workload) as process:
        process.load()
        begin_ns = time.perf_counter_ns()
        pace = process.run(Window(begin_ns, begin_ns + 50_000_000))
    assert pace.inferences > 1
    assert 0 < pace.elapsed_ns < 2 * (time.perf_counter_ns() - begin_ns)


def test_a_model_that_cannot_be_loaded_is_the_models_error(workload, tmp_path):
    (tmp_path / "cut.tflite").write_bytes(b"\x1c\0\0\0TFL3")
    cut = Workload(str(tmp_path / "cut.tflite"), "tflite", workload.inputs, QUICK)
    with SteadyProcess("running", cut) as process, pytest.raises(ModelError, match=r"cut\.tflite"):
        process.load()
