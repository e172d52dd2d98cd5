"""What a teacher gave: matched with the student by name, by place, by size; refused where it does not fit."""

from pathlib import Path

import numpy as np
import pytest

from edgekit_converters.compress.losses import LossPlan, OutputLoss
from edgekit_converters.compress.settings import TeacherSettings
from edgekit_converters.compress.teacher import open_teacher, unmatched, write_maps
from edgekit_converters.source import SourceInfo
from edgekit_runtime.errors import RecipeError
from edgekit_runtime.tensor import TensorSpec

RANDOM = np.random.default_rng(0)


def info(**outputs: tuple[int, ...]) -> SourceInfo:
    specs = tuple(TensorSpec(name, (-1, *shape), "float32") for name, shape in outputs.items())
    return SourceInfo((TensorSpec("x", (-1, 2), "float32"),), specs, 0, ())


def given(path: Path, **arrays: np.ndarray) -> TeacherSettings:
    np.savez(path, **arrays)
    return TeacherSettings(str(path), feature_weight=1.0)


def loss(kind: str) -> LossPlan:
    return LossPlan((OutputLoss("out", "classification", kind, True, -1, 3, (3,), False, 0.0, 1.0),))


def test_probabilities_become_logits_and_logits_stay(tmp_path: Path) -> None:
    logits = RANDOM.normal(size=(9, 3)).astype(np.float32)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    rows = np.array([4, 0])
    stay = open_teacher(given(tmp_path / "l.npz", out=logits), info(out=(3,)), 9, {}).rows(loss("categorical"), rows)
    assert np.array_equal(stay["out"], logits[rows])
    become = open_teacher(given(tmp_path / "s.npz", out=shares), info(out=(3,)), 9, {}).rows(loss("categorical"), rows)
    np.testing.assert_allclose(np.ptp(become["out"] - logits[rows], axis=1), 0, atol=1e-5)
    yes = 1 / (1 + np.exp(-logits))
    binary = open_teacher(given(tmp_path / "b.npz", out=yes), info(out=(3,)), 9, {}).rows(loss("binary"), rows)
    np.testing.assert_allclose(binary["out"], logits[rows], atol=1e-5)


def test_zeros_of_a_quantized_teacher_stay_finite(tmp_path: Path) -> None:
    sharp = np.eye(3, dtype=np.float32)
    rows = open_teacher(given(tmp_path / "q.npz", out=sharp), info(out=(3,)), 3, {}).rows(
        loss("categorical"), np.arange(3)
    )
    assert np.isfinite(rows["out"]).all()


def test_outputs_match_by_name_else_by_place(tmp_path: Path) -> None:
    a, b = np.zeros((4, 2), np.float32), np.ones((4, 3), np.float32)
    by_name = open_teacher(given(tmp_path / "n.npz", b=b, a=a), info(a=(2,), b=(3,)), 4, {})
    assert by_name.outputs["a"].shape == (4, 2)
    by_place = open_teacher(given(tmp_path / "p.npz", one=a, two=b), info(a=(2,), b=(3,)), 4, {})
    assert by_place.outputs["b"].shape == (4, 3)


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"out": (4, 5)}, r"do not match: out \(5,\) beside out \(3,\) of the model"),
        ({"other": (4, 3), "more": (4, 3)}, r"it gives other \(3,\), more \(3,\), the model out \(3,\)"),
        ({"out": (7, 3)}, r"the teacher answered 7 samples of 4"),
    ],
)
def test_a_teacher_that_does_not_match_is_refused(
    tmp_path: Path, arrays: dict[str, tuple[int, ...]], text: str
) -> None:
    settings = given(tmp_path / "t.npz", **{name: np.zeros(shape) for name, shape in arrays.items()})
    with pytest.raises(RecipeError, match=text):
        open_teacher(settings, info(out=(3,)), 4, {})


def test_a_file_that_is_no_teachers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.npz").write_bytes(b"nothing")
    with pytest.raises(RecipeError, match=r"t\.npz: the teacher's outputs cannot be read"):
        open_teacher(TeacherSettings(str(tmp_path / "t.npz")), info(out=(3,)), 4, {})


def test_maps_match_by_size_and_those_that_do_not_are_told(tmp_path: Path) -> None:
    from dataclasses import replace

    maps = {"block/1": RANDOM.normal(size=(4, 8, 8)), "block.2": RANDOM.normal(size=(4, 3, 3))}
    write_maps(tmp_path / "maps", maps)
    settings = replace(given(tmp_path / "t.npz", out=np.zeros((4, 3))), features=str(tmp_path / "maps"))
    layers = {"mine": (8, 8), "other": (5, 5)}
    teacher = open_teacher(settings, info(out=(3,)), 4, layers)
    assert np.array_equal(teacher.maps["mine"], maps["block/1"])
    rows = teacher.rows(LossPlan((), features=("mine",)), np.array([2]))
    assert np.array_equal(rows["feature.mine"], maps["block/1"][2:3])
    assert unmatched(settings, layers) == "no layer gives maps of the size of the teacher's block.2"
    assert unmatched(settings, {"mine": (8, 8), "small": (3, 3)}) == ""
