"""edgekit_converters.quantize.masks: int8 holds the scores of an attention beside the mask's huge numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgekit_converters.binding import open_exported
from edgekit_converters.quantize.masks import HUGE, MARGIN, find_masks, unmasked
from edgekit_converters.quantize.session import quantize
from edgekit_converters.settings import DataSettings, QuantizeSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.errors import ConversionError
from edgekit_runtime.progress import silent
from edgekit_runtime.samples import real_samples, stored_input, stored_sample
from edgekit_runtime.tensor import TensorSpec
from edgekit_targets.graph.tflite import read_tflite
from tests.tflite_files import Operator, Tensor, constant, write_tflite

LENGTH = 6
SEEN = np.tril(np.ones((1, LENGTH, LENGTH), bool))
INFO = SourceInfo(
    (TensorSpec("scores", (-1, LENGTH, LENGTH), "float32"),),
    (TensorSpec("shares", (-1, LENGTH, LENGTH), "float32"),),
    0,
    (),
)


def write_attention(path: Path, kind: str, huge: float) -> Path:
    """Masked scores and their softmax."""
    shape = (1, LENGTH, LENGTH)
    if kind == "ADD":
        masks = [constant("mask", np.where(SEEN, 0.0, huge).astype(np.float32))]
        merge = Operator("ADD", ("x", "mask"), ("masked",))
    else:
        masks = [constant("seen", SEEN), constant("mask", np.float32(huge).reshape(()))]
        merge = Operator("SELECT_V2", ("seen", "x", "mask"), ("masked",))
    tensors = [Tensor("x", shape), *masks, Tensor("masked", shape), Tensor("y", shape)]
    operators = [merge, Operator("SOFTMAX", ("masked",), ("y",), {"beta": 1.0})]
    return write_tflite(path, tensors, operators, {"scores": "x"}, {"shares": "y"})


@pytest.mark.parametrize("kind", ["ADD", "SELECT_V2"])
@pytest.mark.parametrize("huge", [-1e9, -np.inf, -3e4])
def test_a_mask_does_not_take_the_range_of_the_scores(tmp_path: Path, kind: str, huge: float) -> None:
    scores = np.random.default_rng(0).normal(0, 3, (40, LENGTH, LENGTH)).astype(np.float32)
    np.savez(tmp_path / "data.npz", scores=scores)
    made = tmp_path / "q.tflite"
    quantize(
        write_attention(tmp_path / "float.tflite", kind, huge),
        made,
        INFO,
        QuantizeSettings("int8", "int8", "int8"),
        DataSettings(str(tmp_path / "data.npz"), None, 0),
        progress=silent,
    )
    interpreter, border = open_exported(made, INFO)
    weights = np.where(SEEN[0], np.exp(scores), 0)
    for sample, wanted in zip(scores, weights / weights.sum(-1, keepdims=True), strict=True):
        interpreter.set_input(0, stored_input(sample, border.inputs[0]))
        interpreter.invoke()
        shares = real_samples(stored_sample(interpreter.output(0), INFO.outputs[0])[None], border.outputs[0])[0]
        assert np.max(np.abs(shares - wanted)) < 0.05
        assert np.max(shares[~SEEN[0]]) < 0.005


def test_a_mask_is_found_with_all_that_it_reaches(tmp_path: Path) -> None:
    (mask,) = find_masks(read_tflite(write_attention(tmp_path / "m.tflite", "ADD", -1e9)).main)
    assert (mask.constant, mask.adds, mask.before, mask.after) == ("mask", True, (), ("masked",))


def test_huge_numbers_that_reach_no_softmax_are_no_mask(tmp_path: Path) -> None:
    tensors = [Tensor("x", (1, 3)), constant("low", np.full((1, 3), -1e9, np.float32)), Tensor("y", (1, 3))]
    path = write_tflite(tmp_path / "m.tflite", tensors, [Operator("ADD", ("x", "low"), ("y",))], {"a": "x"}, {"b": "y"})
    assert find_masks(read_tflite(path).main) == ()


def test_only_what_is_above_the_huge_numbers_counts() -> None:
    values = np.array([[-np.inf, -1e9, -HUGE], [1.0, -MARGIN, 0.0]])
    assert unmasked(values).tolist() == [1.0, -MARGIN, 0.0]


def test_a_mask_that_leaves_nothing_ends_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.converters.test_quantize_masks.SEEN", np.zeros_like(SEEN))
    np.savez(tmp_path / "data.npz", scores=np.zeros((4, LENGTH, LENGTH), np.float32))
    with pytest.raises(ConversionError, match="ai-edge-quantizer refuses"):
        quantize(
            write_attention(tmp_path / "float.tflite", "ADD", -1e9),
            tmp_path / "q.tflite",
            INFO,
            QuantizeSettings("int8", "int8", "int8"),
            DataSettings(str(tmp_path / "data.npz"), None, 0),
            progress=silent,
        )
