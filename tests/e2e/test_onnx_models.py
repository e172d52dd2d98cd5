"""Real .onnx models that others trained, from file to bundle."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgekit.pipeline.convert import Converted, convert
from edgekit.pipeline.request import Request
from edgekit_runtime import load
from edgekit_runtime.errors import ModelError

pytestmark = pytest.mark.slow

FACE = "ultra-light-face/version-slim-320_without_postprocessing.onnx"
VOICE = "silero-vad/silero_vad_16k_op15.onnx"


@pytest.fixture(scope="module")
def digits(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2500 digits, half of them to calibrate with."""
    folder = tmp_path_factory.mktemp("digits")
    stored = np.load(assets / "data/mnist_t10k_even_2500.npz")
    x, y = stored["x"].reshape(-1, 1, 28, 28).astype(np.float32), stored["y"]
    np.savez(folder / "calibrate.npz", x=x[::2])
    np.savez(folder / "evaluate.npz", x=x, y=y)
    return folder


@pytest.fixture(scope="module")
def faces(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six photographs, mirrored too, as the face detector takes them."""
    photos = []
    for path in sorted((assets / "coral/images").iterdir()):
        pixels = np.asarray(Image.open(path).convert("RGB").resize((320, 240)), np.float32)
        photos += [pixels, pixels[:, ::-1]]
    data = tmp_path_factory.mktemp("faces") / "faces.npz"
    np.savez(data, input=(np.stack(photos).transpose(0, 3, 1, 2) - 127) / 128)
    return data


@pytest.fixture(scope="module")
def speech(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pieces of four recordings; every piece begins with an empty state."""
    pieces = []
    for name in ("yes", "no", "noise", "silence"):
        with wave.open(str(assets / f"tflite-micro/{name}_1000ms.wav")) as sound:
            signal = np.frombuffer(sound.readframes(sound.getnframes()), np.int16).astype(np.float32) / 2**15
        pieces += [signal[start : start + 576] for start in range(0, len(signal) - 576, 1024)]
    data = tmp_path_factory.mktemp("speech") / "speech.npz"
    count = len(pieces)
    np.savez(data, input=np.stack(pieces), state=np.zeros((count, 2, 1, 128), np.float32), sr=np.full(count, 16000))
    return data


def float_operators(converted: Converted) -> list[str]:
    trail = json.loads((converted.path / "trail/quantization.json").read_text())
    return [one["operator"] for one in trail["fusion"]["float_operators"]]


@pytest.mark.parametrize("scheme", ["float16", "int8", "int8-dynamic", "int8-weight-only", "int4-weight-only"])
def test_digits_keep_their_accuracy_in_every_scheme(assets: Path, digits: Path, tmp_path: Path, scheme: str) -> None:
    request = Request(
        assets / "ort-examples/mnist.onnx",
        "host",
        scheme,
        calibrate=digits / "calibrate.npz",
        evaluate=digits / "evaluate.npz",
        samples=200,
        output=tmp_path / "out",
        model_format="onnx",
    )
    evaluation = convert(request).evaluation
    assert evaluation is not None
    assert evaluation.source.value == pytest.approx(0.99, abs=5e-4)
    assert evaluation.exported.value >= evaluation.source.value - 0.003


def test_the_face_detector_becomes_integers_whole(assets: Path, faces: Path, tmp_path: Path) -> None:
    output = tmp_path / "face"
    request = Request(assets / FACE, "host", "int8", calibrate=faces, output=output, model_format="onnx")
    converted = convert(request)
    assert float_operators(converted) == []
    assert converted.model_size_bytes < 400_000
    photos = np.load(faces)["input"]
    scores, boxes = load(converted.path)(photos[0]).values()
    assert scores.shape == (4420, 2)
    assert boxes.shape == (4420, 4)
    whole = convert(Request(assets / FACE, "host", "float32", output=tmp_path / "float", model_format="onnx"))
    expected = load(whole.path)(photos[0])["scores"]
    assert 10 * np.log10(np.sum(expected**2) / np.sum((expected - scores) ** 2)) > 35


def test_the_voice_detector_needs_a_length_and_keeps_its_state(assets: Path, speech: Path, tmp_path: Path) -> None:
    request = Request(assets / VOICE, "host", "int8-dynamic", calibrate=speech, output=tmp_path / "voice")
    with pytest.raises(ModelError, match="axis 1 of input, called sequence") as caught:
        convert(request)
    assert "--shape input=1,sequence" in caught.value.hint
    request = Request(
        assets / VOICE,
        "host",
        "int8-dynamic",
        calibrate=speech,
        evaluate=speech,
        shapes=("input=1,576",),
        output=tmp_path / "voice",
    )
    converted = convert(request)
    assert converted.evaluation is not None
    assert converted.evaluation.agreement.value == 1.0
    assert converted.model_size_bytes < converted.float_size_bytes / 3
    model, state = load(converted.path), np.zeros((2, 1, 128), np.float32)
    for piece in np.load(speech)["input"][:4]:
        answer = model({"input": piece, "state": state, "sr": np.array(16000)})
        assert answer["stateN"].shape == (2, 1, 128)
        state = answer["stateN"]
    assert np.abs(state).max() > 0


def test_the_voice_detector_in_static_int8_names_what_stays_float(assets: Path, speech: Path, tmp_path: Path) -> None:
    request = Request(
        assets / VOICE, "host", "int8", calibrate=speech, shapes=("input=1,576",), output=tmp_path / "voice"
    )
    converted = convert(request)
    assert {"Pow", "Sqrt"} <= set(float_operators(converted))
    assert any("in float32" in warning and "Sqrt" in warning for warning in converted.warnings)
