"""edgekit.pipeline.compress: the order of steps, on a session that only keeps a tally."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from edgekit.pipeline.compress import Compressed, Compression, checkpoint_folder, checkpoints_beside, checkpoints_of
from edgekit.pipeline.plan import Plan, make_plan
from edgekit.pipeline.request import Request
from edgekit_converters.compress.results import Begun, Epoch, Pruned, Trained
from edgekit_converters.compress.settings import PruneSettings, TrainSettings
from edgekit_converters.framework import FrameworkSession
from edgekit_converters.source import SourceInfo
from edgekit_runtime.errors import DataError
from edgekit_runtime.progress import Progress
from tests.tflite_files import write_dense

MACS = 1000
STEPS = '[[steps]]\nstep = "prune"\nshare = {share}\nrounds = {rounds}\n[[steps]]\nstep = "train"\nepochs = 1\n'


class Tally:
    """A session, and its calls: every pruning removes at least a given number of MACs, as an alignment may."""

    def __init__(self, at_least: int) -> None:
        self.at_least, self.macs = at_least, MACS
        self.asked: list[str] = []
        self.foretold: float | None = None
        self.begun = Begun(0)
        self.stages: list[str] = []

    @property
    def compression(self) -> Tally:
        return self

    def export(self, path: Path, model_format: str) -> tuple[()]:
        write_dense(path)
        return ()

    def info(self) -> SourceInfo:
        return SourceInfo((), (), self.macs, ())

    def check(self, settings: PruneSettings) -> float | None:
        self.asked.append(f"check {settings.share}")
        return self.foretold

    def check_train(self, settings: TrainSettings) -> None:
        self.asked.append("check train")

    def prune(self, settings: PruneSettings, progress: object) -> Pruned:
        assert settings.share is not None
        assert 0 < settings.share < 1
        before, self.macs = self.macs, self.macs - max(round(settings.share * self.macs), self.at_least)
        self.asked.append("prune")
        return Pruned(before, self.macs, self.macs, (), (), ())

    def train(
        self,
        settings: TrainSettings,
        folder: Path,
        progress: Progress,
        on_epoch: Callable[[Epoch], None],
        on_begun: Callable[[Begun], None],
    ) -> Trained:
        self.asked.append("train")
        progress("training", 0, 1)
        on_begun(self.begun)
        epoch = Epoch(1.0, 2.0, 10.0)
        for _ in range(self.begun.resumed, settings.epochs):
            on_epoch(epoch)
        return Trained((epoch,) * settings.epochs, 0, "classification")

    def save(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    model, data = tmp_path / "model.h5", tmp_path / "data.npz"
    model.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    data.touch()
    return make_plan(Request(model, "raspberry-pi-4b", quantize="float32", train=data, output=tmp_path / "out"))


def run(
    plan: Plan, tally: Tally, scratch: Path, share: float, rounds: int, told: list[str] | None = None
) -> Compressed:
    steps = STEPS.format(share=share, rounds=rounds)
    return run_steps(plan, tally, scratch, steps, [] if told is None else told)


def run_steps(plan: Plan, tally: Tally, scratch: Path, steps: str, told: list[str]) -> Compressed:
    recipe = scratch / "recipe.toml"
    recipe.write_text('schema = "edgekit/recipe"\nversion = 1\n' + steps)
    asked = make_plan(replace(plan.request, recipe=recipe))
    session = cast(FrameworkSession, tally)
    files = scratch / "labels.npz", scratch / "evaluated.npz"

    def tell(stage: str, done: int, total: int) -> None:
        tally.stages.append(stage)

    return Compression(asked, scratch, session, *files, tell, told.append, None).run()


def test_rounds_remove_alike_until_the_share_is_gone(plan: Plan, tmp_path: Path) -> None:
    tally = Tally(at_least=0)
    compressed = run(plan, tally, tmp_path, 0.5, 4)
    assert tally.macs == pytest.approx(500, abs=2)
    assert tally.asked == ["check 0.5", "check train", *["prune", "train"] * 4]
    rows = [f"{step} {number}" for number in range(1, 5) for step in ("prune", "train")]
    assert [step.step for step in compressed.steps] == ["source", *rows]


def test_a_round_that_has_nothing_left_to_remove_is_left_out(plan: Plan, tmp_path: Path) -> None:
    tally = Tally(at_least=300)
    run(plan, tally, tmp_path, 0.5, 4)
    assert tally.asked == ["check 0.5", "check train", *["prune", "train"] * 2]
    assert tally.macs == 400


def test_rounds_are_numbered_and_the_time_left_is_that_of_a_round(plan: Plan, tmp_path: Path) -> None:
    tally, told = Tally(at_least=0), list[str]()
    run_steps(plan, tally, tmp_path, STEPS.format(share=0.5, rounds=2).replace("= 1\n", "= 2\n"), told)
    assert told[0].startswith("prune, round 1 of at most 2: 29.3 % of 1,000 MACs removed")
    assert told[1] == "train 1: epoch 1 of 2: loss 1, validation 2, 10.0 s; about 10 s of this round left"
    assert told[2] == "train 1: epoch 2 of 2: loss 1, validation 2, 10.0 s"
    assert told[3].startswith("prune, round 2 of at most 2: ")
    assert tally.stages == ["training, round 1 of at most 2", "training, round 2 of at most 2"]


def test_a_training_that_goes_on_says_from_where_and_repeats_no_line(plan: Plan, tmp_path: Path) -> None:
    tally, told = Tally(at_least=0), list[str]()
    tally.begun = Begun(2, "", "the mean squared error")
    run_steps(plan, tally, tmp_path, '[[steps]]\nstep = "train"\nepochs = 3\n', told)
    assert told[0].startswith("train: goes on after epoch 2 of 3, kept in ")
    assert "validation is the mean squared error; there is no accuracy" in told[1]
    assert [line.partition(":")[2].strip()[:12] for line in told[2:]] == ["epoch 3 of 3"]


def test_what_an_alignment_takes_beyond_is_told_before_the_cut(plan: Plan, tmp_path: Path) -> None:
    for share, words in ((0.62, ["prune: 62.0 % of the MACs will leave: it is the nearest to 60 % in"]), (0.601, [])):
        tally, told = Tally(at_least=0), list[str]()
        tally.foretold = share
        run_steps(plan, tally, tmp_path, '[[steps]]\nstep = "prune"\nshare = 0.6\n', told)
        assert [line[: len(words[0])] for line in told[:-1]] == words if words else len(told) == 1
        assert "60.0 % of 1,000 MACs removed" in told[-1]
        assert tally.asked[:1] == ["check 0.6"]


def test_what_training_would_refuse_is_refused_before_anything_is_run(plan: Plan, tmp_path: Path) -> None:
    class Unlabelled(Tally):
        def check_train(self, settings: TrainSettings) -> None:
            raise DataError("it has no labels")

        def export(self, path: Path, model_format: str) -> tuple[()]:
            raise AssertionError("the source was measured")

    with pytest.raises(DataError, match="no labels"):
        run(plan, Unlabelled(0), tmp_path, 0.5, 1)


def test_checkpoints_of_another_source_or_other_steps_are_told(plan: Plan, tmp_path: Path) -> None:
    other, told = checkpoints_beside(plan.output) / "other/0", list[str]()
    other.mkdir(parents=True)
    run(plan, Tally(0), tmp_path, 0.5, 1, told)
    assert "is of another source or other steps, so they begin anew" in told[0]


def test_checkpoints_stay_only_where_an_epoch_was_done(plan: Plan) -> None:
    mine, others = checkpoint_folder(plan) / "0", checkpoints_beside(plan.output) / "other/0"
    first, next_one = "epoch-0000.state", "epoch-0001.state"
    cases = ((mine, first, False, False), (others, next_one, True, False), (mine, next_one, True, True))
    for folder, state, stays, goes_on in cases:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / state).touch()
        with pytest.raises(KeyboardInterrupt) as caught, checkpoints_of(plan):
            raise KeyboardInterrupt
        assert folder.exists() == stays
        told = f"the same command goes on from the last epoch, which {checkpoints_beside(plan.output)} keeps"
        assert getattr(caught.value, "__notes__", []) == ([told] if goes_on else [])
    with checkpoints_of(plan):
        pass
    assert not checkpoints_beside(plan.output).exists()
