"""Code that makes modules, the files of their weights, and the shapes of their inputs."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
from argparse import Namespace
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from edgekit_converters.detect import detect_source
from edgekit_converters.settings import DataSettings, NamedShape, NamedType, SourceSettings
from edgekit_converters.torch.load import load_model
from edgekit_runtime.errors import ModelError, RecipeError

CODE = """
import torch
from torch import nn


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.dense = nn.Embedding(9, 4), nn.Linear(4, 2)
        self.norm = nn.BatchNorm1d(2)

    def forward(self, tokens, scale=None):
        y = self.norm(self.dense(self.words(tokens).mean(1)))
        return y if scale is None else y * scale


class Spread(nn.Module):
    def forward(self, *tensors):
        return tensors[0] + tensors[1]


class Named(nn.Module):
    def forward(self, **tensors):
        return tensors["a"] - tensors["b"]


class Needs(nn.Module):
    def __init__(self, width):
        super().__init__()


class Odd(nn.Module):
    def forward(self, x):
        return {"fine": x, "odd": [x + 1, None, (x + 2,)]}


class Text(nn.Module):
    def forward(self, x):
        return "no tensor"


def fails():
    raise RuntimeError("out of luck")


def scripted():
    return torch.jit.trace(nn.Linear(3, 3), torch.zeros(1, 3))


def nan():
    made = nn.Linear(3, 3)
    made.weight.data[0, 0] = float("nan")
    return made


def seven():
    return 7


dense = nn.Linear(3, 2)
"""
Saved = Callable[[Any, Path], None]


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("code") / "own_models.py"
    path.write_text(CODE, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def no_leftovers() -> Iterator[None]:
    before = list(sys.path)
    yield
    sys.path[:] = before


def load(code: Path, name: str, *shapes: NamedShape, **options: Any) -> Any:
    return load_model(SourceSettings(f"{code}:{name}", "torch-code", shapes=shapes, **options))


def tokens(code: Path, weights: Path | None = None) -> Any:
    options = {"dtypes": (NamedType("", "int64"),), "weights": None if weights is None else str(weights)}
    return load(code, "Two", NamedShape("", (1, 5)), **options)


@pytest.fixture(scope="module")
def state(code: Path) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    module = tokens(code)._forward.module
    return {name: torch.rand_like(v) if v.is_floating_point() else v for name, v in module.state_dict().items()}


def prefixed(state: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: value for name, value in state.items()}


SAVERS: dict[str, Saved] = {
    "plain.pt": torch.save,
    "legacy.th": lambda state, path: torch.save(state, path, _use_new_zipfile_serialization=False),
    "parallel.pth": lambda state, path: torch.save(OrderedDict(prefixed(state, "module.")), path),
    "checkpoint.pt": lambda state, path: torch.save({"epoch": 3, "state_dict": prefixed(state, "module.")}, path),
    "compiled.pt": lambda state, path: torch.save({"model": prefixed(state, "module._orig_mod.")}, path),
    "other.pth": lambda state, path: torch.save({"model_state_dict": state, "optimizer": {"lr": 0.1}}, path),
    "weights.safetensors": lambda state, path: save_file(state, str(path)),
    "other-key.pth": lambda state, path: torch.save({"params": state}, path),
    "nested.pth": lambda state, path: torch.save({"module": {"network": state}, "best": np.float64(0.5)}, path),
    "lightning.ckpt": lambda state, path: torch.save({"state_dict": prefixed(state, "net.backbone.")}, path),
    "trained.pt": lambda state, path: torch.save(
        {
            "weights_of_it": state,
            "optimizer": {"state": {0: {"exp_avg": torch.zeros(2), "step": torch.zeros(1)}}},
            "settings": Namespace(rate=0.1, out=Path("out"), since=datetime(2026, 1, 1, tzinfo=UTC)),
            "scores": defaultdict(list, a=[np.float32(1), np.zeros(3), np.int64(2)]),
        },
        path,
    ),
    "older.pt": lambda state, path: torch.save({k: v for k, v in state.items() if "num_batches" not in k}, path),
}


@pytest.mark.parametrize("name", SAVERS)
def test_weights_are_found_in_every_kind_of_file(
    code: Path, state: dict[str, torch.Tensor], tmp_path: Path, name: str
) -> None:
    SAVERS[name](state, tmp_path / name)
    model = tokens(code, tmp_path / name)
    x = np.int64([[1, 2, 3, 4, 5], [8, 8, 0, 0, 1]])
    words, dense = state["words.weight"][torch.from_numpy(x)].mean(1), state["dense.weight"]
    y = words @ dense.T + state["dense.bias"]
    spread = (state["norm.running_var"] + 1e-5).sqrt()
    expected = (y - state["norm.running_mean"]) / spread * state["norm.weight"] + state["norm.bias"]
    np.testing.assert_allclose(model.predict({"tokens": x})["output"], expected.numpy(), rtol=1e-4)


def test_all_that_does_not_fit_is_listed(code: Path, state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    wrong = {name: value for name, value in state.items() if not name.startswith("dense")}
    wrong |= {"head.weight": torch.zeros(1), "head.bias": torch.zeros(1), "words.weight": torch.zeros(9, 5)}
    torch.save(wrong, tmp_path / "wrong.pt")
    with pytest.raises(ModelError) as caught:
        tokens(code, tmp_path / "wrong.pt")
    assert "missing: dense.bias, dense.weight; " in caught.value.message
    assert "unexpected: head.bias, head.weight; " in caught.value.message
    assert "of another shape: words.weight is (9, 5), the module's (9, 4)" in caught.value.message


def test_of_several_weights_that_fit_the_user_chooses(
    code: Path, state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    torch.save({"params": state, "params_ema": prefixed(state, "module.")}, tmp_path / "two.pth")
    with pytest.raises(
        ModelError, match=r"several of its parts fit the module: \['params'\], \['params_ema'\]"
    ) as caught:
        tokens(code, tmp_path / "two.pth")
    assert "torch.load('two.pth', weights_only=True)['params_ema']" in caught.value.hint


def test_a_checkpoint_that_holds_itself_is_read(code: Path, state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    circle: dict[str, Any] = {"weights": state}
    circle["self"] = circle
    torch.save(circle, tmp_path / "circle.pt")
    tokens(code, tmp_path / "circle.pt")


class Malicious:
    """Whoever unpickles it makes a call that leaves a file behind."""

    def __init__(self, call: Callable[..., object], *given: object) -> None:
        self.call = call
        self.given = given

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call, self.given


@pytest.mark.parametrize(
    ("call", "told"),
    [(os.system, "posix.system"), (subprocess.Popen, "subprocess.Popen"), (eval, "builtins.eval")],
)
def test_the_call_that_a_pickle_would_make_is_told_and_not_made(
    code: Path, state: dict[str, torch.Tensor], tmp_path: Path, call: Callable[..., object], told: str
) -> None:
    mark = tmp_path / "ran"
    given = f"__import__('pathlib').Path({str(mark)!r}).touch()" if call is eval else f"touch {mark}"
    bad = tmp_path / "bad.pt"
    torch.save({"state_dict": state, "x": Malicious(call, [given] if call is subprocess.Popen else given)}, bad)
    with pytest.raises(ModelError) as caught:
        tokens(code, bad)
    assert caught.value.message == (
        f"{bad}: loading it would run code ({told}), so nothing of it was loaded; allowed: tensors and plain values."
    )
    assert not mark.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_would_run_code_does_not_run(code: Path, tmp_path: Path, zipped: bool) -> None:
    torch.save(
        {"x": Malicious(Path.touch, tmp_path / "ran")}, tmp_path / "bad.pt", _use_new_zipfile_serialization=zipped
    )
    with pytest.raises(ModelError, match=r"bad.pt: loading it would run code \(\S+\), so nothing of it was loaded"):
        tokens(code, tmp_path / "bad.pt")
    (tmp_path / "bare.pth").write_bytes(pickle.dumps(Malicious(Path.touch, tmp_path / "ran")))
    with pytest.raises(ModelError, match=r"bare.pth: it is no file of weights") as caught:
        tokens(code, tmp_path / "bare.pth")
    assert "weights_only" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_files_that_are_no_weights_are_refused_with_what_to_do(code: Path, tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "module.pt")
    torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)), tmp_path / "scripted.pt")
    torch.save({"epoch": 3}, tmp_path / "empty.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    (tmp_path / "text.pth").write_text("weights", encoding="utf-8")
    (tmp_path / "text.safetensors").write_text("weights", encoding="utf-8")
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(100)}, buffer)
    (tmp_path / "cut.pt").write_bytes(buffer.getvalue()[:-200])
    words = {
        "module.pt": r"would run code \(torch.nn.modules.linear.Linear\).*torch.save\(model.state_dict",
        "scripted.pt": r"it is a TorchScript program; allowed: weights alone",
        "empty.pt": r"it holds no weights; its keys are epoch",
        "list.pt": r"it holds a list; allowed: weights by name",
        "text.pth": r"it is no file of weights",
        "text.safetensors": r"it is no .safetensors file",
        "cut.pt": r"no file of weights",
    }
    for name, said in words.items():
        with pytest.raises(ModelError, match=said):
            tokens(code, tmp_path / name)


def test_saved_modules_are_no_models_and_the_way_to_one_is_named(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "module.pt")
    torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)), tmp_path / "scripted.pt")
    with pytest.raises(ModelError, match=r"it holds weights, or a pickled .* module.*file.py:function --weights"):
        detect_source(tmp_path / "module.pt")
    with pytest.raises(ModelError, match=r"it is a TorchScript program.*torch.export.save"):
        detect_source(tmp_path / "scripted.pt")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Missing", r"has no Missing; it has: Two, Spread, Named, Needs, Odd"),
        ("Needs", r"it needs the arguments width, and is called without any"),
        ("fails", r"RuntimeError: out of luck \(own_models.py, line \d+: raise RuntimeError"),
        ("seven", r"it gives a int; allowed: a torch.nn.Module"),
        ("scripted", r"it gives a TorchScript module.*Return the module that was scripted"),
        ("nan", r"its weights are no numbers: NaN or infinity in: weight;"),
        ("Text", r"its forward returns a str; allowed: tensors, tuples and mappings"),
    ],
)
def test_code_that_makes_no_module_is_told_in_one_line(code: Path, name: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        load(code, name, NamedShape("", (1, 3)))


def test_files_and_modules_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no file .*none.py"):
        load(tmp_path / "none.py", "make")
    with pytest.raises(ModelError, match=r"there is no module no_such_module"):
        load_model(SourceSettings("no_such_module:Net", "torch-code"))
    (tmp_path / "broken.py").write_text("import torch\nx = (\n", encoding="utf-8")
    with pytest.raises(ModelError, match=r"broken.py:make: SyntaxError: .* \(broken.py, line \d+"):
        load(tmp_path / "broken.py", "make")


def test_a_class_of_an_installed_module_and_a_made_module_are_taken(code: Path) -> None:
    flat = load_model(SourceSettings("torch.nn:Flatten", "torch-code", shapes=(NamedShape("", (1, 2, 3)),)))
    assert flat.info.outputs[0].shape == (-1, 6)
    assert load(code, "dense", NamedShape("", (1, 3))).info.outputs[0].name == "output"


def test_shapes_and_types_come_from_a_sample(code: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.npz"
    np.savez(data, tokens=np.zeros((4, 5), np.int64), y=np.zeros(4))
    model = load(code, "Two", sample=DataSettings(str(data), None, 0))
    assert [(spec.name, spec.shape, spec.dtype) for spec in model.info.inputs] == [("tokens", (-1, 5), "int64")]
    pixels = tmp_path / "pixels.npy"
    np.save(pixels, np.zeros((4, 3), np.uint8))
    model = load(code, "dense", sample=DataSettings(str(pixels), None, 0))
    assert [(spec.shape, spec.dtype) for spec in model.info.inputs] == [((-1, 3), "float32")]


def test_an_optional_input_is_taken_where_it_has_a_shape(code: Path) -> None:
    model = load(
        code, "Two", NamedShape("tokens", (1, 5)), NamedShape("scale", (1, 2)), dtypes=(NamedType("tokens", "int32"),)
    )
    assert [spec.name for spec in model.info.inputs] == ["tokens", "scale"]


def test_inputs_of_any_name_are_taken_by_name(code: Path) -> None:
    shapes = NamedShape("a", (1, 4)), NamedShape("b", (1, 4))
    model = load(code, "Named", *shapes)
    assert [spec.name for spec in model.info.inputs] == ["a", "b"]
    ones = np.ones((1, 4), np.float32)
    np.testing.assert_array_equal(model.predict({"a": ones, "b": 3 * ones})["output"], -2 * ones)
    with pytest.raises(RecipeError, match=r"names no input, and the module takes several: forward\(\*\*tensors\)"):
        load(code, "Named", NamedShape("", (1, 4)))


def test_inputs_without_names_are_named_by_the_user(code: Path) -> None:
    model = load(code, "Spread", NamedShape("left", (1, 2)), NamedShape("right", (1, 2)))
    got = model.predict({"left": np.float32([[1, 2]]), "right": np.float32([[3, 4]])})
    np.testing.assert_array_equal(got["output"], [[4, 6]])


def test_nested_outputs_are_flattened_by_name(code: Path) -> None:
    model = load(code, "Odd", NamedShape("", (1, 3)))
    assert [spec.name for spec in model.info.outputs] == ["fine", "odd_0", "odd_2_0"]


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ((), r"the shape of tokens is not known.*forward\(tokens, scale=...\).*Add --shape tokens=1,..."),
        ((NamedShape("words", (1, 5)),), r"--shape words=...: the module has no such input; allowed: tokens, scale"),
        ((NamedShape("tokens", (1, 5)), NamedShape("", (1, 5))), r"tokens has two shapes; allowed: one"),
        ((NamedShape("tokens", (8, 5)),), r"--shape tokens=8,5: the first axis is the batch axis.*such as 1,5"),
        ((NamedShape("tokens", (3, 16, 16)),), r"the first axis is the batch axis.*such as 1,3,16,16"),
        ((NamedShape("tokens", (8, 3, 16, 16)),), r"the first axis is the batch axis.*such as 1,3,16,16"),
    ],
)
def test_shapes_that_do_not_fit_are_told_with_the_flag(code: Path, shapes: tuple[NamedShape, ...], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        load(code, "Two", *shapes)


def test_a_wrong_rank_or_type_is_told_with_the_line(code: Path) -> None:
    with pytest.raises(
        ModelError, match=r"its forward fails with tokens float32 1x5: .*own_models.py, line \d+.*--dtype"
    ):
        load(code, "Two", NamedShape("", (1, 5)))
    with pytest.raises(ModelError, match=r"its forward fails with input float32 1x2x4: "):
        load(code, "dense", NamedShape("", (1, 2, 4)))
