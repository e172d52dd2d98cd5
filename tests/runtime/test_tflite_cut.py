"""Cutting operators out of `.tflite` files: run one after the other they are the whole model."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.errors import ModelError
from edgekit_runtime.interpreter import open_interpreter
from edgekit_runtime.tflite_cut import KINDS, CutFile
from edgekit_targets.graph.tflite import read_tflite
from tests.tflite_files import dense_samples, write_dense, write_int8_dense, write_two_by_two


def run(path, values):
    interpreter = open_interpreter(path, "tflite")
    for index, value in enumerate(values):
        interpreter.set_input(index, value)
    interpreter.invoke()
    return {spec.name: interpreter.output(index) for index, spec in enumerate(interpreter.outputs)}


@pytest.mark.parametrize("make", [write_dense, lambda path: write_int8_dense(path.parent)[1]], ids=["float", "int8"])
def test_operators_run_one_after_the_other_are_the_model(make, tmp_path):
    model = make(tmp_path / "model.tflite")
    whole = open_interpreter(model, "tflite")
    spec = whole.inputs[0]
    value = dense_samples(1, seed=3).astype(spec.dtype)
    (expected,) = run(model, [value]).values()
    file = CutFile(model, tmp_path / "cut.tflite")
    assert len(file.operators) > 1
    for operator in file.operators:
        file.select(operator)
        (value,) = run(file.path, [value]).values()
    assert np.array_equal(value, expected)


def test_an_operator_brings_its_kind_its_name_and_what_it_needs(tmp_path):
    file = CutFile(write_two_by_two(tmp_path / "model.tflite"), tmp_path / "cut.tflite")
    assert {operator.kind for operator in file.operators} == {"ADD", "SUB"}
    for operator in file.operators:
        file.select(operator)
        interpreter = open_interpreter(file.path, "tflite")
        assert (len(interpreter.inputs), len(interpreter.outputs)) == (2, 1)
        assert interpreter.outputs[0].name == operator.name
    source = (tmp_path / "model.tflite").read_bytes()
    assert source == write_two_by_two(tmp_path / "again.tflite").read_bytes()  # the source stays as it was


def test_the_kinds_are_those_of_the_schema():
    numbers = {name: number for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    assert [numbers[kind] for kind in KINDS] == list(range(len(KINDS)))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pretrainedResnet.tflite", "kws_ref_model.tflite", "vww_96_int8.tflite"])
def test_a_real_models_operators_are_cut(assets, tmp_path, name):
    model = assets / "mlperf-tiny" / name
    file = CutFile(model, tmp_path / "cut.tflite")
    assert [operator.kind for operator in file.operators] == [
        operator.name for operator in read_tflite(model).main.operators
    ]
    for operator in file.operators:
        file.select(operator)
        open_interpreter(file.path, "tflite")


@given(st.data())
def test_a_damaged_file_is_cut_or_refused(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    content = bytearray(write_dense(folder / "model.tflite").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = folder / "damaged.tflite"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        file = CutFile(path, folder / "cut.tflite")
        for operator in file.operators:
            file.select(operator)
    except ModelError as error:
        told = str(error)
        assert "cut" in told or "laid out" in told  # either outcome is right
