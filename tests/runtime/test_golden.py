"""edgekit_runtime.golden: a device that computes something else is found out; one that does not, passes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit_runtime.bundle import Bundle, open_bundle
from edgekit_runtime.errors import BundleError, DeviceError
from edgekit_runtime.golden import (
    Golden,
    check_golden,
    golden_arrays,
    input_order,
    output_order,
    read_golden,
)
from edgekit_runtime.interpreter import Interpreter, open_interpreter
from edgekit_runtime.manifest import Manifest, Tolerance
from edgekit_runtime.record import GoldenCheck
from edgekit_runtime.tensor import TensorSpec
from tests.bundle_files import dense_bundle, seal, two_by_two_bundle
from tests.tflite_files import write_dense, write_two_by_two

patient = settings(deadline=None)  # files and models take the time they take


class FakeInterpreter:
    """Takes anything, and gives the same output each time."""

    def __init__(self, manifest: Manifest, output: np.ndarray, kernels: str = "fake") -> None:
        self.inputs = tuple(binding.stored for binding in manifest.inputs)
        self.outputs = tuple(binding.stored for binding in manifest.outputs)
        self.library = "fake 1.0"
        self.kernels = kernels
        self._output = output

    def set_input(self, index: int, value: np.ndarray) -> None:
        """Forget it."""

    def invoke(self) -> None:
        """Do nothing."""

    def output(self, index: int) -> np.ndarray:
        return self._output


@pytest.fixture(params=["float32", "int8"])
def bundle(request, tmp_path) -> Path:
    return dense_bundle(tmp_path, request.param)


@pytest.fixture(scope="module")
def float_bundle(tmp_path_factory) -> Bundle:
    with open_bundle(dense_bundle(tmp_path_factory.mktemp("float"), "float32")) as opened:
        return opened


@pytest.fixture
def int8_bundle(tmp_path) -> Path:
    return dense_bundle(tmp_path, "int8")


def check(path: Path) -> GoldenCheck:
    with open_bundle(path) as opened:
        return check_golden(open_interpreter(opened.model_path, "tflite"), opened)


def golden_of(path: Path) -> tuple[Manifest, Golden]:
    with open_bundle(path) as opened:
        return opened.manifest, read_golden(opened.golden_path, opened.manifest)


def with_golden(bundle: Bundle, folder: Path, outputs: np.ndarray, tolerance: Tolerance) -> Bundle:
    """A bundle with other golden outputs, for a fake interpreter; its checksums are nobody's business."""
    manifest = replace(bundle.manifest, outputs=(replace(bundle.manifest.outputs[0], tolerance=tolerance),))
    golden = read_golden(bundle.golden_path, manifest)
    folder.mkdir(exist_ok=True)
    seal(folder, manifest, replace(golden, outputs=(outputs,)))
    return replace(bundle, folder=folder, manifest=manifest)


def test_this_machine_gives_its_own_golden_outputs(bundle):
    found = check(bundle)
    assert (found.samples, found.worst, found.reason) == (4, 0.0, "")


def test_inputs_and_outputs_go_by_name_not_by_the_files_order(tmp_path):
    assert check(two_by_two_bundle(tmp_path)).worst == 0.0


def test_golden_samples_survive_their_file(bundle, tmp_path):
    manifest, golden = golden_of(bundle)
    np.savez(tmp_path / "again.npz", **golden_arrays(golden, manifest))
    again = read_golden(tmp_path / "again.npz", manifest)
    for old, new in ((golden.inputs, again.inputs), (golden.outputs, again.outputs), (golden.source, again.source)):
        assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(old, new, strict=True))


@pytest.mark.parametrize("sample", range(4))
def test_an_int8_output_one_step_away_in_one_sample_fails(int8_bundle, sample):
    manifest, golden = golden_of(int8_bundle)
    moved = golden.outputs[0].copy()
    moved[sample, 1] += 1 if moved[sample, 1] < 127 else -1
    seal(int8_bundle, manifest, replace(golden, outputs=(moved,)))
    with pytest.raises(DeviceError, match="small: output scores differs from the golden one by 1 step; allowed: 0"):
        check(int8_bundle)


def test_a_float_output_further_away_than_its_tolerance_fails(tmp_path):
    path = dense_bundle(tmp_path, "float32")
    manifest, golden = golden_of(path)
    span = float(np.ptp(golden.outputs[0]))
    for share, passes in ((0.5e-5, True), (2e-5, False)):
        moved = golden.outputs[0].copy()
        moved[2, 0] += share * span
        seal(path, manifest, replace(golden, outputs=(moved,)))
        if passes:
            assert 0 < check(path).worst <= 1e-5
        else:
            with pytest.raises(DeviceError, match="range; allowed: 1e-05"):
                check(path)


@patient
@given(distance=st.floats(0, 100), limit=st.floats(0, 1), other=st.floats(0, 1), same=st.booleans())
def test_the_limit_is_that_of_the_kernels(float_bundle, tmp_path_factory, distance, limit, other, same):
    expected = np.zeros((4, 3))
    expected[0, 0] = 100.0  # the range of the golden outputs
    bundle = with_golden(
        float_bundle, tmp_path_factory.getbasetemp() / "limits", expected, Tolerance("range", limit, other)
    )
    kernels = bundle.manifest.kernels if same else "others"

    class Moved(FakeInterpreter):
        sample = -1

        def invoke(self) -> None:
            self.sample += 1

        def output(self, index: int) -> np.ndarray:
            return expected[self.sample][None] + distance

    interpreter = Moved(bundle.manifest, expected, kernels)
    allowed = limit if same else other
    worst = max(float(np.max((expected + distance) - expected)), 0.0) / 100.0
    if worst <= allowed:
        assert check_golden(interpreter, bundle) == GoldenCheck(4, worst, "range", allowed)
    else:
        with pytest.raises(DeviceError):
            check_golden(interpreter, bundle)


def test_other_kernels_may_be_one_int8_step_away_but_not_two(int8_bundle):
    with open_bundle(int8_bundle) as opened:
        real = open_interpreter(opened.model_path, "tflite")

        class Other:
            inputs, outputs, library, kernels = real.inputs, real.outputs, real.library, "builtin"
            set_input, invoke = real.set_input, real.invoke
            steps = 0

            def output(self, index: int) -> np.ndarray:
                return real.output(index).astype(np.int16) + self.steps

        other = Other()
        for other.steps in (-1, 0, 1):
            found = check_golden(other, opened)
            assert (found.worst, found.limit, found.unit) == (abs(other.steps), 1.0, "step")
        other.steps = 2
        with pytest.raises(DeviceError, match="2 step; allowed: 1"):
            check_golden(other, opened)


@pytest.mark.parametrize("unit", ["step", "range"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_output_that_is_no_number_never_passes(float_bundle, tmp_path, unit, value):
    bundle = with_golden(float_bundle, tmp_path / "b", np.zeros((4, 3), np.float32), Tolerance(unit, 1e300, 1e300))
    fine = FakeInterpreter(bundle.manifest, np.zeros((1, 3), np.float32))
    assert check_golden(fine, bundle).worst == 0.0
    broken = FakeInterpreter(bundle.manifest, np.array([[0, value, 0]], np.float32))
    with pytest.raises(DeviceError, match="differs from the golden one by inf"):
        check_golden(broken, bundle)


@pytest.mark.parametrize("unit", ["step", "range"])
def test_a_golden_output_that_is_no_number_lets_nothing_pass(float_bundle, tmp_path, unit):
    outputs = np.full((4, 3), np.nan, np.float32)
    bundle = with_golden(float_bundle, tmp_path / "b", outputs, Tolerance(unit, 1e300, 1e300))
    with pytest.raises(DeviceError):
        check_golden(FakeInterpreter(bundle.manifest, outputs[:1]), bundle)


@pytest.mark.parametrize("low", [-128, 127])
def test_the_range_of_an_integer_output_does_not_overflow(float_bundle, tmp_path, low):
    outputs = np.array([[low, 127, 0]] * 4, np.int8)
    bundle = with_golden(float_bundle, tmp_path / "b", outputs, Tolerance("range", 0.1, 0.1))
    assert check_golden(FakeInterpreter(bundle.manifest, outputs[:1]), bundle).worst == 0.0
    with pytest.raises(DeviceError):
        check_golden(FakeInterpreter(bundle.manifest, np.array([[low, 127, 100]], np.int8)), bundle)


@pytest.mark.parametrize("constant", [-128, 0, 5])
def test_a_constant_output_is_held_against_its_own_size(float_bundle, tmp_path, constant):
    outputs = np.full((4, 3), constant, np.int8)
    bundle = with_golden(float_bundle, tmp_path / "b", outputs, Tolerance("range", 0.1, 0.1))
    assert check_golden(FakeInterpreter(bundle.manifest, outputs[:1]), bundle).worst == 0.0
    with pytest.raises(DeviceError):
        check_golden(FakeInterpreter(bundle.manifest, np.full((1, 3), 100, np.int8)), bundle)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (1, 3, 3), (1, 0)])
def test_an_output_of_another_shape_never_passes(float_bundle, tmp_path, shape):
    bundle = with_golden(float_bundle, tmp_path / "b", np.zeros((4, 3), np.float32), Tolerance("range", 1.0, 1.0))
    with pytest.raises(DeviceError):
        check_golden(FakeInterpreter(bundle.manifest, np.zeros(shape, np.float32)), bundle)


def test_the_output_nearest_to_its_limit_is_told(tmp_path):
    path = two_by_two_bundle(tmp_path)
    manifest, golden = golden_of(path)
    total, difference = manifest.outputs
    wide = replace(total, tolerance=Tolerance("range", 1.0, 1.0))
    narrow = replace(difference, tolerance=Tolerance("range", 1e-3, 1e-3))
    seal(path, replace(manifest, outputs=(wide, narrow)), golden)
    assert check(path).limit == 1e-3


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"output.scores": None}, r"lack an array: .*output\.scores"),
        ({"input.features": None}, r"lack an array: .*input\.features"),
        ({"source.scores": None}, r"lack an array: .*source\.scores"),
        ({"output.scores": np.zeros((3, 3))}, "have 3, 4 samples"),
        ({"source.scores": np.zeros((5, 3))}, "have 4, 5 samples"),
        ({"input.features": np.float32(1)}, "have 0, 4 samples"),
        ({"output.scores": np.array(["a"] * 4)}, "type <U1; allowed: numbers"),
        ({"output.scores": np.array([{}] * 4)}, "cannot be read: Object arrays"),
    ],
)
def test_golden_samples_that_do_not_belong_together_are_refused(float_bundle, tmp_path, change, fault):
    manifest = float_bundle.manifest
    arrays = golden_arrays(read_golden(float_bundle.golden_path, manifest), manifest) | change
    np.savez(tmp_path / "golden.npz", **{name: value for name, value in arrays.items() if value is not None})
    with pytest.raises(BundleError, match=rf"golden\.npz: the golden .*{fault}"):
        read_golden(tmp_path / "golden.npz", manifest)


def test_no_golden_samples_at_all_are_refused(float_bundle, tmp_path):
    manifest = float_bundle.manifest
    arrays = golden_arrays(read_golden(float_bundle.golden_path, manifest), manifest)
    np.savez(tmp_path / "golden.npz", **{name: value[:0] for name, value in arrays.items()})
    with pytest.raises(BundleError, match=r"have 0 samples; allowed: .* at least one"):
        read_golden(tmp_path / "golden.npz", manifest)


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "truncated", "single array"])
def test_a_golden_file_that_is_none_is_refused(float_bundle, tmp_path, kind):
    path = tmp_path / "golden.npz"
    whole = float_bundle.golden_path.read_bytes()
    contents = {"empty": b"", "text": b"text", "truncated": whole[: len(whole) // 2]}
    if kind in contents:
        path.write_bytes(contents[kind])
    if kind == "single array":
        with open(path, "wb") as file:
            np.save(file, np.zeros(3))
    with pytest.raises(BundleError, match=r"golden\.npz: the golden samples cannot be read"):
        read_golden(path, float_bundle.manifest)


def test_the_order_of_the_file_is_found_by_name(tmp_path):
    manifest, _ = golden_of(two_by_two_bundle(tmp_path))
    interpreter = open_interpreter(write_two_by_two(tmp_path / "m.tflite"), "tflite")
    assert [interpreter.inputs[i].name for i in input_order(interpreter, manifest)] == ["t_a", "t_b"]
    assert [interpreter.outputs[i].name for i in output_order(interpreter, manifest)] == ["t_sum", "t_difference"]


def strange(manifest: Manifest, kind: str) -> Manifest:
    (binding,) = getattr(manifest, kind)
    return replace(manifest, **{kind: (replace(binding, stored=TensorSpec("t_none", (1,), "float32")),)})


def test_a_manifest_for_another_model_is_refused(float_bundle, tmp_path):
    manifest = float_bundle.manifest
    dense: Interpreter = open_interpreter(write_dense(tmp_path / "m.tflite"), "tflite")
    with pytest.raises(BundleError, match="small: the model has no tensor t_none for features; it has: x"):
        input_order(dense, strange(manifest, "inputs"))
    with pytest.raises(BundleError, match="small: the model has no tensor t_none for scores; it has: y"):
        output_order(dense, strange(manifest, "outputs"))
    two = open_interpreter(write_two_by_two(tmp_path / "two.tflite"), "tflite")
    with pytest.raises(BundleError, match="the manifest names 1 inputs; the model has 2"):
        input_order(two, manifest)
