"""edgekit.pipeline.teacher: answers that lie there are taken only where the same was asked."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from edgekit.pipeline.recipe import Teacher
from edgekit.pipeline.teacher import make_room, what_is_asked
from edgekit_converters.framework import FrameworkSession
from edgekit_converters.settings import DataSettings, SourceSettings
from edgekit_runtime.progress import silent

ASKED = {"the teacher": "1" * 64, "the training data": "2" * 64}


class Fixed:
    """A session whose network and samples have given checksums."""

    @property
    def compression(self) -> Fixed:
        return self

    def checksum(self) -> str:
        return "network"

    def checksum_samples(self, data: DataSettings, progress: object) -> str:
        return f"samples of {data.path}"


def asked(source: SourceSettings | None) -> dict[str, str]:
    teacher = Teacher(source, 4.0, 0.7, 0.0)
    return what_is_asked(cast(FrameworkSession, Fixed()), teacher, DataSettings("data.npz", None, 0), silent)


def test_answers_to_the_same_question_stay(tmp_path: Path) -> None:
    folder = tmp_path / "a/b"
    assert make_room(folder, ASKED) == ""
    (folder / "outputs.npz").touch()
    assert make_room(folder, ASKED) == ""
    assert (folder / "outputs.npz").exists()


@pytest.mark.parametrize("what", list(ASKED))
def test_answers_to_another_question_go_and_it_is_said_why(tmp_path: Path, what: str) -> None:
    make_room(tmp_path / "a", ASKED)
    (tmp_path / "a/outputs.npz").touch()
    assert f"before: {what}; the teacher is asked anew" in make_room(tmp_path / "a", {**ASKED, what: "3" * 64})
    assert not (tmp_path / "a/outputs.npz").exists()


def test_answers_that_do_not_tell_what_was_asked_go(tmp_path: Path) -> None:
    (tmp_path / "outputs.npz").touch()
    make_room(tmp_path, ASKED)
    assert not (tmp_path / "outputs.npz").exists()


def test_a_network_that_teaches_itself_is_known_by_its_weights_and_the_samples() -> None:
    assert asked(None) == {"the teacher": "network", "the training data": "samples of data.npz"}


def test_the_external_data_of_onnx_are_its_weights(tmp_path: Path) -> None:
    for name in ("big.onnx", "big.onnx.data", "other.onnx.data"):
        (tmp_path / name).touch()
    source = SourceSettings(str(tmp_path / "big.onnx"), "onnx")
    before = asked(source)
    (tmp_path / "other.onnx.data").write_bytes(b"changed")
    assert asked(source) == before
    (tmp_path / "big.onnx.data").write_bytes(b"changed")
    assert asked(source)["its weights"] != before["its weights"]


def test_another_model_is_known_by_its_file_and_its_weights(tmp_path: Path) -> None:
    model, weights = tmp_path / "big.py", tmp_path / "big.pt"
    model.write_text("def make(): ...")
    source = SourceSettings(f"{model}:make", "torch-code", weights=str(weights))
    found = [asked(source)]
    for path in (weights, model):
        path.write_bytes(b"other")
        found.append(asked(source))
    assert [one["its weights"] for one in found] == [found[0]["its weights"], *[found[1]["its weights"]] * 2]
    assert found[0]["its weights"] != found[1]["its weights"]
    assert found[1]["the teacher"] != found[2]["the teacher"]
