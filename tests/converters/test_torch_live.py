"""Live modules of the caller's own process, as programs that a session loads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgekit.pipeline.convert import convert
from edgekit.pipeline.request import Request
from edgekit_converters.live import stage_live
from edgekit_converters.settings import NamedShape, SourceSettings
from edgekit_converters.torch.load import load_model
from edgekit_runtime.errors import ConversionError, ModelError, RecipeError
from tests.torch_models import INPUTS, MAKERS, samples


@dataclass
class Found:
    score: torch.Tensor
    parts: tuple[torch.Tensor, torch.Tensor]


class Structured(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dense, self.drop = nn.Linear(4, 3), nn.Dropout(0.9)

    def forward(self, x: torch.Tensor, *, scale: float = 2.0) -> Found:
        y = self.drop(self.dense(x)) * scale
        return Found(y.sum(1), (y, y + 1))


class Branching(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.sum() > 0:
            return x + 1
        return x - 1


def settings(*shapes: NamedShape) -> SourceSettings:
    return SourceSettings("the live model", "live", shapes=shapes)


def test_a_module_is_staged_as_it_is_and_left_as_it_was(tmp_path: Path) -> None:
    module = Structured().train()
    staged = stage_live(module, tmp_path, settings(NamedShape("", (1, 4))))
    assert (staged.path.name, staged.custom) == ("Structured.pt2", ())
    assert module.training
    assert module.drop.training
    model = load_model(SourceSettings(str(staged.path), "torch-export"))
    assert [spec.name for spec in model.info.inputs] == ["x"]
    assert [spec.name for spec in model.info.outputs] == ["score", "parts_0", "parts_1"]
    x = np.float32([[1, 2, 3, 4], [4, 3, 2, 1]])
    with torch.no_grad():
        expected = module.eval()(torch.from_numpy(x))
    np.testing.assert_allclose(model.predict({"x": x})["parts_1"], expected.parts[1].numpy(), rtol=1e-5)


def test_what_cannot_be_staged_is_told_in_one_line(tmp_path: Path) -> None:
    module = Structured()
    with pytest.raises(RecipeError, match=r"the shape of x is not known.*--shape x=1"):
        stage_live(module, tmp_path, settings())
    with pytest.raises(ModelError, match=r"its forward fails with x float32 1x5: "):
        stage_live(module, tmp_path, settings(NamedShape("x", (1, 5))))
    with pytest.raises(
        ConversionError, match=r"branches on the values.*test_torch_live.py, line \d+: if x.sum\(\) > 0"
    ):
        stage_live(Branching(), tmp_path, settings(NamedShape("x", (1, 5))))
    scripted = torch.jit.trace(module.dense, torch.zeros(1, 4))
    with pytest.raises(RecipeError, match=r"TorchScript module.*the module that was scripted"):
        stage_live(scripted, tmp_path, settings(NamedShape("x", (1, 4))))


@pytest.mark.slow
def test_a_live_module_is_converted(tmp_path: Path) -> None:
    data = tmp_path / "data.npz"
    np.savez(data, **samples("two_in_three_out", 8))
    converted = convert(
        Request(MAKERS["two_in_three_out"](), "raspberry-pi-4b", "int8", calibrate=data, output=tmp_path / "out")
    )
    assert converted.manifest.name == "TwoInThreeOut"
    assert [one.source.name for one in converted.manifest.inputs] == [one.name for one in INPUTS["two_in_three_out"]]
    assert [one.source.name for one in converted.manifest.outputs] == ["classes", "boxes", "features"]
    assert converted.manifest.inputs[0].order == (0, 2, 3, 1)
