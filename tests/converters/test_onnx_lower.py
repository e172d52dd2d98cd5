"""edgekit_converters.onnx.lower: an older opset for compilers that read no newer one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from edgekit_converters.onnx.lower import lower, newer
from tests.onnx_models import save_graph


def save_chain(path: Path, *kinds: str, opset: int = 20) -> Path:
    """Operators of one input and one output, one behind the other."""
    names = ["x", *(f"t{i}" for i in range(1, len(kinds))), "y"]
    nodes = [helper.make_node(kind, [names[i]], [names[i + 1]], f"/{kind}") for i, kind in enumerate(kinds)]
    return save_graph(path, nodes, {"x": [1, 4]}, {"y": [1, 4]}, opset=opset)


def run(path: Path) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.float32([[-1, 0.5, 2, -3]])})[0]


def test_a_model_whose_operators_did_not_change_is_told_as_older_and_computes_the_same(tmp_path: Path) -> None:
    path = save_chain(tmp_path / "model.onnx", "Relu", "Sigmoid", "Softmax")

    lowered = lower(path, 19, tmp_path / "lowered.onnx")

    assert [entry.version for entry in onnx.load(str(lowered)).opset_import] == [19]
    np.testing.assert_array_equal(run(lowered), run(path))


@pytest.mark.parametrize(("kinds", "opset"), [(("Relu", "Gelu"), 20), (("Relu",), 17), (("Identity",), 21)])
def test_an_operator_that_came_or_changed_since_and_a_model_that_is_old_enough_are_left_alone(
    kinds: tuple[str, ...], opset: int, tmp_path: Path
) -> None:
    path = save_chain(tmp_path / "model.onnx", *kinds, opset=opset)

    assert lower(path, 19, tmp_path / "lowered.onnx") == path
    assert list(tmp_path.iterdir()) == [path]


def test_kinds_that_are_newer_than_an_opset_are_named(tmp_path: Path) -> None:
    path = save_chain(tmp_path / "model.onnx", "Relu", "Gelu", "MyOwn")

    assert newer(path, 19) == {"Gelu"}
    assert newer(path, 20) == frozenset()
