"""PyTorch modules of every kind, as files that answer as they do."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgekit_converters.binding import open_exported
from edgekit_converters.settings import NamedShape, NamedType, SourceSettings
from edgekit_converters.torch.load import load_model
from edgekit_converters.torch.model import TorchModel
from edgekit_runtime.samples import real_samples, stored_input, stored_sample
from edgekit_targets.graph.read import read_graph
from tests.torch_models import INPUTS, samples

MODELS = Path(__file__).parents[1] / "torch_models.py"
MAX_ERROR = 1e-4


def settings(name: str) -> SourceSettings:
    return SourceSettings(
        f"{MODELS}:make_{name}",
        "torch-code",
        shapes=tuple(NamedShape(one.name, one.shape) for one in INPUTS[name]),
        dtypes=tuple(NamedType(one.name, one.dtype) for one in INPUTS[name]),
    )


def run_file(path: Path, model: TorchModel, data: dict[str, np.ndarray], orders: object) -> dict[str, np.ndarray]:
    interpreter, border = open_exported(path, replace(model.info, orders=orders))
    places = [spec.name for spec in interpreter.outputs]
    rows = []
    for k in range(len(next(iter(data.values())))):
        for place, index in enumerate(border.file_order):
            binding = border.inputs[index]
            interpreter.set_input(place, stored_input(data[binding.source.name][k], binding))
        interpreter.invoke()
        values = [interpreter.output(places.index(binding.stored.name)) for binding in border.outputs]
        rows.append([stored_sample(value, b.source) for value, b in zip(values, border.outputs, strict=True)])
    return {b.source.name: real_samples(np.stack([row[k] for row in rows]), b) for k, b in enumerate(border.outputs)}


def operators(path: Path) -> Counter[str]:
    return Counter(one.name for part in read_graph(path).subgraphs for one in part.operators)


@pytest.mark.slow
@pytest.mark.parametrize("model_format", ["tflite", "onnx"])
@pytest.mark.parametrize("name", INPUTS)
def test_every_kind_of_module_answers_alike_as_a_file(name: str, model_format: str, tmp_path: Path) -> None:
    model, data, path = load_model(settings(name)), samples(name, 3), tmp_path / f"model.{model_format}"
    orders = model.export(path, model_format)
    expected, got = model.predict(data), run_file(path, model, data, orders)
    assert got.keys() == expected.keys()
    for output, values in expected.items():
        assert got[output].shape == values.shape
        assert np.abs(got[output] - values).max() <= MAX_ERROR * np.abs(values).max()
