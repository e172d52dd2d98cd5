"""Networks made smaller on the way to a bundle: pruning, distillation, a new head, interruption and limits."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgekit.pipeline.compress import checkpoint_folder
from edgekit.pipeline.convert import Converted, convert
from edgekit.pipeline.plan import make_plan
from edgekit.pipeline.request import Request
from edgekit_converters.trail import StepResult
from edgekit_runtime.errors import ConversionError, OutputError, RecipeError, UserError

pytestmark = pytest.mark.slow
TARGET = "raspberry-pi-4b"


def keras_request(digits: Path, output: Path) -> Request:
    data = digits / "evaluate.npz"
    return Request(
        digits / "digits.keras", TARGET, quantize="float32", evaluate=data, train=digits / "train.npz", output=output
    )


def torch_request(digits: Path, output: Path) -> Request:
    request = keras_request(digits, output)
    model, data = digits / "networks.py:make_torch", (digits / "nchw-evaluate.npz", digits / "nchw-train.npz")
    return replace(request, model=model, weights=digits / "digits.pt", evaluate=data[0], train=data[1])


def steps(converted: Converted) -> dict[str, StepResult]:
    assert converted.trail is not None
    return {step.step: step for step in converted.trail.steps}


def change(converted: Converted) -> float:
    assert converted.evaluation is not None
    assert converted.evaluation.change.value is not None
    return converted.evaluation.change.value


def macs(step: StepResult) -> float:
    assert step.macs is not None
    assert step.macs.value is not None
    return step.macs.value


@pytest.mark.parametrize("make", [keras_request, torch_request])
def test_half_of_the_macs_cost_at_most_two_points_when_the_whole_network_teaches(digits, tmp_path, make):
    request = replace(make(digits, tmp_path / "out"), prune=0.5, teacher="source", epochs=8)
    converted = convert(replace(request, quantize="int8", calibrate=request.train))
    found = steps(converted)
    assert list(found) == ["source", "prune", "distil", "export", "quantize"]
    assert macs(found["quantize"]) <= 0.5 * macs(found["source"])
    assert found["export"].size_bytes < 0.6 * found["source"].size_bytes
    assert change(converted) >= -0.02
    assert not (tmp_path / "out.training").exists()
    surgery = json.loads((tmp_path / "out/trail/surgery.json").read_text())
    pruning = json.loads((tmp_path / "out/trail/pruning.json").read_text())
    (operation,) = surgery["operations"]
    kept = {one["group"]: len(one["units"]) for one in operation["kept"]}
    assert kept == {one["group"]: one["after"] for one in pruning["rounds"][0]["widths"]}
    assert all(count % 8 == 0 for count in kept.values())


def test_the_same_seed_gives_the_same_bundle(digits, tmp_path):
    made = [
        convert(replace(keras_request(digits, tmp_path / name), prune=0.3, importance="random", epochs=1, seed=seed))
        for name, seed in (("one", 3), ("two", 3), ("three", 4))
    ]
    assert made[0].digest == made[1].digest
    assert made[0].digest != made[2].digest


@pytest.mark.parametrize(("student", "teacher"), [(keras_request, torch_request), (torch_request, keras_request)])
def test_either_framework_teaches_the_other(digits, tmp_path, student, teacher):
    knowing = teacher(digits, tmp_path / "teacher")
    request = replace(student(digits, tmp_path / "out"), prune=0.5, epochs=2, teacher=str(knowing.model))
    converted = convert(replace(request, teacher_weights=knowing.weights))
    assert change(converted) >= -0.1


def test_a_finished_file_teaches_a_new_head_without_labels(digits, tmp_path):
    finished = convert(replace(keras_request(digits, tmp_path / "finished"), train=None))
    with np.load(digits / "train.npz") as data:
        np.savez(tmp_path / "pictures.npz", x=data["x"])
    teacher = str(finished.path / "model.tflite")
    request = replace(keras_request(digits, tmp_path / "out"), train=tmp_path / "pictures.npz", teacher=teacher)
    found = steps(convert(replace(request, classes=10, epochs=4)))
    assert found["source"].metric is not None
    assert found["distil"].metric is not None
    assert (found["source"].metric.value or 0) < 0.5
    assert (found["distil"].metric.value or 0) > 0.9


@pytest.mark.parametrize("model_format", ["tflite", "onnx"])
def test_a_finished_file_with_channels_last_teaches_a_module_with_channels_first(digits, tmp_path, model_format):
    whole = replace(keras_request(digits, tmp_path / "whole"), train=None, target="host", model_format=model_format)
    teacher = str(convert(whole).path / f"model.{model_format}")
    request = replace(torch_request(digits, tmp_path / "out"), prune=0.5, epochs=2, teacher=teacher)
    assert change(convert(request)) >= -0.1


def test_a_disk_that_is_full_ends_a_training_with_one_clear_line(digits, tmp_path):
    request = replace(torch_request(digits, tmp_path / "out"), epochs=1)
    state = checkpoint_folder(make_plan(request)) / "0/epoch-0001.tmp"
    state.parent.mkdir(parents=True)
    state.symlink_to("/dev/full")
    with pytest.raises(OutputError, match="No space left on device"):
        convert(request)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.training").exists()


def test_rounds_stop_where_the_metric_falls_too_far(digits, tmp_path):
    recipe = tmp_path / "rounds.toml"
    recipe.write_text(
        'schema = "edgekit/recipe"\nversion = 1\n'
        '[[steps]]\nstep = "prune"\nshare = 0.97\nalignment = 1\nrounds = 3\nmax_drop = 0.05\n'
        '[[steps]]\nstep = "train"\nepochs = 1\n'
    )
    request = replace(keras_request(digits, tmp_path / "out"), recipe=recipe)
    converted = convert(request)
    assert any("pruning stopped before round" in warning for warning in converted.warnings)
    assert change(converted) >= -0.05
    whole, last = steps(converted)["source"], steps(converted)["export"]
    assert macs(last) <= macs(whole)


def test_a_training_that_was_interrupted_goes_on_and_ends_the_same(digits, tmp_path):
    whole = convert(replace(keras_request(digits, tmp_path / "whole"), prune=0.5, epochs=3))
    data = ["--evaluate", digits / "evaluate.npz", "--train", digits / "train.npz"]
    how = ["--target", TARGET, "--quantize", "float32", "--prune", "0.5", "--epochs", "3"]
    output = ["-o", tmp_path / "out"]
    argv = [sys.executable, "-m", "edgekit", "convert", digits / "digits.keras", *how, *data, *output]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if "epoch 1 of 3" in line:
                running.send_signal(signal.SIGINT)
                break
        running.stderr.read()
    assert running.returncode != 0
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "out.training").is_dir()
    resumed = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert "epoch 3 of 3" in resumed.stderr
    assert json.loads((tmp_path / "out/trail/steps.json").read_text())["steps"][-1]["parameters"] is not None
    assert whole.digest[:16] in resumed.stdout
    assert not (tmp_path / "out.training").exists()


@pytest.mark.parametrize(
    ("fields", "error", "told"),
    [
        ({"prune": 0.9999}, RecipeError, "at most|reach"),
        ({"learning_rate": 1e30, "epochs": 1}, ConversionError, "epoch 1"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line_and_nothing_is_written(digits, tmp_path, fields, error, told):
    with pytest.raises(error, match=told) as caught:
        convert(replace(keras_request(digits, tmp_path / "out"), **fields))
    assert isinstance(caught.value, UserError)
    assert not (tmp_path / "out").exists()
