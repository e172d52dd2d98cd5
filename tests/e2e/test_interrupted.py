"""Conversions that end amid a training: the same command goes on, and whatever is not the same begins anew."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow
EDGEKIT = (sys.executable, "-m", "edgekit")


def keras_command(digits: Path, output: Path, *more: str | Path) -> list[str | Path]:
    data = ("--evaluate", digits / "evaluate.npz", "--train", digits / "train.npz", "--quantize", "float32")
    return [*EDGEKIT, "convert", digits / "digits.keras", "--target", "raspberry-pi-4b", *data, "-o", output, *more]


def torch_command(digits: Path, output: Path, *more: str | Path) -> list[str | Path]:
    data = ("--evaluate", digits / "nchw-evaluate.npz", "--train", digits / "nchw-train.npz", "--quantize", "float32")
    model = (f"{digits}/networks.py:make_torch", "--weights", digits / "digits.pt")
    return [*EDGEKIT, "convert", *model, "--target", "raspberry-pi-4b", *data, "-o", output, *more]


def interrupted(command: list[str | Path], line: str) -> str:
    """Run a command until it writes a line that contains a text, then press Ctrl-C; what it said from there on."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        for told in running.stderr:
            if line in told:
                running.send_signal(signal.SIGINT)
                break
        rest = running.stderr.read()
    assert running.returncode == 130
    return rest


def finished(command: list[str | Path]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


@pytest.fixture
def teacher(digits: Path, tmp_path: Path) -> Path:
    path = tmp_path / "teacher.keras"
    shutil.copyfile(digits / "digits.keras", path)
    return path


def spoil(model: Path) -> None:
    """Give a saved network other weights."""
    import h5py

    unpacked = model.with_suffix("")
    shutil.unpack_archive(model, unpacked, "zip")
    with h5py.File(unpacked / "model.weights.h5", "r+") as weights:
        bias = weights["layers/dense/vars/1"]
        bias[...] = np.arange(10, dtype=np.float32)
    shutil.make_archive(str(unpacked), "zip", unpacked)
    shutil.move(unpacked.with_suffix(".zip"), model)


def test_another_teacher_under_the_same_name_is_asked_anew(digits: Path, tmp_path: Path, teacher: Path) -> None:
    command = keras_command(digits, tmp_path / "out", "--teacher", teacher, "--epochs", "3")
    interrupted(command, "epoch 1 of 3")
    spoil(teacher)
    told = finished(command)
    assert "not the same as before: the teacher; the teacher is asked anew" in told
    assert "epoch 1 of 3" in told
    whole = keras_command(digits, tmp_path / "whole", "--teacher", teacher, "--epochs", "3")
    finished(whole)
    same = [(tmp_path / name / "model.tflite").read_bytes() for name in ("out", "whole")]
    assert same[0] == same[1]


def test_rounds_with_a_teacher_go_on_in_the_round_that_was_interrupted(digits: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "rounds.toml"
    recipe.write_text(
        'schema = "edgekit/recipe"\nversion = 1\n'
        '[[steps]]\nstep = "prune"\nshare = 0.4\nalignment = 1\nrounds = 2\n'
        '[[steps]]\nstep = "distil"\nepochs = 2\n'
    )
    told = interrupted(torch_command(digits, tmp_path / "out", "--recipe", recipe), "distil 2: epoch 1 of 2")
    assert "interrupted; the same command goes on from the last epoch" in told
    resumed = finished(torch_command(digits, tmp_path / "out", "--recipe", recipe))
    assert "distil, round 1 of at most 2: goes on after epoch 2 of 2" in resumed
    assert "distil, round 2 of at most 2: goes on after epoch" in resumed
    assert "distil 1: epoch" not in resumed
    finished(torch_command(digits, tmp_path / "whole", "--recipe", recipe))
    same = [(tmp_path / name / "model.tflite").read_bytes() for name in ("out", "whole")]
    assert same[0] == same[1]


def test_other_samples_under_the_same_name_begin_anew(digits: Path, tmp_path: Path) -> None:
    data = tmp_path / "train.npz"
    shutil.copyfile(digits / "train.npz", data)
    command = keras_command(digits, tmp_path / "out", "--train", data, "--teacher", "source", "--epochs", "3")
    interrupted(command, "epoch 1 of 3")
    with np.load(digits / "train.npz") as arrays:
        np.savez(data, x=arrays["x"][:600], y=arrays["y"][:600])
    told = finished(command)
    assert "not the same as before: the training data; the teacher is asked anew" in told
    assert "so the training began anew" in told
    assert "epoch 1 of 3" in told
