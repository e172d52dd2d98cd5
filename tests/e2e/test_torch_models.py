"""PyTorch models that others trained: from their checkpoints to INT8 bundles that keep their answers."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from edgekit.pipeline.convert import Converted, convert
from edgekit.pipeline.request import Request
from edgekit_targets.graph.read import read_graph

MODELS = Path(__file__).parents[1] / "torch_models.py"
MAX_NET_LOSS = 5  # of 500
IMAGENET_MEAN, IMAGENET_DEVIATION = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
Scaled = Callable[[np.ndarray], np.ndarray]
Made = Callable[[str], Converted]


def cifar(assets: Path, folder: Path, scaled: Scaled) -> tuple[Path, Path]:
    """Calibration and evaluation data with channels first, pixels in 0..1 brought to the model's range."""
    paths = []
    for name in ("train_0000-0299", "test_0000-0499"):
        stored = np.load(assets / f"data/cifar10_{name}.npz")
        x = scaled(stored["x"].astype(np.float32) / 255).transpose(0, 3, 1, 2)
        paths.append(folder / f"{name}.npz")
        np.savez(paths[-1], x=np.ascontiguousarray(x), y=stored["y"].astype(np.int64))
    return paths[0], paths[1]


def converter(assets: Path, folder: Path, code: str, weights: str, scaled: Scaled) -> Made:
    calibrate, evaluate = cifar(assets, folder, scaled)

    @cache
    def made(model_format: str) -> Converted:
        return convert(
            Request(
                Path(f"{MODELS}:{code}"),
                "host" if model_format == "onnx" else "raspberry-pi-4b",
                "int8",
                model_format=model_format,
                weights=assets / weights,
                calibrate=calibrate,
                evaluate=evaluate,
                output=folder / f"{code}-{model_format}",
            )
        )

    return made


@pytest.fixture(scope="module")
def resnet20(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("resnet20")
    weights = "pytorch-resnet-cifar10/resnet20-12fca82f.th"
    return converter(assets, folder, "ResNet20", weights, lambda x: (x - IMAGENET_MEAN) / IMAGENET_DEVIATION)


@pytest.fixture(scope="module")
def lenet(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("lenet")
    return converter(assets, folder, "LeNet", "captum/cifar_torchvision.pt", lambda x: (x - 0.5) / 0.5)


def net_loss(converted: Converted, accuracy: float) -> int:
    evaluation = converted.evaluation
    assert evaluation is not None
    assert evaluation.samples == 500
    assert evaluation.source.value == pytest.approx(accuracy)
    assert evaluation.flips is not None
    assert evaluation.flips.lost is not None
    assert evaluation.flips.gained is not None
    return evaluation.flips.lost - evaluation.flips.gained


def operators(converted: Converted) -> list[str]:
    graph = read_graph(converted.path / f"model.{converted.manifest.format}")
    return [one.name for part in graph.subgraphs for one in part.operators]


@pytest.mark.slow
def test_resnet20_keeps_its_answers_as_int8_tflite(resnet20: Made) -> None:
    converted = resnet20("tflite")
    assert net_loss(converted, 0.91) <= MAX_NET_LOSS
    assert "TRANSPOSE" not in operators(converted)
    assert converted.manifest.inputs[0].source.shape == (-1, 3, 32, 32)
    assert converted.manifest.inputs[0].stored.shape == (1, 32, 32, 3)
    libraries = [library.name for library in converted.manifest.origin.libraries]
    assert libraries == ["ai-edge-litert", "ai-edge-quantizer", "edgekit", "litert-torch", "torch"]


@pytest.mark.slow
def test_resnet20_keeps_its_answers_as_int8_onnx(resnet20: Made) -> None:
    converted = resnet20("onnx")
    assert net_loss(converted, 0.91) <= MAX_NET_LOSS
    assert (converted.manifest.inputs[0].stored.name, converted.manifest.outputs[0].stored.name) == ("x", "output")


@pytest.mark.slow
@pytest.mark.parametrize("model_format", ["tflite", "onnx"])
def test_captums_lenet_keeps_its_answers_as_int8(lenet: Made, model_format: str) -> None:
    assert net_loss(lenet(model_format), 0.57) <= MAX_NET_LOSS
