"""edgekit_converters.quantize.biases: operators get back the mean outputs that rounding and clipping shifted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgekit_converters.quantize.biases import FEWEST_SAMPLES, MOST_SAMPLES, RUNS, correct_biases, samples_needed
from edgekit_converters.quantize.calibrate import calibrate
from edgekit_converters.quantize.engine import quantize_file
from edgekit_converters.quantize.statistics import Range
from edgekit_converters.quantize.trail import BiasTrail
from edgekit_runtime.affine import restore, store
from edgekit_runtime.litert import LiteRtInterpreter
from edgekit_runtime.progress import silent
from tests.tflite_files import (
    Operator,
    Tensor,
    constant,
    dense_samples,
    write_dense,
    write_quantized_dense,
    write_tflite,
    write_two_by_two,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")

SAMPLES = tuple((sample[None],) for sample in dense_samples(64))


def outputs_of(model: Path, samples: np.ndarray) -> np.ndarray:
    interpreter = LiteRtInterpreter(str(model))
    rows = []
    for sample in samples:
        interpreter.set_input(0, store(sample[None], interpreter.inputs[0]))
        interpreter.invoke()
        rows.append(restore(interpreter.output(0), interpreter.outputs[0])[0])
    return np.stack(rows)


def clipped_dense(folder: Path) -> tuple[Path, Path, Range]:
    """The dense model, its INT8 file with a hidden layer clipped at half its range, and the range of its output."""
    model = write_dense(folder / "float.tflite")
    ranges = dict(calibrate(model, SAMPLES, len(SAMPLES), silent))
    ranges["hidden"] = Range(ranges["hidden"].low, ranges["hidden"].high / 2)
    quantize_file(model, "int8", folder / "int8.tflite", ranges=ranges)
    return model, folder / "int8.tflite", ranges["y"]


def correct(model: Path, output: Path, found: Range) -> BiasTrail:
    return correct_biases(model, output, {"y": found}, SAMPLES, silent)


def test_clipped_activations_no_longer_shift_the_mean_output(tmp_path):
    model, output, found = clipped_dense(tmp_path)
    unseen = dense_samples(500, seed=9)
    expected = outputs_of(model, unseen).mean(axis=0)
    before = np.abs(outputs_of(output, unseen).mean(axis=0) - expected)
    trail = correct(model, output, found)
    after = np.abs(outputs_of(output, unseen).mean(axis=0) - expected)
    assert trail.kept
    assert float(after.max()) < 0.5 * float(before.max())


def test_the_trail_tells_what_it_gave(tmp_path):
    trail = correct(*clipped_dense(tmp_path))
    assert (trail.samples, trail.operators) == (64, 2)
    assert trail.sqnr_before_db is not None
    assert trail.sqnr_after_db is not None
    assert trail.sqnr_after_db > trail.sqnr_before_db


def test_a_corrected_file_has_the_length_it_had(tmp_path):
    model, output, found = clipped_dense(tmp_path)
    length = output.stat().st_size
    correct(model, output, found)
    assert output.stat().st_size == length


@pytest.mark.parametrize("scheme", ["int8-dynamic", "int8-weight-only", "float16", "int16x8"])
def test_outputs_are_never_worse_than_before_on_the_samples_whatever_the_scheme(tmp_path, scheme):
    model, output = write_quantized_dense(tmp_path, scheme, width=400)  # a narrower one stays float where it may
    original = output.read_bytes()
    trail = correct(model, output, Range(-1, 1))
    assert trail.sqnr_before_db is not None
    assert trail.sqnr_after_db is not None
    assert trail.kept == (trail.sqnr_after_db > trail.sqnr_before_db)
    assert trail.kept == (output.read_bytes() != original)


def test_a_file_that_does_not_differ_stays_as_it_was(tmp_path):
    model = write_dense(tmp_path / "float.tflite")
    output = tmp_path / "same.tflite"
    output.write_bytes(model.read_bytes())
    assert correct(model, output, Range(-1, 1)) == BiasTrail(64, 2, None, None, kept=False)
    assert output.read_bytes() == model.read_bytes()


def test_progress_is_told_after_each_operator(tmp_path):
    model, output, found = clipped_dense(tmp_path)
    told: list[tuple[str, int, int]] = []
    correct_biases(model, output, {"y": found}, SAMPLES, lambda *step: told.append(step))
    assert told == [("correcting biases", 1, 2), ("correcting biases", 2, 2)]


def chain(path: Path, count: int) -> Path:
    """Dense layers one after the other."""
    tensors, operators = [Tensor("t0", (1, 2))], []
    for i in range(count):
        tensors += [constant(f"w{i}", np.eye(2, dtype=np.float32)), constant(f"b{i}", np.full(2, i, np.float32))]
        tensors.append(Tensor(f"t{i + 1}", (1, 2)))
        operators.append(Operator("FULLY_CONNECTED", (f"t{i}", f"w{i}", f"b{i}"), (f"t{i + 1}",)))
    return write_tflite(path, tensors, operators, {"x": "t0"}, {"y": f"t{count}"})


@pytest.mark.parametrize("count", [1, 4, 10, 30, 64, 100])
def test_the_more_operators_the_fewer_samples(tmp_path, count):
    samples = samples_needed(chain(tmp_path / "m.tflite", count))
    assert FEWEST_SAMPLES <= samples <= MOST_SAMPLES
    assert samples * count <= max(RUNS, FEWEST_SAMPLES * count)


def test_a_file_without_biases_needs_none(tmp_path):
    assert samples_needed(write_two_by_two(tmp_path / "m.tflite")) == 0
