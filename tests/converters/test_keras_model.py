"""The Keras session: what it loads, what it refuses, and that what it exports is the same model."""

from pathlib import Path

import numpy as np
import pytest

from edgekit_converters.binding import open_exported
from edgekit_converters.detect import detect_source
from edgekit_converters.framework import FrameworkSession
from edgekit_converters.settings import DataSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.errors import ModelError
from edgekit_runtime.progress import silent

KERAS = "edgekit_converters.keras"


def load(path: Path, *, trust: bool = False) -> SourceInfo:
    with FrameworkSession(KERAS) as session:
        return session.load(path, detect_source(path), trust=trust)


def outputs_of_both(path: Path, data: Path, folder: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each output, what the source gives and what its export gives, each `(N, ...)`."""
    with FrameworkSession(KERAS) as session:
        info = session.load(path, detect_source(path), trust=False)
        session.predict(DataSettings(str(data), None, 0), folder / "source.npz", silent)
        session.export_tflite(folder / "model.tflite")
    interpreter, border = open_exported(folder / "model.tflite", info)
    source, arrays = np.load(folder / "source.npz"), np.load(data)
    single = len(border.inputs) == 1
    rows = []
    for i in range(len(source[info.outputs[0].name])):
        for k, place in enumerate(border.file_order):
            spec = border.inputs[place].source
            interpreter.set_input(k, arrays["x" if single else spec.name][i : i + 1].astype(spec.dtype))
        interpreter.invoke()
        rows.append({spec.name: interpreter.output(k)[0] for k, spec in enumerate(interpreter.outputs)})
    return [
        (source[binding.source.name], np.stack([row[binding.stored.name] for row in rows]))
        for binding in border.outputs
    ]


@pytest.mark.parametrize("name", ["cnn.keras", "cnn.h5"])
def test_an_export_gives_what_its_source_gives(keras_models: Path, tmp_path: Path, name: str) -> None:
    ((source, exported),) = outputs_of_both(keras_models / name, keras_models / "evaluate.npz", tmp_path)
    np.testing.assert_allclose(exported, source, atol=1e-5)


def test_two_inputs_and_two_outputs_keep_names_and_order(keras_models: Path, tmp_path: Path) -> None:
    info = load(keras_models / "two.keras")
    assert [spec.name for spec in info.inputs] == ["wide", "narrow"]
    assert [spec.name for spec in info.outputs] == ["sign", "area"]
    for source, exported in outputs_of_both(keras_models / "two.keras", keras_models / "two.npz", tmp_path):
        np.testing.assert_allclose(exported, source, atol=1e-5)


def test_a_model_is_told_by_its_content_not_by_its_suffix(keras_models: Path, tmp_path: Path) -> None:
    disguised = tmp_path / "model.bin"
    disguised.write_bytes((keras_models / "cnn.keras").read_bytes())
    assert load(disguised) == load(keras_models / "cnn.keras")


@pytest.mark.parametrize("name", ["lambda.keras", "lambda.h5"])
def test_a_lambda_does_not_run_without_trust(keras_models: Path, name: str) -> None:
    with pytest.raises(ModelError, match=r"layer 'sneaky' is a Lambda layer.*--trust"):
        load(keras_models / name)
    assert load(keras_models / name, trust=True).parameters == 10


def test_a_layer_of_the_users_own_is_refused_by_name(keras_models: Path) -> None:
    with pytest.raises(ModelError, match=r"layer 'mine'.*Doubler"):
        load(keras_models / "custom.keras")


def test_a_free_axis_is_refused_with_the_input_that_has_it(keras_models: Path) -> None:
    with pytest.raises(ModelError, match=r"input \S+ has shape \(-1, -1, 4\)"):
        load(keras_models / "free.keras")


def test_weights_without_a_model_are_refused(keras_models: Path) -> None:
    with pytest.raises(ModelError, match="weights only"):
        load(keras_models / "only.weights.h5")


@pytest.mark.parametrize("name", ["cnn.h5", "cnn.keras"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_file_that_was_cut_short_is_refused(keras_models: Path, tmp_path: Path, name: str, share: float) -> None:
    content = (keras_models / name).read_bytes()
    cut = tmp_path / name
    cut.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match=f"{name}: "):
        load(cut)
