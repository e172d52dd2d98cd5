"""edgekit_converters.binding: each input and output of a source finds its tensor in the exported file."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_converters.binding import bind, open_exported
from edgekit_converters.source import SourceInfo, signature_names
from edgekit_runtime.errors import ConversionError
from edgekit_runtime.tensor import TensorSpec
from tests.bundle_files import DENSE, TWO_BY_TWO
from tests.tflite_files import write_dense, write_two_by_two


def spec(name: str) -> TensorSpec:
    return TensorSpec(name, (1, 4), "float32")


@given(st.lists(st.text(max_size=3), min_size=1, max_size=5, unique=True), st.randoms())
def test_tensors_are_matched_by_signature_whatever_their_order_and_names(names, random):
    sources = tuple(spec(name) for name in names)
    stored = [spec(f"t_{i}") for i in range(len(names))]
    signature = {key: tensor.name for key, tensor in zip(signature_names(sources), stored, strict=True)}
    shuffled = random.sample(stored, len(stored))
    info = SourceInfo(sources, (spec("y"),), 0, ())
    border = bind(info, (tuple(shuffled), (spec("t_y"),)), (signature, {"y": "t_y"}))
    assert [binding.source for binding in border.inputs] == list(sources)
    assert [binding.stored for binding in border.inputs] == stored
    assert [border.inputs[i].stored for i in border.file_order] == shuffled


def test_a_real_file_is_opened_with_its_border(tmp_path):
    interpreter, border = open_exported(write_two_by_two(tmp_path / "m.tflite"), TWO_BY_TWO)
    assert [(b.source.name, b.stored.name) for b in border.inputs] == [("a", "t_a"), ("b", "t_b")]
    assert [(b.source.name, b.stored.name) for b in border.outputs] == [
        ("sum", "t_sum"),
        ("difference", "t_difference"),
    ]
    assert [border.inputs[i].stored for i in border.file_order] == list(interpreter.inputs)


def test_a_tensor_that_is_two_outputs_at_once_serves_both():
    info = SourceInfo((spec("x"),), (spec("y"), spec("z")), 0, ())
    border = bind(info, ((spec("t_x"),), (spec("t_y"),)), ({"x": "t_x"}, {"y": "t_y", "z": "t_y"}))
    assert [binding.stored.name for binding in border.outputs] == ["t_y", "t_y"]


@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_a_lost_input_or_output_is_named(tmp_path, side):
    info = replace(DENSE, **{side: (spec("lost"),)})
    with pytest.raises(ConversionError, match=r"no tensor for lost; its signature has: (features|scores)"):
        open_exported(write_dense(tmp_path / "m.tflite"), info)


def test_an_input_that_the_source_lacks_is_named(tmp_path):
    info = replace(TWO_BY_TWO, inputs=TWO_BY_TWO.inputs[:1])
    with pytest.raises(ConversionError, match="inputs that its source lacks: t_b"):
        open_exported(write_two_by_two(tmp_path / "m.tflite"), info)


def test_a_file_without_signature_calls_its_tensors_by_their_own_names(tmp_path):
    path = write_dense(tmp_path / "m.tflite", signature=False)
    info = SourceInfo((spec("x"),), (spec("y"),), 0, ())
    assert open_exported(path, info)[1].inputs[0].stored.name == "x"
