"""PyTorch modules of every kind, as files that answer as they do."""

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgekit_converters.binding import open_exported
from edgekit_converters.framework import FrameworkSession
from edgekit_converters.settings import NamedShape, NamedType, SourceSettings
from edgekit_converters.torch.inputs import find_forward
from edgekit_converters.torch.layout import LayoutWatch
from edgekit_converters.torch.load import load_model
from edgekit_converters.torch.model import TorchModel
from edgekit_runtime.errors import ConversionError, MissingExtraError
from edgekit_runtime.samples import real_samples, stored_input, stored_sample
from edgekit_targets.graph.read import read_graph
from tests.torch_models import INPUTS, ResNet20, samples

MODELS = Path(__file__).parents[1] / "torch_models.py"
MAX_ERROR = 1e-4
# None around a convolution. What is left: one pooled beside an output, attention.
TRANSPOSES = {"two_in_three_out": 1, "text_classifier": 12, "vit": 8, "decoder": 6}


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
    if model_format == "tflite":
        assert operators(path)["TRANSPOSE"] <= TRANSPOSES.get(name, 0)


class Images(nn.Module):
    """Two convolutions, what lies between them, and what becomes of the image after them.

    Args:
        last: From an image of 8 channels and 8 x 8 pixels to `(N, width)`.
        width: Of that.
        between: A layer on 6 channels.
    """

    def __init__(self, last: Callable[[torch.Tensor], torch.Tensor], width: int = 8, between: nn.Module | None = None):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.Conv2d(6, 8, 3, padding=1)
        self.between, self.last = between or nn.BatchNorm2d(6), last
        self.drop, self.dense = nn.Dropout(), nn.Linear(width, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.second(torch.relu(self.between(self.first(x)))))
        return self.dense(self.drop(self.last(x)))


class UNet(nn.Module):
    """One level down and up, with the fine image beside the coarse one."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fine, self.coarse = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.up, self.joined = nn.ConvTranspose2d(8, 4, 2, stride=2), nn.Conv2d(8, 2, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        fine = torch.relu(self.fine(x))
        coarse = torch.relu(self.coarse(nn.functional.max_pool2d(fine, 2)))
        return self.joined(torch.cat([self.up(coarse), fine], 1))


def pooled(x: torch.Tensor) -> torch.Tensor:
    return x.mean((2, 3))


WITHOUT_TRANSPOSE: dict[str, Callable[[], nn.Module]] = {
    "mean": lambda: Images(pooled),
    "mean of negative axes": lambda: Images(lambda x: torch.mean(x, dim=[-1, -2])),
    "mean of pixels in a row": lambda: Images(lambda x: x.flatten(2).mean(-1)),
    "maximum": lambda: Images(lambda x: x.amax((2, 3))),
    "flatten": lambda: Images(lambda x: torch.flatten(x, 1), 8 * 8 * 8),
    "view": lambda: Images(lambda x: x.view(x.size(0), -1), 8 * 8 * 8),
    "group norm": lambda: Images(pooled, between=nn.GroupNorm(3, 6)),
    "instance norm": lambda: Images(pooled, between=nn.InstanceNorm2d(6, affine=True)),
    "U-Net": UNet,
    "ResNet20": ResNet20,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WITHOUT_TRANSPOSE)
def test_no_transpose_stays_around_convolutions(name: str, tmp_path: Path) -> None:
    model, path = loaded(WITHOUT_TRANSPOSE[name](), ("x", (1, 3, 16, 16))), tmp_path / "model.tflite"
    data = {"x": np.random.default_rng(0).normal(size=(3, 3, 16, 16)).astype(np.float32)}
    got, expected = run_file(path, model, data, model.export(path, "tflite")), model.predict(data)
    assert "TRANSPOSE" not in operators(path)
    for output, values in expected.items():
        assert np.abs(got[output] - values).max() <= MAX_ERROR * np.abs(values).max()


@pytest.mark.slow
def test_a_program_keeps_no_transpose_either(tmp_path: Path) -> None:
    module = Images(lambda x: x.flatten(1), 8 * 8 * 8, nn.GroupNorm(3, 6)).eval()
    torch.export.save(torch.export.export(module, (torch.rand(1, 3, 16, 16),)), tmp_path / "model.pt2")
    model, path = load_model(SourceSettings(str(tmp_path / "model.pt2"), "torch-export")), tmp_path / "model.tflite"
    data = {"x": np.random.default_rng(0).normal(size=(3, 3, 16, 16)).astype(np.float32)}
    (got,), (expected,) = (
        run_file(path, model, data, model.export(path, "tflite")).values(),
        model.predict(data).values(),
    )
    assert operators(path)["TRANSPOSE"] == 0
    assert np.abs(got - expected).max() <= MAX_ERROR * np.abs(expected).max()


class Flattened(nn.Module):
    """An image in a row for a dense layer, and for another use to which the order of its pixels matters."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.dense = nn.Conv2d(3, 4, 3), nn.Linear(4 * 6 * 6, 5)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        row = self.conv(x).flatten(1)
        return self.dense(row), row


@pytest.mark.slow
def test_an_image_in_a_row_that_is_read_elsewhere_keeps_its_order(tmp_path: Path) -> None:
    model, path = loaded(Flattened(), ("x", (1, 3, 8, 8))), tmp_path / "model.tflite"
    data = {"x": np.random.default_rng(0).normal(size=(3, 3, 8, 8)).astype(np.float32)}
    got, expected = run_file(path, model, data, model.export(path, "tflite")), model.predict(data)
    for output, values in expected.items():
        assert np.abs(got[output] - values).max() <= MAX_ERROR * np.abs(values).max()


class Mixing(nn.Module):
    """It trains, drops, and mixes the samples of a batch, where it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.drop = nn.BatchNorm1d(3), nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.drop(self.norm(x)) + x.mean(0, keepdim=True)


class Exotic(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        largest = torch.linalg.svd(x)[1].sum()
        return largest + torch.special.bessel_j0(x) + torch.special.airy_ai(x)


class Branching(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.sum() > 0:
            return x + 1
        return x - 1


class Choosing(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[x > 0]


def loaded(module: nn.Module, *shapes: tuple[str, tuple[int, ...]]) -> TorchModel:
    named = tuple(NamedShape(name, shape) for name, shape in shapes)
    return TorchModel(
        find_forward(module.eval(), SourceSettings("own.py:make", "torch-code", shapes=named)), "own.py:make"
    )


def test_samples_are_run_one_at_a_time_without_training() -> None:
    module = Mixing()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    model = loaded(module, ("x", (1, 3)))
    x = np.float32([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    for _ in range(2):
        np.testing.assert_allclose(model.predict({"x": x})["output"], 2 * x, rtol=1e-4)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize("model_format", ["tflite", "onnx"])
def test_a_forward_that_depends_on_values_is_refused_with_its_line(model_format: str, tmp_path: Path) -> None:
    model = loaded(Branching(), ("x", (1, 3)))
    with pytest.raises(
        ConversionError, match=r"branches on the values.*test_torch_model.py, line \d+: if x.sum\(\) > 0"
    ):
        model.export(tmp_path / "model", model_format)
    assert not (tmp_path / "model").exists()


def test_an_output_whose_size_depends_on_values_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=r"the size of output output depends on the inputs' values"):
        loaded(Choosing(), ("x", (1, 3))).export(tmp_path / "model", "onnx")
    with pytest.raises(ConversionError, match=r"takes a size from them.*return x\[x > 0\]\)\."):
        loaded(Choosing(), ("x", (1, 3))).export(tmp_path / "model", "tflite")


@pytest.mark.slow
def test_float64_is_named_where_tflite_does_not_take_it(tmp_path: Path) -> None:
    settings = SourceSettings(
        "own.py:make", "torch-code", shapes=(NamedShape("", (1, 3)),), dtypes=(NamedType("", "float64"),)
    )
    model = TorchModel(find_forward(nn.Sequential(nn.Linear(3, 2).double()).eval(), settings), "own.py:make")
    with pytest.raises(ConversionError, match=r"float64, in which are: \w+, 0\.weight, 0\.bias; .*\.float\(\)"):
        model.export(tmp_path / "model", "tflite")


@pytest.mark.slow
@pytest.mark.parametrize("model_format", ["tflite", "onnx"])
def test_every_operator_that_is_lacking_is_named(model_format: str, tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=r"PyTorch's aten._linalg_svd, .*airy_ai, .*bessel_j0\..*--format"):
        loaded(Exotic(), ("x", (1, 3, 3))).export(tmp_path / "model", model_format)


@pytest.mark.parametrize(("library", "model_format"), [("litert_torch", "tflite"), ("onnxscript", "onnx")])
def test_a_missing_exporter_is_told_with_its_extra(
    library: str, model_format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=r"is not installed.*pip install 'edgekit\[torch"):
        loaded(Mixing(), ("x", (1, 3))).export(tmp_path / "model", model_format)


def test_missing_pytorch_is_told_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('not here')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with (
        FrameworkSession("edgekit_converters.torch") as session,
        pytest.raises(MissingExtraError, match=r"edgekit\[torch"),
    ):
        session.load(settings("small_cnn"))


def images(module: nn.Module, *tensors: torch.Tensor) -> tuple[frozenset[str], bool]:
    watch = LayoutWatch({f"input_{i}": tensor for i, tensor in enumerate(tensors)})
    with torch.no_grad(), watch:
        result = module(*tensors)
    return watch.image_inputs, watch.is_image(result)


def test_only_what_convolutions_take_or_give_counts_as_an_image() -> None:
    picture, heads = torch.zeros(1, 3, 8, 8), torch.zeros(1, 4, 6, 5)
    conv, pool = nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(2)
    assert images(nn.Sequential(nn.ReLU(), nn.ZeroPad2d(1), conv, nn.Hardswish()), picture) == ({"input_0"}, True)
    assert images(nn.Sequential(conv, pool, nn.Flatten()), picture) == ({"input_0"}, False)
    assert images(nn.Sequential(nn.Flatten(), nn.Unflatten(1, (3, 8, 8)), conv), picture) == (frozenset(), True)
    assert images(nn.Sequential(nn.Softmax(3), nn.Linear(5, 5)), heads) == (frozenset(), False)
    assert images(nn.Bilinear(5, 5, 2), heads, heads) == (frozenset(), False)
