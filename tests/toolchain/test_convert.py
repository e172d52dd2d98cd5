"""Conversions as a whole: what is published, that it is the same each time, and that failures leave nothing."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from edgekit.pipeline.convert import convert
from edgekit.pipeline.request import Request
from edgekit_converters.evaluation import EVALUATION_FILE, Evaluation
from edgekit_converters.quantize.trail import QUANTIZATION_FILE, QuantizationTrail
from edgekit_runtime import load
from edgekit_runtime.bundle import open_bundle
from edgekit_runtime.codec import loads_document
from edgekit_runtime.errors import DataError, OutputError, UserError
from tests.onnx_models import save_graph


@pytest.fixture
def cnn(keras_models: Path, tmp_path: Path) -> Request:
    return Request(
        keras_models / "cnn.keras",
        "raspberry-pi-4b",
        calibrate=keras_models / "calibrate.npz",
        evaluate=keras_models / "evaluate.npz",
        output=tmp_path / "cnn.edgekit",
    )


def files(folder: Path) -> dict[str, bytes]:
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found.pop("run.json")
    return found


def test_a_bundle_runs_and_agrees_with_its_source(cnn: Request, keras_models: Path) -> None:
    converted = convert(cnn)
    data = np.load(keras_models / "evaluate.npz")
    answers = load(converted.path)(data["x"]).argmax(axis=1)
    assert converted.evaluation is not None
    assert converted.evaluation.flips is not None
    assert int(np.sum(answers != data["y"])) == converted.evaluation.flips.total
    assert converted.evaluation.flips.total <= 3
    assert converted.model_size_bytes < converted.float_size_bytes


def test_the_same_input_gives_the_same_bytes(cnn: Request, tmp_path: Path) -> None:
    once = convert(replace(cnn, output=tmp_path / "once"))
    again = convert(replace(cnn, output=tmp_path / "again"))
    assert once.digest == again.digest
    assert files(tmp_path / "once") == files(tmp_path / "again")


def test_the_trail_tells_each_activations_range_scale_and_noise(cnn: Request) -> None:
    with open_bundle(convert(cnn).path) as bundle:
        trail = loads_document(QuantizationTrail, (bundle.folder / QUANTIZATION_FILE).read_text())
        evaluation = loads_document(Evaluation, (bundle.folder / EVALUATION_FILE).read_text())
    assert evaluation.samples == 60
    assert trail.calibration_samples == 40
    for tensor in trail.tensors:
        assert tensor.low <= tensor.high
        assert tensor.scale is not None
        assert tensor.sqnr_db is None or tensor.sqnr_db > 15


@pytest.mark.parametrize(
    ("input_dtype", "output_dtype"),
    [("int8", "int8"), ("float32", "int8"), ("int8", "float32"), ("float32", "float32")],
)
def test_the_borders_of_an_int8_file_have_the_types_that_were_asked_for(
    cnn: Request, input_dtype: str, output_dtype: str
) -> None:
    manifest = convert(replace(cnn, evaluate=None, input_dtypes=(input_dtype,), output_dtypes=(output_dtype,))).manifest
    assert manifest.inputs[0].stored.dtype == input_dtype
    assert manifest.outputs[0].stored.dtype == output_dtype


def test_several_inputs_and_outputs_go_all_the_way(keras_models: Path, tmp_path: Path) -> None:
    data = keras_models / "two.npz"
    converted = convert(Request(keras_models / "two.keras", "host", "int8", calibrate=data, output=tmp_path / "two"))
    arrays = np.load(data)
    outputs = load(converted.path)({"wide": arrays["wide"], "narrow": arrays["narrow"]})
    assert {name: value.shape for name, value in outputs.items()} == {"sign": (20, 2), "area": (20, 3)}


def test_without_data_a_float_bundle_has_synthetic_golden_samples(cnn: Request) -> None:
    converted = convert(replace(cnn, quantize="float32", calibrate=None, evaluate=None))
    assert converted.manifest.golden_data == "synthetic"
    assert converted.evaluation is None


def test_an_output_in_the_way_is_refused_and_replaced_by_force(cnn: Request, tmp_path: Path) -> None:
    output = tmp_path / "cnn.edgekit"
    output.write_text("mine")
    with pytest.raises(OutputError, match=r"there already.*--force"):
        convert(cnn)
    assert output.read_text() == "mine"
    convert(replace(cnn, force=True, evaluate=None))
    assert load(output).manifest.name == "cnn"
    assert [path.name for path in tmp_path.iterdir()] == ["cnn.edgekit"]


def test_a_missing_folder_around_the_output_is_refused(cnn: Request, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        convert(replace(cnn, output=tmp_path / "none" / "cnn"))


def bad_data(tmp_path: Path, **arrays: np.ndarray) -> Path:
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"x": np.zeros((5, 28, 28), np.float32)}, r"shape \(28, 28\); allowed: \(6, 6, 1\)"),
        ({"x": np.zeros((0, 6, 6, 1), np.float32)}, r"no samples"),
        ({"x": np.full((5, 6, 6, 1), np.nan, np.float32)}, r"sample 0 has NaN"),
        ({"x": np.ones((5, 6, 6, 1), np.float32)}, r"all 5 calibration samples are the same"),
    ],
)
def test_bad_calibration_leaves_nothing_behind(
    cnn: Request, tmp_path: Path, arrays: dict[str, np.ndarray], text: str
) -> None:
    data = bad_data(tmp_path, **arrays)
    with pytest.raises(DataError, match=text):
        convert(replace(cnn, calibrate=data))
    assert [path.name for path in tmp_path.iterdir()] == ["bad.npz"]


def test_labels_that_do_not_fit_are_refused_before_the_long_work(cnn: Request, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(4, 6, 6, 1)).astype(np.float32)
    stages: list[str] = []
    with pytest.raises(DataError, match="class numbers below 3"):
        convert(
            replace(cnn, evaluate=bad_data(tmp_path, x=x, y=np.array([0, 1, 2, 9]))),
            progress=lambda stage, *_: stages.append(stage),
        )
    assert "exporting to TFLite" not in stages


def test_a_child_above_the_memory_limit_is_ended(cnn: Request, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"loading the model.*allowed: 64 MiB.*--memory-limit"):
        convert(cnn, memory_limit_bytes=64 << 20)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_clear_line_and_leaves_nothing(keras_models: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk: writing fails in the same places."""
    argv = [sys.executable, "-m", "edgekit", "-q", "convert", str(keras_models / "cnn.keras"), "--target", "host"]
    argv += ["--quantize", "float32", "-o", str(tmp_path / "out")]
    limit = 4000
    done = subprocess.run(
        argv,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_conversion_leaves_no_files_and_no_processes(
    keras_models: Path, tmp_path: Path, number: signal.Signals
) -> None:
    argv = [sys.executable, "-m", "edgekit", "convert", str(keras_models / "cnn.keras"), "--target", "host"]
    argv += ["--quantize", "float32", "-o", str(tmp_path / "out")]
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: any(tmp_path.iterdir()) and bool(children(process.pid)))
    started = children(process.pid)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert list(tmp_path.iterdir()) == []
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started))


def test_the_command_prints_nothing_but_the_result_on_stdout(keras_models: Path, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "edgekit", "convert", str(keras_models / "cnn.keras"), "--target", "host", "--json"]
    argv += ["--quantize", "float32", "-o", str(tmp_path / "out")]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env={**os.environ, "NO_COLOR": "1"})
    assert json.loads(done.stdout)["schema"] == "edgekit/converted"
    assert "exporting to TFLite" in done.stderr
    assert "tensorflow" not in done.stderr.lower()


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail("waited in vain")
        time.sleep(0.02)


def test_activations_beyond_the_targets_memory_are_told_before_and_after(tmp_path: Path) -> None:
    profile = tmp_path / "small.toml"
    header = 'schema = "edgekit/profile"\nversion = 1\nextends = "raspberry-pi-zero-2w"\nname = "small"\n'
    profile.write_text(f"{header}budgets.peak_rss_kib = 40000\n")
    side = (1, 3, 1024, 1024)
    model = save_graph(tmp_path / "m.onnx", [helper.make_node("Relu", ["x"], ["y"])], {"x": side}, {"y": side})
    notes: list[str] = []
    converted = convert(Request(model, str(profile), "float32", output=tmp_path / "out"), on_note=notes.append)
    told = "a process with it takes at least 50 MB, and 41 MB are allowed"
    assert notes == [f"warning: {told}"]
    assert told in converted.warnings
