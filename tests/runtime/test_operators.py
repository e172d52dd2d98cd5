"""Times of operators, by whichever way works."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from edgekit_runtime import litert_profile
from edgekit_runtime.conditions import OPERATORS
from edgekit_runtime.errors import ModelError
from edgekit_runtime.litert_profile import profile
from edgekit_runtime.operators import measure_operators
from edgekit_runtime.operators_cut import time_one_by_one
from edgekit_runtime.progress import silent
from edgekit_runtime.readings import OperatorTime, OperatorTimes
from edgekit_runtime.runs import BenchSettings, Workload
from edgekit_runtime.summary import figures
from edgekit_runtime.table import record_table

SETTINGS = BenchSettings(sample_s=0.02, timeout_s=60.0)
ROWS = tuple(OperatorTime(i, "CONV_2D", f"layer{i}", 1000.0 * (i + 1)) for i in range(12))
TIMES = OperatorTimes("a profiler", ROWS, ("IF",), 50, 100_000.0, 130_000.0)


def workload_of(model, folder, model_format="tflite", **settings):
    np.save(folder / "input.npy", np.ones((1, 8), np.float32))
    return Workload(str(model), model_format, (str(folder / "input.npy"),), replace(SETTINGS, **settings))


@pytest.mark.skipif(sys.platform != "linux", reason="LiteRT's C library was tried on Linux only")
def test_litert_tells_of_each_operator_of_a_model(dense, tmp_path):
    found = measure_operators("test", workload_of(dense, tmp_path), silent)
    assert found.reason == ""
    assert "LiteRT's profiler" in found.method
    assert [row.place for row in found.rows] == list(range(len(found.rows)))
    assert any("Fully Connected" in row.kind for row in found.rows)
    assert found.watched_ns > 0


def test_a_library_of_another_release_is_not_called(dense, monkeypatch):
    monkeypatch.setattr(litert_profile, "TRIED", ("9.9.9",))
    with pytest.raises(ModelError, match=r"tried with 9\.9\.9 only"):
        profile(str(dense), [], 1, 1, 1.0)


def test_without_a_profiler_operators_run_one_by_one(dense):
    found = time_one_by_one(str(dense), 1, 0.02, 0, 10_000.0)
    assert [row.kind for row in found.rows] == ["FULLY_CONNECTED", "FULLY_CONNECTED"]
    assert [row.name for row in found.rows] == ["hidden", "y"]
    assert found.watched_ns is None
    assert found.untimed == ()


def test_what_no_way_can_time_has_the_reasons_of_all(dense, tmp_path):
    found = measure_operators("test", workload_of(dense, tmp_path, batch=2), silent)
    assert found.rows == ()
    assert found.reason.count("batch") == 2


def test_a_format_that_nobody_times_says_so(dense, tmp_path):
    found = measure_operators("test", workload_of(dense, tmp_path, "other"), silent)
    assert found.reason == "no way to time the operators of other is known"


@pytest.mark.slow
def test_onnxruntime_tells_of_each_node(assets, tmp_path):
    pytest.importorskip("onnxruntime")
    np.save(tmp_path / "input.npy", np.zeros((1, 1, 28, 28), np.float32))
    model = str(assets / "ort-examples/mnist.onnx")
    found = measure_operators("test", Workload(model, "onnx", (str(tmp_path / "input.npy"),), SETTINGS), silent)
    assert "onnxruntime's profiler" in found.method
    assert {"Conv", "MaxPool"} <= {row.kind for row in found.rows}


def test_the_record_tells_how_far_the_sum_is_from_the_whole(make_record, make_run):
    record = replace(make_record(*[make_run(100)] * 5), operators=TIMES)
    share = next(named.figure for named in figures(record) if named.name == "operators_share")
    assert share.value == pytest.approx(0.78)
    for part in ("12 operators", "a profiler", "1 could not be timed: IF", "1.30 times as long"):
        assert part in share.method


def test_times_of_a_throttled_processor_are_not_shown(make_record, make_run, make_moment):
    record = make_record(*[make_run(100)] * 5)
    record = replace(record, operators=TIMES, moments=(*record.moments, make_moment(OPERATORS, 0b100)))
    share = next(named.figure for named in figures(record) if named.name == "operators_share")
    assert share.reason == "invalid: throttled while measuring operators (throttled)"


def test_the_longest_operators_stand_in_the_table(make_record, make_run):
    lines = record_table(replace(make_record(*[make_run(100)] * 5), operators=TIMES)).splitlines()
    assert "10 of 12 operators, the longest first" in lines
    assert lines[-10].split() == ["12.0", "µs", "12.0%", "#11", "CONV_2D", "layer11"]


def test_without_times_there_is_no_table(make_record, make_run):
    record = replace(make_record(*[make_run(100)] * 5), operators=OperatorTimes(reason="no profiler"))
    text = record_table(record)
    assert "operators_share     unavailable: no profiler" in text
    assert "the longest first" not in text


def test_times_are_whole_or_have_a_reason():
    for wrong in ({"method": "m"}, {"method": "m", "rows": ROWS, "reason": "r"}, {}):
        with pytest.raises(ValueError, match="operator times have"):
            OperatorTimes(**wrong)
