"""edgekit.pipeline.compress: the order of steps, on a session that only keeps a tally."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from edgekit.pipeline.compress import Compressed, Compression, checkpoints_beside, checkpoints_of
from edgekit.pipeline.plan import Plan, make_plan
from edgekit.pipeline.request import Request
from edgekit_converters.compress.results import Epoch, Pruned, Trained
from edgekit_converters.compress.settings import PruneSettings
from edgekit_converters.framework import FrameworkSession
from edgekit_converters.source import SourceInfo
from edgekit_runtime.progress import silent
from tests.tflite_files import write_dense

MACS = 1000
STEPS = '[[steps]]\nstep = "prune"\nshare = {share}\nrounds = {rounds}\n[[steps]]\nstep = "train"\nepochs = 1\n'


class Tally:
    """A session, and its calls: every pruning removes at least a given number of MACs, as an alignment may."""

    def __init__(self, at_least: int) -> None:
        self.at_least, self.macs = at_least, MACS
        self.asked: list[str] = []

    @property
    def compression(self) -> Tally:
        return self

    def export(self, path: Path, model_format: str) -> tuple[()]:
        write_dense(path)
        return ()

    def info(self) -> SourceInfo:
        return SourceInfo((), (), self.macs, ())

    def check(self, settings: PruneSettings) -> None:
        self.asked.append(f"check {settings.share}")

    def prune(self, settings: PruneSettings, progress: object) -> Pruned:
        assert settings.share is not None
        assert 0 < settings.share < 1
        before, self.macs = self.macs, self.macs - max(round(settings.share * self.macs), self.at_least)
        self.asked.append("prune")
        return Pruned(before, self.macs, self.macs, (), (), ())

    def train(self, *_: object) -> Trained:
        self.asked.append("train")
        return Trained((Epoch(1.0, 1.0, 0.1),), 0, "classification")

    def save(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    model, data = tmp_path / "model.h5", tmp_path / "data.npz"
    model.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    data.touch()
    return make_plan(Request(model, "raspberry-pi-4b", quantize="float32", train=data, output=tmp_path / "out"))


def run(plan: Plan, tally: Tally, scratch: Path, share: float, rounds: int) -> Compressed:
    recipe = scratch / "recipe.toml"
    recipe.write_text('schema = "edgekit/recipe"\nversion = 1\n' + STEPS.format(share=share, rounds=rounds))
    asked = make_plan(replace(plan.request, recipe=recipe))
    session = cast(FrameworkSession, tally)
    files = scratch / "labels.npz", scratch / "evaluated.npz"
    return Compression(asked, scratch, session, *files, silent, lambda _: None, None).run()


def test_rounds_remove_alike_until_the_share_is_gone(plan: Plan, tmp_path: Path) -> None:
    tally = Tally(at_least=0)
    compressed = run(plan, tally, tmp_path, 0.5, 4)
    assert tally.macs == pytest.approx(500, abs=2)
    assert tally.asked == ["check 0.5", *["prune", "train"] * 4]
    assert [step.step for step in compressed.steps] == ["source", *["prune", "train"] * 4]


def test_a_round_that_has_nothing_left_to_remove_is_left_out(plan: Plan, tmp_path: Path) -> None:
    tally = Tally(at_least=300)
    run(plan, tally, tmp_path, 0.5, 4)
    assert tally.asked == ["check 0.5", *["prune", "train"] * 2]
    assert tally.macs == 400


def test_checkpoints_stay_only_where_an_epoch_was_done(plan: Plan) -> None:
    folder = checkpoints_beside(plan.output) / "key/0"
    for state, stays in (("epoch-0000.state", False), ("epoch-0001.state", True)):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / state).touch()
        with pytest.raises(KeyboardInterrupt), checkpoints_of(plan):
            raise KeyboardInterrupt
        assert folder.exists() == stays
    with checkpoints_of(plan):
        pass
    assert not checkpoints_beside(plan.output).exists()
