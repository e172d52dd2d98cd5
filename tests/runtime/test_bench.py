"""Measuring a model: golden outputs first, then fresh processes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from edgekit_runtime.bench import bench, check, run_until_precise, time_limit_s
from edgekit_runtime.bundle import sha256_of
from edgekit_runtime.child import Child, ChildError
from edgekit_runtime.codec import dumps_document, loads_document
from edgekit_runtime.errors import BundleError, DeviceError, ModelError
from edgekit_runtime.progress import silent
from edgekit_runtime.record import Record
from edgekit_runtime.runs import BenchSettings
from tests.tflite_files import write_free_batch

SHORT = BenchSettings(max_runs=5, warmup_s=0.0, sample_s=0.0, min_samples=3, timeout_s=60.0, energy_s=0.0)


def test_measuring_ends_when_the_interval_of_the_median_is_narrow(make_run):
    runs, precise = run_until_precise(lambda: make_run(100), BenchSettings(), silent)
    assert precise
    assert len(runs) == 5


def test_a_first_run_that_strays_costs_more_runs_until_the_interval_is_narrow(make_run):
    latencies = iter([104, *[100] * 19])
    runs, precise = run_until_precise(lambda: make_run(next(latencies)), BenchSettings(), silent)
    assert precise
    assert 5 < len(runs) < 20


def test_measuring_that_never_becomes_precise_ends_at_the_limit_and_says_so(make_run):
    latencies = iter([100, 200] * 10)
    runs, precise = run_until_precise(lambda: make_run(next(latencies)), BenchSettings(), silent)
    assert not precise
    assert len(runs) == 20


def test_progress_never_goes_back_the_runs_beyond_the_least_number_are_a_stage_of_their_own(make_run):
    told = []
    latencies = iter([100, 200] * 4)
    settings = BenchSettings(max_runs=7)
    run_until_precise(lambda: make_run(next(latencies)), settings, lambda *progress: told.append(progress))
    more = "measure until the median is precise"
    assert told == [("measure", i, 5) for i in range(6)] + [(more, i, 2) for i in range(3)]


def test_progress_of_a_median_that_becomes_precise_early_ends_at_the_whole(make_run):
    told = []
    latencies = iter([104, *[100] * 19])
    run_until_precise(lambda: make_run(next(latencies)), BenchSettings(), lambda *progress: told.append(progress))
    assert told[-1] == ("measure until the median is precise", 15, 15)
    assert 6 < len(told) < 20


def test_a_bundle_is_checked_first_and_its_record_survives_the_file(make_bundle):
    path = make_bundle()
    told = []
    record = bench(path, SHORT, lambda *progress: told.append(progress))
    assert told[:2] == [("check golden outputs", 0, 1), ("check golden outputs", 1, 1)]
    assert record.golden.samples == 4
    assert record.golden.worst <= record.golden.limit
    assert record.model.bundle_digest == sha256_of(path / "manifest.json")
    assert record.model.sha256 == sha256_of(path / "model.tflite")
    assert record.model.scheme == "float32"
    assert record.environment.interpreter.startswith("ai-edge-litert ")
    assert [len(run.latency_ns) for run in record.runs] == [3] * 5
    assert loads_document(Record, dumps_document(record)) == record
    assert [moment.stage for moment in record.moments] == ["begin"] + ["latency"] * 5
    assert record.arena_size.mode == "measured"
    assert record.energy.reason == "it was left out by --energy 0"
    assert (record.weight_cache, record.throughput) == (None, None)


def test_a_bare_file_is_measured_and_says_that_nothing_was_checked(assets):
    record = bench(assets / "mlperf-tiny/vww_96_int8.tflite", SHORT)
    assert record.golden.samples == 0
    assert "no golden outputs" in record.golden.reason
    assert record.model.name == "vww_96_int8"
    assert record.model.bundle_digest is None
    assert record.environment.kernels == "xnnpack"


def test_batches_are_measured_where_the_models_batch_axis_is_free(tmp_path):
    record = bench(write_free_batch(tmp_path / "m.tflite"), replace(SHORT, batch=4))
    assert record.settings.batch == 4
    assert len(record.runs) == 5


def test_a_bundle_whose_batch_is_fixed_is_refused_with_its_input(make_bundle):
    with pytest.raises(ModelError, match=r"input x has the fixed shape \(1, 8\), so it takes no batch of 4") as caught:
        bench(make_bundle(), replace(SHORT, batch=4))
    assert "without --batch" in caught.value.hint


def test_the_time_limit_leaves_room_for_every_process():
    plain, more = time_limit_s(SHORT), time_limit_s(replace(SHORT, throughput=True, weight_cache=True))
    assert plain >= SHORT.timeout_s * (1 + 5 + 1 + 10)
    assert more >= plain + SHORT.timeout_s * (11 + 5 * 7)


def test_nothing_is_measured_when_an_output_differs_from_the_golden_one(make_bundle):
    told = []
    with pytest.raises(DeviceError, match="differs from the golden one"):
        bench(make_bundle(shift=0.5), SHORT, lambda *progress: told.append(progress))
    assert told == [("check golden outputs", 0, 1)]


def test_a_check_alone_finds_the_same_difference(make_bundle):
    with pytest.raises(DeviceError, match="differs from the golden one"):
        check(make_bundle(shift=0.5), SHORT)


def test_a_damaged_bundle_is_refused_before_anything_runs(make_bundle):
    path = make_bundle()
    (path / "model.tflite").write_bytes(b"\0" * 8)
    with pytest.raises(BundleError, match=r"the bundle is damaged: model\.tflite"):
        bench(path, SHORT)


@pytest.mark.parametrize("name", ["missing.tflite", "text.tflite", "folder"])
def test_what_is_no_model_is_refused_by_name(tmp_path, name):
    (tmp_path / "text.tflite").write_text("not a model")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ModelError, match=name):
        bench(tmp_path / name, SHORT)


def test_a_model_that_aborts_the_interpreter_is_one_clear_error(assets):
    path = next((assets / "tricky/tflite").glob("*blockwise_quantized*"))
    with pytest.raises(ModelError, match=r"blockwise_quantized.*ended by SIGABRT") as caught:
        bench(path, SHORT)
    assert "\n" not in str(caught.value)
    assert "convert the model again" in caught.value.hint


def test_a_model_that_takes_text_is_refused_with_its_input(assets):
    with pytest.raises(ModelError, match=r"input .* is of type bytes"):
        bench(assets / "tricky/tflite/tflite__java__src__testdata__string_scalar.bin", SHORT)


def test_a_process_that_does_not_come_back_in_time_is_given_up(dense):
    endless = replace(SHORT, warmup_s=600.0, timeout_s=3.0)
    with pytest.raises(ModelError, match=r"dense\.tflite.*no answer within 3 s") as caught:
        bench(dense, endless)
    assert "\n" not in str(caught.value)


def test_a_model_that_hangs_the_interpreter_is_ended_with_its_process(assets, tmp_path):
    np.save(tmp_path / "zero.npy", np.zeros((), np.float32))
    request = {
        "model": str(assets / "tricky/tflite/tflite__testdata__nested_while.bin"),
        "format": "tflite",
        "inputs": [str(tmp_path / "zero.npy")],
        "settings": {},
    }
    argv = [sys.executable, "-m", "edgekit_runtime", "measure-process", str(tmp_path)]
    with Child(argv, stage="nested_while") as process, pytest.raises(ChildError, match="no answer within 2 s"):
        process.call("measure", request, timeout_s=2.0)
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in listing
