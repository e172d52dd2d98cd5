from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from edgekit_converters.onnx.read import NEWEST_IR, NEWEST_OPSET, read_model
from edgekit_runtime.errors import ModelError
from tests.onnx_models import save_convolutions, save_graph, weights

RELU = [helper.make_node("Relu", ["x"], ["y"])]
X, Y = {"x": [1, 4]}, {"y": [1, 4]}


def save_external(folder: Path) -> Path:
    """A model whose weights lie in `weights.bin` beside it."""
    path = save_convolutions(folder / "model.onnx")
    model = onnx.load_model(str(path))
    onnx.save_model(model, str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
    return path


def rewrite_place(path: Path, **entries: str) -> None:
    model = onnx.load_model(str(path), load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        entry.value = entries.get(entry.key, entry.value)
    path.write_bytes(model.SerializeToString())


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_cut_file_is_damaged(tmp_path: Path, keep: float) -> None:
    whole = save_convolutions(tmp_path / "model.onnx").read_bytes()
    (tmp_path / "cut.onnx").write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(ModelError, match=r"damaged|no operators"):
        read_model(tmp_path / "cut.onnx")


def test_the_newest_versions_are_those_that_onnxruntime_takes(tmp_path: Path) -> None:
    for opset, ir_version in ((NEWEST_OPSET, NEWEST_IR), (NEWEST_OPSET + 1, NEWEST_IR), (NEWEST_OPSET, NEWEST_IR + 1)):
        path = save_graph(tmp_path / "model.onnx", RELU, X, Y, opset=opset)
        model = onnx.load_model(str(path))
        model.ir_version = ir_version
        path.write_bytes(model.SerializeToString())
        if (opset, ir_version) == (NEWEST_OPSET, NEWEST_IR):
            onnxruntime.InferenceSession(str(path))
            assert read_model(path) == model
            continue
        with pytest.raises(Exception, match=r"(?i)opset|version"):
            onnxruntime.InferenceSession(str(path))
        with pytest.raises(ModelError, match=f"allowed: up to {NEWEST_OPSET if opset > NEWEST_OPSET else NEWEST_IR}"):
            read_model(path)


def test_operators_of_others_are_named_all_at_once_in_sub_graphs_too(tmp_path: Path) -> None:
    inner = helper.make_graph(
        [helper.make_node("Deep", ["x"], ["z"], domain="theirs")],
        "inner",
        [],
        [helper.make_tensor_value_info("z", 1, [1])],
    )
    nodes = [
        helper.make_node("Fancy", ["x"], ["a"], domain="mine"),
        helper.make_node("Fancy", ["a"], ["b"], domain="mine"),
        helper.make_node("Nonsense", ["b"], ["c"]),
        helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner),
    ]
    path = save_graph(tmp_path / "model.onnx", nodes, X, Y, domains=("mine", "theirs"))
    with pytest.raises(ModelError) as caught:
        read_model(path)
    assert "Nonsense of ONNX (1 time), Fancy of mine (2 times), Deep of theirs (2 times)" in str(caught.value)


def test_a_models_own_functions_and_onnxruntimes_operators_are_known(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Twice", ["x"], ["a"], domain="mine"),
        helper.make_node("Gelu", ["a"], ["y"], domain="com.microsoft"),
    ]
    path = save_graph(tmp_path / "model.onnx", nodes, X, Y, domains=("mine", "com.microsoft"))
    model = onnx.load_model(str(path))
    body = [helper.make_node("Add", ["v", "v"], ["w"])]
    model.functions.append(helper.make_function("mine", "Twice", ["v"], ["w"], body, [helper.make_opsetid("", 17)]))
    path.write_bytes(model.SerializeToString())
    assert read_model(path) == model


def test_nan_weights_are_refused_by_name_and_infinite_masks_are_not(tmp_path: Path) -> None:
    nodes = [helper.make_node("Add", ["x", "w"], ["y"])]
    mask = np.full((1, 4), -np.inf, np.float32)
    read_model(save_graph(tmp_path / "mask.onnx", nodes, X, Y, {"w": mask}))
    mask[0, 2] = np.nan
    with pytest.raises(ModelError, match="w holds NaN"):
        read_model(save_graph(tmp_path / "nan.onnx", nodes, X, Y, {"w": mask}))


def test_external_data_beside_the_file_is_read(tmp_path: Path) -> None:
    model = read_model(save_external(tmp_path))
    found = {tensor.name: tensor for tensor in model.graph.initializer}
    np.testing.assert_array_equal(numpy_helper.to_array(found["w1"]), weights(8, 3, 3, 3))


@pytest.mark.parametrize("place", ["/etc/hostname", "../weights.bin", "link.bin", ""])
def test_external_data_elsewhere_is_refused(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    path = save_external(folder)
    (folder / "weights.bin").rename(tmp_path / "weights.bin")
    (folder / "link.bin").symlink_to(tmp_path / "weights.bin")
    rewrite_place(path, location=place)
    with pytest.raises(ModelError, match="outside the model's folder"):
        read_model(path)


def test_missing_and_short_external_data_are_told_apart(tmp_path: Path) -> None:
    path = save_external(tmp_path)
    rewrite_place(path, length="99999999")
    with pytest.raises(ModelError, match=r"weights\.bin ends before the data of w1"):
        read_model(path)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(ModelError, match=r"weights\.bin, which is missing"):
        read_model(path)


def test_weights_of_more_than_two_gibibytes_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = save_external(tmp_path)
    with open(tmp_path / "weights.bin", "ab") as file:
        file.truncate(3 * 2**30)  # a hole, which takes no space
    rewrite_place(path, length=str(3 * 2**30 - 10000), offset="0")
    with pytest.raises(ModelError, match=r"3\.0 GiB; allowed: under 2 GiB"):
        read_model(path)
