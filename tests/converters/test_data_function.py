"""edgekit_converters.data.function: samples of the user's own code, and its faults by their own line."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from edgekit_converters.data.source import open_data
from edgekit_runtime.errors import DataError
from edgekit_runtime.tensor import TensorSpec

INPUTS = (TensorSpec("features", (-1, 2), "float32"),)
PAIR = (TensorSpec("left", (-1, 2), "float32"), TensorSpec("right", (-1, 1), "float32"))
OUTPUTS = (TensorSpec("scores", (-1, 3), "float32"), TensorSpec("size", (-1, 1), "float32"))
CODE = """
import numpy as np
VALUES = np.arange(12.0).reshape(6, 2)
def arrays(): return VALUES
def lists(): return [[0, 1], [2, 3]]
def pairs():
    for i, value in enumerate(VALUES): yield value, i
def batches():
    for i in (0, 4): yield VALUES[i:i + 4], np.arange(6)[i:i + 4]
def loader():
    for i in (0, 3): yield [VALUES[i:i + 3], np.arange(i, i + 3)]
def mappings(): return ({"features": value, "y": 1, "y.size": [2.0], "id": "a"} for value in VALUES)
def named_labels(): return ((value, {"size": [3.0]}) for value in VALUES)
def two(): return (((value, [7.0]), 1) for value in VALUES)
def two_named(): return ({"left": value, "right": [7.0]} for value in VALUES)
def nothing(): return iter(())
def number(): return 3
def late():
    yield VALUES[0]
    raise ValueError("the disk is on fire")
def at_once(): return open("/nowhere/data.bin")
def narrow(): return [[1.0], [2.0]]
def text(): return ["a", "b"]
def strangers(): return [{"features": [0, 1], "weight": 1}]
def lacking(): return [{"y": 1}]
def uneven(): return [(VALUES[:2], np.arange(3))]
calls = []
def shrinking():
    calls.append(1)
    return VALUES[: 6 // len(calls)]
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_samples.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "own_samples", raising=False)
    return tmp_path / "own_samples.py"


def opened(function: str, inputs=INPUTS):
    return open_data(Path(f"own_samples:{function}"), inputs, OUTPUTS)


def read(function: str, inputs=INPUTS):
    source = opened(function, inputs)
    return list(source.read(range(len(source))))


@pytest.mark.parametrize("function", ["arrays", "pairs", "batches", "loader", "mappings", "named_labels"])
def test_every_form_gives_the_same_samples(function):
    samples = read(function)
    assert [s.inputs["features"].tolist() for s in samples] == np.arange(12).reshape(6, 2).tolist()
    assert samples[0].inputs["features"].dtype == np.float32


@pytest.mark.parametrize("function", ["pairs", "batches", "loader"])
def test_labels_come_with_their_samples(function):
    assert [int(s.labels["scores"]) for s in read(function)] == [0, 1, 2, 3, 4, 5]


def test_labels_may_name_their_outputs():
    assert {name: label.tolist() for name, label in read("mappings")[0].labels.items()} == {"scores": 1, "size": [2]}
    assert {name: label.tolist() for name, label in read("named_labels")[0].labels.items()} == {"size": [3]}


def test_a_list_of_two_numbers_is_one_sample_of_two_features():
    assert [s.inputs["features"].tolist() for s in read("lists")] == [[0, 1], [2, 3]]


@pytest.mark.parametrize("function", ["two", "two_named"])
def test_several_inputs_come_by_order_or_by_name(function):
    assert [s.inputs["right"].tolist() for s in read(function, PAIR)] == [[7]] * 6


def test_samples_are_drawn_by_index_over_the_stream():
    assert [int(s.labels["scores"]) for s in opened("pairs").read([1, 4])] == [1, 4]


def test_each_pass_calls_the_function_again():
    source = opened("pairs")
    assert len(list(source.read(range(6)))) == len(list(source.read(range(6)))) == 6


@pytest.mark.parametrize(
    ("function", "text"),
    [
        ("nothing", "it gave no samples; allowed: at least one"),
        ("number", "it returned int; allowed: an iterable"),
        ("late", r"own_samples\.py, line 20: ValueError: the disk is on fire in: raise ValueError"),
        ("at_once", r"own_samples\.py, line 21: FileNotFoundError: .*nowhere.* in: def at_once"),
        ("narrow", r"sample 0 has 'x' of shape \(1,\) and type float64; allowed: \(2,\), float32"),
        ("text", "'x' has type <U1; allowed: numbers"),
        ("strangers", "sample 0 has features, weight; needed: features; allowed beside: id, y, y.scores, y.size"),
        ("lacking", "sample 0 has y; needed: features"),
        ("uneven", "a batch of 2 inputs has other numbers of labels"),
        ("shrinking", "it gave 6 samples at first, and fewer in a later pass"),
        ("gone", "own_samples has no function gone; it has: arrays, lists"),
        ("VALUES", "own_samples has no function VALUES"),
    ],
)
def test_what_goes_wrong_in_the_users_code_is_told_by_its_line(function, text):
    with pytest.raises(DataError, match=text) as caught:
        read(function)
    assert caught.value.message.startswith(f"own_samples:{function}: ")


def test_a_missing_module_is_told_from_one_that_lacks_another(module):
    with pytest.raises(DataError, match="there is no module no_such_module in "):
        open_data(Path("no_such_module:f"), INPUTS, OUTPUTS)
    module.write_text("x = 1\nimport another_missing_one\n")
    with pytest.raises(DataError, match=r"own_samples\.py, line 2: ModuleNotFoundError: .*another_missing_one"):
        opened("f")


def test_a_module_that_is_no_python_is_told_by_its_line(module):
    module.write_text("x = 1\ndef f(:\n")
    with pytest.raises(DataError, match=r"own_samples\.py, line 2: SyntaxError: .* in: def f\(:"):
        opened("f")
