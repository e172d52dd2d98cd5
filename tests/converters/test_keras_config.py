"""edgekit_converters.keras.config: what is refused by the configuration alone, before any framework is loaded."""

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import pytest

from edgekit_converters.keras.config import check_safe, classes, layer_that_names, read_config
from edgekit_runtime.errors import ModelError

DENSE = {"module": "keras.layers", "class_name": "Dense", "config": {"name": "out", "units": 2, "activation": "relu"}}


def model_of(*layers: dict[str, Any]) -> dict[str, Any]:
    config = {"name": "net", "layers": [*layers, DENSE]}
    return {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None}


def layer(class_name: str, module: str | None = "keras.layers", **config: object) -> dict[str, Any]:
    return {"module": module, "class_name": class_name, "config": {"name": "sneaky", **config}}


def write(path: Path, tree: object, version: str = "3.15.1") -> Path:
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file.attrs["model_config"], file.attrs["keras_version"] = json.dumps(tree), version
        return path
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(tree))
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
    return path


@pytest.fixture(params=[".keras", ".h5"])
def suffix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def check(folder: Path, suffix: str, tree: object) -> None:
    check_safe(write(folder / f"model{suffix}", tree), "keras" if suffix == ".keras" else "keras-h5")


def test_keras_own_layers_pass(tmp_path: Path, suffix: str) -> None:
    check(tmp_path, suffix, model_of(layer("Conv2D"), layer("LSTM", "tf_keras.src.layers.rnn")))


@pytest.mark.parametrize("name", ["Lambda", "TFSMLayer", "TensorFlowOpLayer"])
def test_layers_that_hold_code_need_trust(tmp_path: Path, suffix: str, name: str) -> None:
    with pytest.raises(ModelError, match=f"layer 'sneaky' is a {name}.*--trust"):
        check(tmp_path, suffix, model_of(layer(name)))


def test_a_lambda_inside_a_wrapper_is_found(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ModelError, match="'sneaky' is a Lambda"):
        check(tmp_path, suffix, model_of(layer("TimeDistributed", name="each", layer=layer("Lambda"))))


@pytest.mark.parametrize(
    "custom",
    [
        layer("Doubler", "shop.layers"),
        layer("shop>Doubler", None),
        layer("Doubler", None) | {"registered_name": "shop>Doubler"},
        layer("system", "os"),
        layer("exec", "builtins"),
    ],
)
def test_a_class_that_is_not_keras_own_is_refused_by_layer_and_name(
    tmp_path: Path, suffix: str, custom: dict[str, Any]
) -> None:
    name = custom["class_name"].rpartition(">")[2]
    with pytest.raises(ModelError, match=f"layer 'sneaky' is of the class {name}, which is not Keras's own"):
        check(tmp_path, suffix, model_of(custom))


def test_a_function_of_python_is_refused(tmp_path: Path, suffix: str) -> None:
    function = {"module": "builtins", "class_name": "function", "config": "exec", "registered_name": "exec"}
    with pytest.raises(ModelError, match="class exec"):
        check(tmp_path, suffix, model_of(layer("Activation", activation=function)))


def test_the_refusal_names_the_module_to_give(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ModelError) as caught:
        check(tmp_path, suffix, model_of(layer("Doubler", "shop.layers")))
    assert "--trust --custom shop.layers" in caught.value.hint


@pytest.mark.parametrize(
    "name",
    ["math.multiply", "__operators__.getitem", "nn.relu6", "reshape", "compat.v1.transpose", "image.resize", "concat"],
)
def test_functions_that_compute_pass(tmp_path: Path, suffix: str, name: str) -> None:
    check(tmp_path, suffix, model_of(layer("TFOpLambda", function=name)))


@pytest.mark.parametrize(
    "name",
    ["io.write_file", "io.read_file", "load_library", "raw_ops.WriteFile", "py_function", "numpy_function", ""],
)
def test_functions_that_may_do_more_are_refused_by_name(tmp_path: Path, suffix: str, name: str) -> None:
    with pytest.raises(ModelError, match=f"layer 'sneaky' calls TensorFlow's {name}.*--trust"):
        check(tmp_path, suffix, model_of(layer("TFOpLambda", function=name)))


def test_a_loss_of_the_users_own_does_not_matter(tmp_path: Path) -> None:
    loss = {"loss": {"module": "shop", "class_name": "Loss", "config": {}}}
    check(tmp_path, ".keras", model_of() | {"compile_config": loss})


@pytest.mark.parametrize(
    ("version", "old"), [("2.1.4", True), ("2.2.4-tf", True), ("2.15.0", True), ("3.0.0", False), ("", True)]
)
def test_the_version_that_saved_it_is_told(tmp_path: Path, suffix: str, version: str, old: bool) -> None:
    path = write(tmp_path / f"model{suffix}", model_of(), version)
    config = read_config(path, "keras" if suffix == ".keras" else "keras-h5")
    assert (config.version, config.old) == (version, old)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x89HDF\r\n\x1a\n" + bytes(40)])
@pytest.mark.parametrize("source_format", ["keras", "keras-h5"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes, source_format: str) -> None:
    path = tmp_path / "model"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="damaged or cut short"):
        read_config(path, source_format)


def test_a_configuration_that_is_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{")
        archive.writestr("metadata.json", "[]")
    with pytest.raises(ModelError, match="damaged or cut short"):
        read_config(path, "keras")


def test_weights_without_a_model_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["layer"] = [1.0]
    with pytest.raises(ModelError, match="weights only"):
        read_config(tmp_path / "weights.h5", "keras-h5")


def test_the_layer_that_names_a_function_is_found() -> None:
    inner = layer("Dense", name="inner", activation="squeezed")
    tree = model_of(layer("TimeDistributed", name="each", layer=inner))
    assert layer_that_names(tree, "squeezed") == "inner"
    assert layer_that_names(tree, "TimeDistributed") == "each"
    assert layer_that_names(tree, "unknown") == ""
    assert [found.name for found in classes(tree)] == ["Sequential", "TimeDistributed", "Dense", "Dense"]
