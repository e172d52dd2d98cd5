"""What one fresh process measures."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from edgekit_runtime.child import Child, UnexpectedError
from edgekit_runtime.codec import decode, encode
from edgekit_runtime.errors import ModelError
from edgekit_runtime.measure import clock_mhz, measure
from edgekit_runtime.runs import BenchSettings, Run

SHORT = BenchSettings(warmup_s=0.0, sample_s=0.0, min_samples=7)

# The measuring process must stay small: none of these may be loaded by the time it ends.
HEAVY = ("threading", "subprocess", "queue", "argparse", "hashlib", "zipfile", "tempfile", "numpy.random",
         "pathlib", "edgekit_runtime.child", "edgekit_runtime.record", "edgekit_runtime.codec")  # fmt: skip


@pytest.fixture
def inputs(tmp_path: Path) -> list[str]:
    np.save(tmp_path / "input.npy", np.full((1, 8), 0.5, np.float32))
    return [str(tmp_path / "input.npy")]


def child() -> Child:
    return Child([sys.executable, "-m", "edgekit_runtime", "measure-process"], stage="measuring")


def request(model: Path, inputs: list[str], settings: BenchSettings = SHORT) -> dict[str, object]:
    return {"model": str(model), "format": "tflite", "inputs": inputs, "settings": encode(settings)}


def test_a_run_counts_at_least_the_samples_that_were_asked_for(dense, inputs):
    run = measure(str(dense), "tflite", inputs, SHORT)
    assert len(run.latency_ns) == 7
    assert run.warmup_ns == ()


def test_processor_time_is_counted_over_the_counted_inferences(dense, inputs):
    started = time.process_time_ns()
    run = measure(str(dense), "tflite", inputs, BenchSettings(warmup_s=0.05, sample_s=0.05))
    assert 0 < run.cpu_ns < time.process_time_ns() - started


def test_the_clock_is_told_where_the_system_does(tmp_path):
    assert clock_mhz(str(tmp_path)) is None
    path = tmp_path / "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq"
    path.parent.mkdir(parents=True)
    path.write_text("1500398\n")
    assert clock_mhz(str(tmp_path)) == pytest.approx(1500.398)


def test_warm_ups_are_kept_apart_and_a_fast_model_does_not_fill_the_record(dense, inputs):
    run = measure(str(dense), "tflite", inputs, BenchSettings(warmup_s=0.05, sample_s=0.2))
    assert len(run.warmup_ns) == 1000
    assert len(run.latency_ns) == 5000


def test_an_input_that_does_not_fit_is_a_model_error(dense, tmp_path):
    np.save(tmp_path / "wrong.npy", np.zeros((1, 3), np.float32))
    with pytest.raises(ModelError, match="dense"):
        measure(str(dense), "tflite", [str(tmp_path / "wrong.npy")], SHORT)


def test_the_process_answers_its_parent_with_a_run(dense, inputs):
    with child() as process:
        run = decode(Run, process.call("measure", request(dense, inputs), timeout_s=60))
    assert len(run.latency_ns) == 7
    assert run.memory.reason or run.memory.peak_rss_bytes > run.memory.baseline_rss_bytes


def test_a_model_that_the_interpreter_refuses_reaches_the_parent_as_its_own_error(tmp_path, inputs):
    (tmp_path / "cut.tflite").write_bytes(b"\x1c\0\0\0TFL3")
    with child() as process, pytest.raises(ModelError, match=r"cut\.tflite"):
        process.call("measure", request(tmp_path / "cut.tflite", inputs), timeout_s=60)


def test_a_bug_reaches_the_parent_as_a_traceback(dense):
    with child() as process, pytest.raises(UnexpectedError, match=r"FileNotFoundError.*none\.npy"):
        process.call("measure", request(dense, ["none.npy"]), timeout_s=60)


def test_the_process_ends_with_its_parent(dense, inputs):
    endless = BenchSettings(warmup_s=600.0)
    process = subprocess.Popen(
        [sys.executable, "-m", "edgekit_runtime", "measure-process"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    process.stdin.write(json.dumps({"call": "measure", "payload": request(dense, inputs, endless)}).encode() + b"\n")
    process.stdin.close()
    assert process.wait(timeout=60) == 0
    assert process.stdout.read() == b""
    process.stdout.close()


def test_the_process_ends_quietly_when_nobody_asks():
    argv = [sys.executable, "-m", "edgekit_runtime", "measure-process"]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_process_loads_nothing_that_weighs(dense, inputs):
    script = (
        "import sys\n"
        "from edgekit_runtime.__main__ import main\n"
        "main()\n"
        "print('loaded', *sys.modules, file=sys.stderr)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, "measure-process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    print(json.dumps({"call": "measure", "payload": request(dense, inputs)}), file=process.stdin, flush=True)
    log = process.stderr.read()  # its stdin stays open: it would end with it
    process.stdin.close()
    assert process.wait(timeout=60) == 0, log
    process.stderr.close()
    loaded = next(line.split()[1:] for line in log.splitlines() if line.startswith("loaded"))
    assert "edgekit_runtime.measure" in loaded
    assert not set(HEAVY) & set(loaded)
