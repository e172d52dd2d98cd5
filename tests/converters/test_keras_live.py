"""Live Keras models from Python: each becomes a bundle that gives what it gives; run in a process of its own."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

from edgekit.pipeline.plan import make_plan
from edgekit.pipeline.request import Request
from edgekit_converters.live import stage_live
from edgekit_converters.settings import SourceSettings
from edgekit_runtime.errors import RecipeError

PROGRAM = """
import json, os, sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
folder, shop_folder = map(Path, sys.argv[1:])
sys.path.insert(0, str(shop_folder))
import keras
import numpy as np
import shop_layers

import edgekit
from edgekit.pipeline.request import Request
from edgekit_runtime import load

layers = keras.layers


class Own(layers.Layer):
    def call(self, inputs):
        return inputs * 2


def made(layer, name):
    return keras.Sequential([layers.Input((5, 2), name="x"), layer, layers.Dense(2, name="out")], name=name)


values = np.random.default_rng(0).normal(size=(6, 5, 2)).astype("float32")
np.savez(folder / "data.npz", x=values)
models = {
    "importable": made(shop_layers.Scaled(by=3.0), "a.b"),
    "again": None,
    "own": made(Own(), "own"),
    "recurrent": keras.Sequential([layers.Input((5, 2), name="x"), Own(), layers.LSTM(3, name="out")], name="loop"),
    "lambda": made(layers.Lambda(lambda x: x * 2), "lambda"),
}
models["again"] = models["importable"]
found = {}
for name, model in models.items():
    request = Request(model, "host", "float32", evaluate=folder / "data.npz", output=folder / name)
    converted = edgekit.convert(request)
    answers = load(converted.path)(values)
    found[name] = {
        "difference": float(np.abs(np.asarray(model(values)) - answers).max()),
        "digest": converted.digest,
        "name": converted.manifest.name,
        "format": converted.manifest.origin.source_format,
        "names": [binding.source.name for binding in (*converted.manifest.inputs, *converted.manifest.outputs)],
    }
print(json.dumps(found))
"""


@pytest.mark.slow
def test_live_models_are_converted_as_they_are(repository: Path, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    argv = [sys.executable, repository / "tests/keras_models.py", shop, "layers"]
    subprocess.run(argv, check=True, capture_output=True)
    argv = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path), str(shop)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert {name: entry["format"] for name, entry in found.items()} == {
        "importable": "keras",
        "again": "keras",
        "own": "saved-model",
        "recurrent": "saved-model",
        "lambda": "keras",
    }
    for entry in found.values():
        assert entry["difference"] < 1e-5
        assert entry["names"] == ["x", "out"]
    assert found["importable"]["name"] == "a.b"
    assert found["importable"]["digest"] == found["again"]["digest"]


@pytest.mark.parametrize("model", ["model.keras", 3, None])
def test_what_is_no_model_is_refused(tmp_path: Path, model: object) -> None:
    with pytest.raises(
        RecipeError, match=r"the model is a \w+; allowed: a pathlib\.Path, or a live model of Keras or PyTorch"
    ):
        stage_live(model, tmp_path, SourceSettings("", "live"))  # type: ignore[arg-type]  # that is what is tested


def test_a_plan_takes_no_live_model(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"a plan is made for a file or a folder, not for a SimpleNamespace"):
        make_plan(Request(SimpleNamespace(name="live", save=print), "host", "float32", output=tmp_path / "out"))


def test_modules_of_the_users_own_need_trust(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"--custom shop\.layers: importing a module runs its code.*--trust"):
        make_plan(Request(tmp_path / "model.keras", "host", "float32", custom=("shop.layers",)))
