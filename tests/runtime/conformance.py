"""What every interpreter must do, whatever its library; needs numpy and the runtime alone.

Run as a program, `conformance.py FORMAT FOLDER CHECK`, it checks the interpreter of the environment that it runs in.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from edgekit_runtime.bundle import open_bundle
from edgekit_runtime.errors import ModelError
from edgekit_runtime.golden import check_golden
from edgekit_runtime.interpreter import Interpreter, detect_format, open_interpreter
from edgekit_runtime.model import load


class Place:
    """Models of one format in a folder, as `tests/runtime/conformance_models.py` wrote them."""

    def __init__(self, model_format: str, folder: Path) -> None:
        self.format = model_format
        self.folder = folder

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.{self.format}"

    def open(self, name: str, threads: int = 1, batch: int = 1) -> Interpreter:
        return open_interpreter(self.path(name), self.format, threads, batch)


def run(model: Interpreter, *values: np.ndarray) -> list[np.ndarray]:
    for index, value in enumerate(values):
        model.set_input(index, value)
    model.invoke()
    return [model.output(index) for index in range(len(model.outputs))]


def refused(work: Callable[[], object], *words: str) -> None:
    said = ""
    try:
        work()
    except ModelError as error:
        said = str(error)
    assert said, "nothing was refused"
    assert "\n" not in said
    assert [word for word in words if word not in said] == [], said


def borders_are_told_with_shape_and_type(place: Place) -> None:
    model = place.open("dense")
    assert [(spec.name, spec.shape, spec.dtype) for spec in model.inputs] == [("x", (1, 8), "float32")]
    assert [(spec.name, spec.shape, spec.dtype) for spec in model.outputs] == [("y", (1, 3), "float32")]


def several_inputs_and_outputs_keep_their_order(place: Place) -> None:
    model = place.open("two")
    assert [spec.name for spec in model.inputs] == ["t_b", "t_a"]
    b, a = np.array([[1, 2, 3, 4]], np.float32), np.array([[2, 2, 2, 5]], np.float32)
    difference, total = run(model, b, a)
    assert difference.tolist() == [[1, 0, -1, 1]]
    assert total.tolist() == [[3, 4, 5, 9]]


def names_lead_to_tensors(place: Place) -> None:
    inputs, outputs = place.open("two").signature()
    assert set(inputs.values()) == {"t_a", "t_b"}
    assert set(outputs.values()) == {"t_sum", "t_difference"}


def it_computes_what_numpy_does(place: Place) -> None:
    with np.load(place.folder / "dense.npz") as expected:
        x, y = expected["x"], expected["y"]
    model = place.open("dense")
    found = np.concatenate([run(model, sample[None])[0] for sample in x])
    np.testing.assert_allclose(found, y, rtol=1e-4, atol=1e-5)


def an_output_is_a_copy(place: Place) -> None:
    model = place.open("dense")
    (first,) = run(model, np.ones((1, 8), np.float32))
    kept = first.copy()
    run(model, np.zeros((1, 8), np.float32))
    assert np.array_equal(first, kept)


def an_input_is_a_copy(place: Place) -> None:
    model, value = place.open("dense"), np.ones((1, 8), np.float32)
    model.set_input(0, value)
    value[:] = 0
    model.invoke()
    assert np.array_equal(model.output(0), run(model, np.ones((1, 8), np.float32))[0])


def inputs_of_another_shape_or_type_are_refused(place: Place) -> None:
    model = place.open("dense")
    wrong = (1, 7), (2, 8), (8,)
    for value in (*(np.zeros(shape, np.float32) for shape in wrong), np.zeros((1, 8), np.int8)):
        refused(lambda value=value: model.set_input(0, value), f"dense.{place.format}", "input x")


def an_operator_that_fails_is_one_line(place: Place) -> None:
    model = place.open("gather")
    assert run(model, np.array([3], np.int32))[0].tolist() == [3]
    refused(lambda: run(model, np.array([9], np.int32)), f"gather.{place.format}", "cannot run it")


def what_is_no_model_is_refused(place: Place) -> None:
    for name in ("garbage", "half"):
        refused(lambda name=name: place.open(name), f"{name}.{place.format}", "refuses it")


def threads_do_not_change_the_answer(place: Place) -> None:
    value = np.ones((1, 8), np.float32)
    one, two = (run(place.open("dense", threads), value)[0] for threads in (1, 2))
    np.testing.assert_allclose(one, two, rtol=1e-5)


def a_free_batch_takes_several_samples(place: Place) -> None:
    with np.load(place.folder / "dense.npz") as expected:
        x, y = expected["x"][:4], expected["y"][:4]
    model = place.open("batch", batch=4)
    assert model.inputs[0].shape == (4, 8)
    np.testing.assert_allclose(run(model, x)[0], y, rtol=1e-4, atol=1e-5)


def a_fixed_batch_takes_one(place: Place) -> None:
    refused(lambda: place.open("dense", batch=4), "has the fixed shape (1, 8)", "free batch axis")


def each_sample_is_as_if_it_were_the_first(place: Place) -> None:
    model, ones = place.open("recurrent"), np.ones((1, 3, 2), np.float32)
    first = run(model, ones)[0]
    assert np.array_equal(first, run(model, ones)[0])


def library_and_kernels_are_named(place: Place) -> None:
    model = place.open("dense")
    name, version = model.library.split(" ")
    assert name in ("ai-edge-litert", "onnxruntime", "tflite-runtime")
    assert version[0].isdigit()
    assert model.kernels in ("xnnpack", "builtin", "cpu")


def the_format_is_told_by_content(place: Place) -> None:
    assert detect_format(place.path("dense")) == place.format


def golden_outputs_are_given(place: Place) -> None:
    for name in ("float", "quantized"):
        with open_bundle(place.folder / f"{name}-bundle") as bundle:
            found = check_golden(open_interpreter(bundle.model_path, place.format), bundle)
        assert found.samples == 4, name


def a_bundle_is_a_function_of_real_numbers(place: Place) -> None:
    with np.load(place.folder / "dense.npz") as expected:
        x, y = expected["x"][:4], expected["y"][:4]
    for name, tolerance in (("float", 1e-4), ("quantized", 0.1)):
        found = load(place.folder / f"{name}-bundle")(x)
        assert np.max(np.abs(found - y)) <= tolerance * np.ptp(y), name


def nothing_else_is_loaded(place: Place) -> None:
    place.open("dense")
    heavy = ("onnx", "torch", "tensorflow", "keras", "flatbuffers", "click", "pydantic")
    loaded = [name for name in heavy if name in sys.modules]
    assert not loaded or "pytest" in sys.modules, loaded


CHECKS: Mapping[str, Callable[[Place], None]] = {
    check.__name__: check
    for check in (
        borders_are_told_with_shape_and_type,
        several_inputs_and_outputs_keep_their_order,
        names_lead_to_tensors,
        it_computes_what_numpy_does,
        an_output_is_a_copy,
        an_input_is_a_copy,
        inputs_of_another_shape_or_type_are_refused,
        an_operator_that_fails_is_one_line,
        what_is_no_model_is_refused,
        threads_do_not_change_the_answer,
        a_free_batch_takes_several_samples,
        a_fixed_batch_takes_one,
        each_sample_is_as_if_it_were_the_first,
        library_and_kernels_are_named,
        the_format_is_told_by_content,
        golden_outputs_are_given,
        a_bundle_is_a_function_of_real_numbers,
        nothing_else_is_loaded,
    )
}

if __name__ == "__main__":
    CHECKS[sys.argv[3]](Place(sys.argv[1], Path(sys.argv[2])))
