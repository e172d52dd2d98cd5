"""Exported programs as sources: which are taken, and which are refused before torch opens them."""

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgekit_converters.settings import NamedShape, NamedType, SourceSettings
from edgekit_converters.torch.load import load_model
from edgekit_converters.torch.safe import check_program
from edgekit_runtime.errors import ModelError, RecipeError
from tests.torch_models import INPUTS, MAKERS, samples

Change = Callable[[dict[str, bytes]], None]
MODEL = "models/model.json"
MARK = "ran"


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    image, tokens = torch.zeros(1, 3, 16, 16), torch.zeros(2, 12, dtype=torch.int64)
    two = torch.export.export(MAKERS["two_in_three_out"](), (image,), {"extra": torch.zeros(1, 6)})
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", min=2, max=12)
    decoder = MAKERS["decoder"]()
    free_batch = torch.export.export(decoder, (tokens,), dynamic_shapes={"tokens": {0: batch}})
    free_length = torch.export.export(decoder, (tokens[:1],), dynamic_shapes={"tokens": {1: length}})
    of_four = torch.export.export(torch.nn.Linear(3, 2), (torch.zeros(4, 3),))
    training = torch.export.export(torch.nn.Sequential(torch.nn.Dropout(0.5)).train(), (torch.zeros(1, 3),))
    made = {"two": two, "batch": free_batch, "length": free_length, "four": of_four, "training": training}
    for name, program in made.items():
        torch.export.save(program, folder / f"{name}.pt2")
    return folder


def load(path: Path, *shapes: NamedShape, **options: Any) -> Any:
    return load_model(SourceSettings(str(path), "torch-export", shapes=shapes, **options))


def changed(path: Path, target: Path, change: Change) -> Path:
    """A copy of an archive with other content."""
    with zipfile.ZipFile(path) as archive:
        root = archive.namelist()[0].partition("/")[0]
        content = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    change(content)
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in content.items():
            archive.writestr(f"{root}/{name}", data)
    return target


def edited(key: str, old: str, new: str) -> Change:
    """Another value for one key, wherever it has this value in the program."""

    def change(content: dict[str, bytes]) -> None:
        before = json.dumps(json.loads(content[MODEL]))
        after = before.replace(f"{json.dumps(key)}: {json.dumps(old)}", f"{json.dumps(key)}: {json.dumps(new)}")
        assert after != before
        content[MODEL] = after.encode()

    return change


class Malicious:
    """Whoever unpickles it leaves a file behind."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def test_a_program_keeps_its_names_and_answers(programs: Path) -> None:
    model, data = load(programs / "two.pt2"), samples("two_in_three_out", 2)
    assert [(spec.name, spec.shape) for spec in model.info.inputs] == [("image", (-1, 3, 16, 16)), ("extra", (-1, 6))]
    assert [spec.name for spec in model.info.outputs] == ["classes", "boxes", "features"]
    with torch.no_grad():
        expected = MAKERS["two_in_three_out"]()(
            *(torch.from_numpy(data[one.name]) for one in INPUTS["two_in_three_out"])
        )
    got = model.predict(data)
    for name, values in expected.items():
        np.testing.assert_allclose(got[name], values.numpy(), rtol=1e-4, atol=1e-5)


def test_a_free_batch_axis_needs_no_flag(programs: Path) -> None:
    model = load(programs / "batch.pt2")
    assert [(spec.shape, spec.dtype) for spec in model.info.inputs] == [((-1, 12), "int64")]
    assert model.predict(samples("decoder", 3))["output"].shape == (3, 12, 64)


def test_another_free_axis_is_named_with_its_flag(programs: Path) -> None:
    with pytest.raises(RecipeError, match=r"input tokens is 1x\? \(axis 1 is free, 2 to 12\).*--shape tokens=1,SIZE"):
        load(programs / "length.pt2")
    assert load(programs / "length.pt2", NamedShape("", (1, 10))).info.inputs[0].shape == (-1, 10)


def test_a_free_axis_without_limits_is_of_any_length(tmp_path: Path) -> None:
    free = {"input": {1: torch.export.Dim("n")}}
    torch.export.save(
        torch.export.export(torch.nn.ReLU(), (torch.rand(1, 4),), dynamic_shapes=free), tmp_path / "m.pt2"
    )
    with pytest.raises(RecipeError, match=r"input is 1x\? \(axis 1 is free, of any length\)"):
        load(tmp_path / "m.pt2")


@pytest.mark.parametrize("shape", [(1, 13), (1, 10, 3), (1,)])
def test_a_shape_that_the_program_does_not_take_is_refused(programs: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(RecipeError, match=r"--shape tokens=1.*in the program tokens is 1x\?"):
        load(programs / "length.pt2", NamedShape("tokens", shape))


def test_names_and_types_that_the_program_lacks_are_refused(programs: Path) -> None:
    with pytest.raises(RecipeError, match=r"--shape words=1,3: the program has no such input; allowed: tokens"):
        load(programs / "batch.pt2", NamedShape("words", (1, 3)))
    with pytest.raises(RecipeError, match=r"--dtype tokens=float32: a program's types are fixed: tokens int64"):
        load(programs / "batch.pt2", dtypes=(NamedType("tokens", "float32"),))


def test_a_program_of_four_samples_or_for_training_is_refused(programs: Path) -> None:
    with pytest.raises(ModelError, match=r"takes 4 samples at a time; allowed: one"):
        load(programs / "four.pt2")
    with pytest.raises(ModelError, match=r"exported for training \(dropout is active\).*model.eval"):
        load(programs / "training.pt2")


def test_what_torch_saves_passes_the_check(programs: Path) -> None:
    for path in programs.glob("*.pt2"):
        check_program(path)


@pytest.mark.parametrize("place", ["data/sample_inputs/model.pt", "data/weights/model.pt", "data/constants/model.pt"])
def test_a_pickle_inside_does_not_run(programs: Path, tmp_path: Path, place: str) -> None:
    buffer = io.BytesIO()
    torch.save({"x": Malicious(tmp_path / MARK)}, buffer)
    path = changed(
        programs / "two.pt2", tmp_path / "bad.pt2", lambda content: content.update({place: buffer.getvalue()})
    )
    with pytest.raises(ModelError, match=r"could run code when it is loaded; nothing of it was loaded.*--trust"):
        load(path)
    assert not (tmp_path / MARK).exists()
    with pytest.raises(ModelError):  # trusted, it fails only after it has run
        load(path, trust=True)
    assert (tmp_path / MARK).exists()


@pytest.mark.parametrize(
    "entry",
    [
        {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": True, "tensor_meta": None},
        {"path_name": "tensor_0", "is_param": False, "use_pickle": True, "tensor_meta": None},
        {"path_name": "custom_obj_0", "is_param": False, "use_pickle": False, "tensor_meta": None},
    ],
)
def test_a_pickled_constant_does_not_run(programs: Path, tmp_path: Path, entry: dict[str, Any]) -> None:
    def change(content: dict[str, bytes]) -> None:
        content[f"data/constants/{entry['path_name']}"] = pickle.dumps(Malicious(tmp_path / MARK))
        content["data/constants/model_constants_config.json"] = json.dumps({"config": {"c": entry}}).encode()

    path = changed(programs / "two.pt2", tmp_path / "bad.pt2", change)
    with pytest.raises(ModelError, match=r"could run code when it is loaded"):
        load(path)
    assert not (tmp_path / MARK).exists()


@pytest.mark.parametrize(
    "change",
    [
        edited("target", "torch.ops.aten.tanh.default", "torch.os.system"),
        edited("target", "torch.ops.aten.tanh.default", "torch.ops.load_library"),
        edited("target", "torch.ops.aten.tanh.default", "_operator.attrgetter"),
        edited("name", "tanh", "x = __import__('os').system('true') #"),
        edited("parameter_name", "extra.weight", "extra') or print('"),
    ],
)
def test_what_would_become_code_is_refused(programs: Path, tmp_path: Path, change: Change) -> None:
    path = changed(programs / "two.pt2", tmp_path / "bad.pt2", change)
    with pytest.raises(ModelError, match=r"it holds the (operator|name) .*could run code"):
        check_program(path)


@pytest.mark.parametrize(
    "text", ["__import__('os').system('true')", "S('1')", "Symbol('a b')", "x.y", "lambda: 1", "("]
)
def test_a_shape_that_is_more_than_arithmetic_is_refused(programs: Path, tmp_path: Path, text: str) -> None:
    def change(content: dict[str, bytes]) -> None:
        tree = json.loads(content[MODEL])
        tree["graph_module"]["graph"]["nodes"][0]["sizes"] = [{"as_expr": {"expr_str": text}}]
        content[MODEL] = json.dumps(tree).encode()

    path = changed(programs / "batch.pt2", tmp_path / "bad.pt2", change)
    with pytest.raises(ModelError, match=r"it holds the shape .*could run code"):
        check_program(path)


def test_compiled_code_and_hidden_entries_are_refused(programs: Path, tmp_path: Path) -> None:
    def compiled(content: dict[str, bytes]) -> None:
        content["data/aotinductor/model/model.so"] = b"\x7fELF"

    def hidden(content: dict[str, bytes]) -> None:
        content["Models/model.json"] = content[MODEL]

    with pytest.raises(ModelError, match=r"compiled code \(two/data/aotinductor"):
        check_program(changed(programs / "two.pt2", tmp_path / "compiled.pt2", compiled))
    with pytest.raises(ModelError, match=r"entries that hide each other"):
        check_program(changed(programs / "two.pt2", tmp_path / "hidden.pt2", hidden))


def test_structures_that_name_modules_are_refused(programs: Path, tmp_path: Path) -> None:
    def change(content: dict[str, bytes]) -> None:
        tree = json.loads(content[MODEL])
        context = json.dumps({"__enum__": True, "fqn": "antigravity:X", "name": "Y"}).replace("_", "\\u005f")
        spec = [1, {"type": "builtins.dict", "context": context, "children_spec": []}]
        tree["graph_module"]["module_call_graph"][0]["signature"]["out_spec"] = json.dumps(spec)
        content[MODEL] = json.dumps(tree).encode()

    with pytest.raises(ModelError, match=r"an out_spec that names classes or modules"):
        check_program(changed(programs / "two.pt2", tmp_path / "bad.pt2", change))


def test_a_damaged_program_is_one_line(programs: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pt2"
    cut.write_bytes((programs / "two.pt2").read_bytes()[:3000])
    with pytest.raises(ModelError, match=r"cut.pt2: it is damaged"):
        load(cut)
