"""edgekit_converters.keras.rewrite: copies of saved models, with weights where later Kerases look for them."""

import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np

from edgekit_converters.keras.config import read_config
from edgekit_converters.keras.rewrite import copy_with

OLD = "_layer_checkpoint_dependencies"


def write_keras(path: Path, weights: dict[str, int]) -> Path:
    """A `.keras` file with one number for each name of a weight."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, value in weights.items():
            file[f"{name}/vars/0"] = np.full(2, value)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("metadata.json", '{"keras_version": "2.13.1"}')
        archive.writestr("model.weights.h5", buffer.getvalue())
    return path


def read_weights(path: Path) -> dict[str, int]:
    found = {}

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found[name.removesuffix("/vars/0")] = int(item[0])

    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        file.visititems(visit)
    return found


def test_layers_that_were_counted_twice_are_counted_once(tmp_path: Path) -> None:
    old = {f"{OLD}/dense": 0, f"{OLD}/dense_2": 1, f"{OLD}/dense_4": 2, f"{OLD}/dense_10": 3, f"{OLD}/conv2d": 4}
    path = write_keras(tmp_path / "old.keras", old)
    copy_with({}, path, "keras", tmp_path / "new.keras")
    assert read_weights(tmp_path / "new.keras") == {
        "layers/conv2d": 4,
        "layers/dense": 0,
        "layers/dense_1": 1,
        "layers/dense_2": 2,
        "layers/dense_3": 3,
    }
    assert read_weights(path) == old


def test_nested_models_are_renamed_too(tmp_path: Path) -> None:
    inner = f"{OLD}/functional/{OLD}"
    path = write_keras(tmp_path / "old.keras", {f"{inner}/dense": 0, f"{inner}/dense_2": 1})
    copy_with({}, path, "keras", tmp_path / "new.keras")
    assert read_weights(tmp_path / "new.keras") == {
        "layers/functional/layers/dense": 0,
        "layers/functional/layers/dense_1": 1,
    }


def test_later_files_keep_their_weights_as_they_are(tmp_path: Path) -> None:
    later = {"layers/dense": 0, "layers/dense_2": 1}
    copy_with({}, write_keras(tmp_path / "old.keras", later), "keras", tmp_path / "new.keras")
    assert read_weights(tmp_path / "new.keras") == later


def test_a_copy_has_the_new_configuration(tmp_path: Path) -> None:
    path = write_keras(tmp_path / "old.keras", {"layers/dense": 0})
    copy_with({"class_name": "New"}, path, "keras", tmp_path / "new.keras")
    assert read_config(tmp_path / "new.keras", "keras").tree == {"class_name": "New"}
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["model_config"], file["weights"] = json.dumps({"class_name": "Old"}), [1.0]
    copy_with({"class_name": "New"}, tmp_path / "old.h5", "keras-h5", tmp_path / "new.h5")
    assert read_config(tmp_path / "new.h5", "keras-h5").tree == {"class_name": "New"}
    assert read_config(tmp_path / "old.h5", "keras-h5").tree == {"class_name": "Old"}
