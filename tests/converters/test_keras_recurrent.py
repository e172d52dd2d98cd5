"""Recurrent layers: unrolled with the same outputs, quantized with the same answers, or refused with the reason."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgekit.pipeline.convert import convert
from edgekit.pipeline.request import Request
from edgekit_converters.binding import open_exported
from edgekit_converters.detect import detect_source
from edgekit_converters.framework import FrameworkSession
from edgekit_converters.settings import DataSettings, SourceSettings
from edgekit_runtime.errors import ConversionError
from edgekit_runtime.progress import silent

pytestmark = pytest.mark.slow
MIN_AGREEMENT = 0.97


@pytest.fixture(scope="module")
def recurrent_models(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recurrent-models")
    argv = [sys.executable, repository / "tests/keras_models.py", folder, "recurrent"]
    subprocess.run(argv, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def session() -> Iterator[FrameworkSession]:
    with FrameworkSession("edgekit_converters.keras") as opened:
        yield opened


def test_nested_and_masked_recurrent_layers_are_unrolled(
    session: FrameworkSession, recurrent_models: Path, tmp_path: Path
) -> None:
    path, data = recurrent_models / "nested.keras", recurrent_models / "five.npz"
    info = session.load(SourceSettings(str(path), detect_source(path), trust=False))
    session.predict(DataSettings(str(data), None, 0), tmp_path / "source.npz", silent)
    session.export(tmp_path / "model.tflite", "tflite")
    interpreter, border = open_exported(tmp_path / "model.tflite", info)
    interpreter.set_input(0, np.load(data)["x"][:1])
    interpreter.invoke()
    found = {spec.name: interpreter.output(k) for k, spec in enumerate(interpreter.outputs)}
    for binding in border.outputs:
        expected = np.load(tmp_path / "source.npz")[binding.source.name][:1]
        np.testing.assert_allclose(found[binding.stored.name], expected, atol=1e-5)


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_a_trained_recurrent_model_keeps_its_answers_as_int8(recurrent_models: Path, tmp_path: Path, name: str) -> None:
    converted = convert(
        Request(
            recurrent_models / f"{name}.keras",
            "host",
            "int8",
            calibrate=recurrent_models / "calibrate.npz",
            evaluate=recurrent_models / "evaluate.npz",
            output=tmp_path / name,
        )
    )
    evaluation = converted.evaluation
    assert evaluation is not None
    assert evaluation.source.value is not None
    assert evaluation.source.value > 0.9
    assert evaluation.agreement is not None
    assert evaluation.agreement.value is not None
    assert evaluation.agreement.value >= MIN_AGREEMENT


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("free-time", r"layer 'loop' is recurrent .* time steps is free.*fixed one, such as keras\.Input"),
        ("stateful", r"layer 'loop' is recurrent .* it is stateful.*stateful=False"),
    ],
)
def test_what_cannot_be_unrolled_is_refused_with_the_reason(
    session: FrameworkSession, recurrent_models: Path, name: str, text: str
) -> None:
    path = recurrent_models / f"{name}.keras"
    with pytest.raises(ConversionError, match=text):
        session.load(SourceSettings(str(path), detect_source(path), trust=False))
