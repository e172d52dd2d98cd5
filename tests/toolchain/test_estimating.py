"""edgekit.estimating: predictions from Python, scaled by a measurement."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

import edgekit
from edgekit.reports.report import Report, make_report, write_report
from edgekit_runtime.conditions import Fact
from edgekit_runtime.errors import ReportError, UserError
from edgekit_runtime.record import Record
from edgekit_targets.catalog import load_profile
from tests.onnx_models import save_convolutions

MODEL = "tflite-support/mobilenet_v1_0.25_224_1_default_1.tflite"
OTHER = "tflite-support/mobilenet_v1_0.25_224_quant.tflite"
SHORT = "mlperf-tiny/kws_ref_model.tflite"
TARGET = "raspberry-pi-4b"


def measured_on(record: Record, model: Path) -> Report:
    identity = replace(record.model, name=model.stem, sha256=hashlib.sha256(model.read_bytes()).hexdigest())
    return make_report(replace(record, model=identity), load_profile(TARGET).profile)


def written(report: Report, folder: Path) -> Path:
    path = folder / "report.json"
    write_report(report, path)
    return path


def test_a_measured_model_is_predicted_at_what_was_measured(assets, made, tmp_path):
    free = edgekit.estimate(assets / MODEL, target=TARGET).estimates[0].latency
    assert free.value is not None
    report = measured_on(made.record(1.2 * free.value / 1e6), assets / MODEL)
    found = edgekit.estimate(assets / MODEL, target=TARGET, measured_report=written(report, tmp_path))
    assert found.measured == Path(MODEL).stem
    assert found.estimates[0].latency.value == pytest.approx(report.figure("latency_p50").value)
    assert found.estimates[0].energy.mode == "predicted"


def test_another_model_is_scaled_by_it(assets, made, tmp_path):
    free = edgekit.estimate(assets / MODEL, target=TARGET).estimates[0].latency
    other = edgekit.estimate(assets / OTHER, target=TARGET).estimates[0]
    assert free.value is not None
    report = written(measured_on(made.record(2 * free.value / 1e6), assets / MODEL), tmp_path)
    found = edgekit.estimate(
        assets / OTHER, target=TARGET, measured_report=report, measured_model=assets / MODEL
    ).estimates[0]
    assert found.latency_range_ms is not None
    assert other.latency_range_ms is not None
    assert found.latency_range_ms != other.latency_range_ms
    assert any("times slower than predicted" in note for note in found.notes)


def test_a_report_of_another_model_needs_that_model(assets, made, tmp_path):
    report = written(measured_on(made.record(30), assets / MODEL), tmp_path)
    with pytest.raises(ReportError, match="--measured-model"):
        edgekit.estimate(assets / OTHER, target=TARGET, measured_report=report)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"interpreter": "onnxruntime 1.31.1"}, "onnxruntime"),
        ({"kernels": "builtin"}, "builtin kernels"),
        ({"machine": "armv7l"}, "armv7l"),
        ({"board": Fact("Raspberry Pi 5 Model B Rev 1.0")}, "Raspberry Pi 5"),
    ],
)
def test_a_measurement_of_another_kind_tells_nothing(assets, made, tmp_path, changed, told):
    record = made.record(30)
    record = replace(record, environment=replace(record.environment, **changed))
    report = written(measured_on(record, assets / MODEL), tmp_path)
    with pytest.raises(ReportError, match=told):
        edgekit.estimate(assets / MODEL, target=TARGET, measured_report=report)


def test_a_measurement_of_litert_tells_nothing_of_onnxruntime(assets, made, tmp_path):
    report = written(measured_on(made.record(30), assets / MODEL), tmp_path)
    model = save_convolutions(tmp_path / "m.onnx")
    with pytest.raises(ReportError, match="onnxruntime runs it, and a measurement with ai-edge-litert tells nothing"):
        edgekit.estimate(model, target=TARGET, measured_report=report, measured_model=assets / MODEL)


def test_other_threads_than_measured_are_refused(assets, made, tmp_path):
    report = written(measured_on(made.record(30), assets / MODEL), tmp_path)
    with pytest.raises(ReportError, match="measured with 1 threads, not 4"):
        edgekit.estimate(assets / MODEL, target=TARGET, threads=4, measured_report=report)


def test_a_short_inference_scales_nothing(assets, made, tmp_path):
    report = written(measured_on(made.record(0.4), assets / SHORT), tmp_path)
    with pytest.raises(ReportError, match="less than 5 ms"):
        edgekit.estimate(assets / SHORT, target=TARGET, measured_report=report)


def test_a_measurement_is_of_one_board(assets, made, tmp_path):
    report = written(measured_on(made.record(30), assets / MODEL), tmp_path)
    with pytest.raises(UserError, match="one board"):
        edgekit.estimate(assets / MODEL, target="all", measured_report=report)


def test_threads_below_one_are_refused(assets):
    with pytest.raises(UserError, match="threads is 0"):
        edgekit.estimate(assets / MODEL, target=TARGET, threads=0)
