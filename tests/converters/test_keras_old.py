"""Files that Keras 2 saved: each gives what it gave there, through Keras 3 or through tf_keras."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgekit_converters.binding import open_exported
from edgekit_converters.detect import detect_source
from edgekit_converters.framework import FrameworkSession
from edgekit_converters.settings import DataSettings, SourceSettings
from edgekit_runtime.progress import silent

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def old_models(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("old-models")
    argv = [sys.executable, repository / "tests/keras_models.py", folder, "old"]
    subprocess.run(argv, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def session() -> Iterator[FrameworkSession]:
    with FrameworkSession("edgekit_converters.keras") as opened:
        yield opened


@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.parametrize(
    ("name", "library"), [("nested", "keras"), ("transfer", "keras"), ("sigmoid", "keras"), ("operator", "tf_keras")]
)
def test_an_old_file_gives_what_it_gave(
    session: FrameworkSession, old_models: Path, tmp_path: Path, name: str, suffix: str, library: str
) -> None:
    path, data = old_models / f"{name}.{suffix}", old_models / f"{name}.npz"
    info = session.load(SourceSettings(str(path), detect_source(path), trust=False))
    assert info.libraries[0].name == library
    session.predict(DataSettings(str(data), None, 0), tmp_path / "source.npz", silent)
    expected = np.load(old_models / f"{name}-outputs.npz")["y"]
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(np.load(tmp_path / "source.npz")[info.outputs[0].name], expected, atol=1e-5)
    session.export(tmp_path / "model.tflite", "tflite")
    interpreter, border = open_exported(tmp_path / "model.tflite", info)
    interpreter.set_input(0, np.load(data)["x"][:1])
    interpreter.invoke()
    assert border.outputs[0].source.name == info.outputs[0].name
    np.testing.assert_allclose(interpreter.output(0), expected[:1], atol=1e-5)
