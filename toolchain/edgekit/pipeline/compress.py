"""The steps that change a network before it is exported: a new head, fewer channels, training, distillation."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit.pipeline.measure import measure_file
from edgekit.pipeline.notes import ALONE, Learning, Round, foretold, pruned_text, trained_text
from edgekit.pipeline.plan import Plan
from edgekit.pipeline.recipe import PruneStep, Step, TrainStep, TransferStep, recipe_sha256
from edgekit.pipeline.teacher import ask_itself, ask_other, expected, make_room, what_is_asked
from edgekit_converters.compress.checkpoint import FIRST_STATE, STATES
from edgekit_converters.compress.results import Begun, Epoch, Pruned
from edgekit_converters.compress.settings import TeacherSettings
from edgekit_converters.compress.surgery import SURGERY_FILE
from edgekit_converters.data.session import DataSession
from edgekit_converters.detect import checksum_source
from edgekit_converters.framework import FrameworkSession
from edgekit_converters.source import SourceInfo
from edgekit_converters.trail import StepResult
from edgekit_runtime.figure import Figure, unavailable
from edgekit_runtime.progress import Progress, silent

CHECKPOINTS = ".training"  # beside the output, and gone once that is there
KEY_CHARS = 12
SOURCE_STEP = "source"
Log = Callable[[str], None]


@dataclass(frozen=True)
class Compressed:
    """A network after all its steps.

    Attributes:
        info: What it takes and gives now.
        steps: Each with what it left, the source first.
        prunings: Every round's, in order.
        surgery: The record of what was done to its shape.
        warnings: What the user should know.
    """

    info: SourceInfo
    steps: tuple[StepResult, ...]
    prunings: tuple[Pruned, ...]
    surgery: Path
    warnings: tuple[str, ...]


def checkpoint_folder(plan: Plan) -> Path:
    """Where the checkpoints of a plan's trainings lie: in a folder of that source and recipe alone."""
    key = hashlib.sha256(f"{checksum_source(plan.model)} {recipe_sha256(plan.recipe)}".encode()).hexdigest()
    return checkpoints_beside(plan.output) / key[:KEY_CHARS]


def checkpoints_beside(output: Path) -> Path:
    """The folder of all checkpoints beside an output."""
    return output.with_name(output.name + CHECKPOINTS)


@contextmanager
def checkpoints_of(plan: Plan) -> Iterator[None]:
    """Around a conversion: its checkpoints stay where it ends before its bundle, and an epoch was done."""
    folder, own = checkpoints_beside(plan.output), checkpoint_folder(plan)
    try:
        yield
    except BaseException as error:
        if _holds_epoch(own):
            error.add_note(f"the same command goes on from the last epoch, which {folder} keeps")
        elif not _holds_epoch(folder):
            shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def _holds_epoch(folder: Path) -> bool:
    return any(path.name != FIRST_STATE for path in folder.rglob(STATES))


class Compression:
    """A network in the works.

    Args:
        plan: Which steps.
        scratch: The staging folder.
        session: Has the network loaded, under its new head where it gets one.
        labels: Labels of the evaluation data, `.npz`.
        evaluated: Where the outputs go, `.npz`, of the network that the file is held against: that before its steps,
            or, as a new head knew nothing, that after them.
        progress: Told how far long steps are.
        on_note: Takes what the user wants to know while it runs.
        on_log: Takes the teacher's log.
    """

    def __init__(
        self,
        plan: Plan,
        scratch: Path,
        session: FrameworkSession,
        labels: Path,
        evaluated: Path,
        progress: Progress,
        on_note: Log,
        on_log: Log | None,
    ) -> None:
        self._plan, self._scratch, self._session = plan, scratch, session
        self._labels, self._evaluated, self._outputs = labels, evaluated, scratch / "step.npz"
        self._progress, self._note, self._on_log = progress, on_note, on_log
        self._calls = session.compression
        self._checkpoints = checkpoint_folder(plan)
        self._results: list[StepResult] = []
        self._prunings: list[Pruned] = []
        self._warnings: list[str] = []
        self._lessons: dict[int, TeacherSettings] = {}
        self._higher_is_better = True

    def run(self) -> Compressed:
        """Take every step.

        Raises:
            RecipeError: A step does not fit the network.
            DataError: The training data does not fit.
            ConversionError: The loss became NaN.
            OutputError: A checkpoint cannot be written.
        """
        steps = self._plan.recipe.steps
        if self._checkpoints.parent.is_dir() and not self._checkpoints.is_dir():
            self._note(f"{self._checkpoints.parent} is of another source or other steps, so they begin anew")
        self._look_ahead(steps)
        self._keep(
            SOURCE_STEP, "as it was loaded, with a new head" if self._plan.recipe.transfers else "as it was loaded"
        )
        if not self._plan.recipe.transfers:
            self._hold_against()
        for place, step, training in _stages(steps):
            if isinstance(step, TrainStep):
                self._train(step, place, ALONE)
                continue
            self._learn_from_whole(steps)
            if self._prunings:
                self._check(step)
            if training is None:
                self._prune(step, step.settings.share, ALONE)
            else:
                self._prune_in_rounds(step, training, place)
        if any(isinstance(step, PruneStep) for step in steps) and not any(isinstance(s, TrainStep) for s in steps):
            self._warnings.append("nothing was trained after pruning: --train DATA brings back much of the accuracy")
        if self._plan.recipe.transfers:
            self._hold_against()
        final = self._scratch / "final"
        self._calls.save(final)
        return Compressed(
            self._calls.info(),
            tuple(self._results),
            tuple(self._prunings),
            final / SURGERY_FILE,
            tuple(self._warnings),
        )

    def _look_ahead(self, steps: tuple[Step, ...]) -> None:
        """Refuse what cannot be done, and ask other models for what they teach, before anything takes long."""
        first = next((step for step in steps if isinstance(step, PruneStep)), None)
        if first is not None:
            self._check(first)
        for place, step in enumerate(steps):
            if isinstance(step, TrainStep):
                self._calls.check_train(replace(step.settings, teacher=expected(step.teacher)))
                if step.teacher is not None and step.teacher.source is not None:
                    self._lesson(step, place)

    def _check(self, step: PruneStep) -> None:
        line = foretold(step.settings, self._calls.check(step.settings))
        if line:
            self._note(f"prune: {line}")

    def _prune(self, step: PruneStep, share: float | None, one: Round) -> None:
        pruned = self._calls.prune(replace(step.settings, share=share), self._progress)
        self._prunings.append(pruned)
        self._note(f"{one.line('prune')}: {pruned_text(pruned)}")
        self._keep(one.row("prune"), pruned_text(pruned))

    def _prune_in_rounds(self, step: PruneStep, training: TrainStep, place: int) -> None:
        """Prune a little and train a little; a round that costs too much is undone, and is the last."""
        before = self._results[-1].metric
        full, share, good = 0, step.settings.share, self._scratch / "good"
        assert share is not None
        for number in range(1, step.rounds + 1):
            self._calls.save(good)
            known = len(self._results), len(self._prunings)
            asked = _share_of_round(share, number / step.rounds, self._prunings[-1].macs_after / full if full else 1.0)
            if asked <= 0:  # an alignment took more in the round before
                continue
            one = Round(number, step.rounds)
            self._prune(step, asked, one)
            full = full or self._prunings[-1].macs_before
            self._train(training, place + 1, one)
            drop = self._drop(before)
            if step.max_drop is not None and drop > step.max_drop:
                self._calls.restore(good)
                self._score()  # so that the outputs are those of the network that is back
                del self._results[known[0] :], self._prunings[known[1] :]
                self._warnings.append(
                    f"pruning stopped before round {number} of {step.rounds}, which took {drop:.3g} of the metric; "
                    f"allowed: {step.max_drop:g}"
                )
                return

    def _drop(self, before: Figure | None) -> float:
        """How far the metric fell; an error counts by its share, for it has no scale of its own."""
        now = self._results[-1].metric
        if before is None or before.value is None or now is None or now.value is None:
            return 0.0
        if self._higher_is_better:
            return before.value - now.value
        return (now.value - before.value) / before.value if before.value else now.value

    def _train(self, step: TrainStep, place: int, one: Round) -> None:
        settings = replace(step.settings, teacher=self._lesson(step, place))
        what = "train" if step.teacher is None else "distil"
        folder = self._checkpoints / (f"{place}-round-{one.number}" if one.number else str(place))
        learning = Learning(what, one, settings.epochs)

        def on_begun(begun: Begun) -> None:
            nonlocal learning
            learning = learning.after(begun.resumed)
            for line in learning.begin(begun, folder):
                self._note(line)

        def on_epoch(epoch: Epoch) -> None:
            nonlocal learning
            learning = learning.after(1)
            self._note(learning.epoch(epoch))

        def progress(stage: str, done: int, total: int) -> None:
            self._progress(one.line(stage), done, total)

        trained = self._calls.train(settings, folder, progress, on_epoch, on_begun)
        self._keep(one.row(what), trained_text(trained))

    def _lesson(self, step: TrainStep, place: int) -> TeacherSettings | None:
        """What the teacher of a step gives, asked once."""
        if step.teacher is None:
            return None
        if place not in self._lessons:
            folder = self._checkpoints / f"{place}-teacher"
            asked = step.teacher, step.settings.data
            reason = make_room(folder, what_is_asked(self._session, *asked, self._progress))
            if reason:
                self._note(f"distil: {reason}")
            info = self._calls.info()
            if step.teacher.source is None:
                self._lessons[place] = ask_itself(self._session, *asked, info, folder, self._progress)
            else:
                self._lessons[place] = ask_other(*asked, info, folder, self._progress, self._on_log)
        return self._lessons[place]

    def _learn_from_whole(self, steps: tuple[Step, ...]) -> None:
        """Ask the network itself before anything of it is gone."""
        for place, step in enumerate(steps):
            if isinstance(step, TrainStep) and step.teacher is not None and step.teacher.source is None:
                self._lesson(step, place)

    def _keep(self, step: str, detail: str) -> None:
        model = self._scratch / f"step.{self._plan.model_format}"
        self._session.export(model, self._plan.model_format)
        parameters = self._calls.info().parameters
        result = measure_file(step, detail, model, self._plan.target.profile, parameters, self._score())
        self._results.append(result)
        model.unlink()

    def _hold_against(self) -> None:
        """Keep the outputs of the network as it is now, which `_keep` left."""
        if self._plan.evaluation is not None:
            self._outputs.rename(self._evaluated)

    def _score(self) -> Figure:
        if self._plan.evaluation is None:
            return unavailable("share", "no evaluation data was given")
        self._session.predict(self._plan.evaluation, self._outputs, silent)
        with DataSession(on_log=self._on_log) as data:
            score = data.score(self._outputs, self._labels, self._plan.request.metric)
        self._higher_is_better = score.higher_is_better
        return score.value


def _stages(steps: tuple[Step, ...]) -> Iterator[tuple[int, PruneStep | TrainStep, TrainStep | None]]:
    """Each step with its place, and pruning in rounds together with the training that each round ends with."""
    taken = -1
    for place, step in enumerate(steps):
        if isinstance(step, TransferStep) or place == taken:
            continue
        following = steps[place + 1] if place + 1 < len(steps) else None
        if isinstance(step, PruneStep) and step.in_rounds and isinstance(following, TrainStep):
            taken = place + 1
            yield place, step, following
        else:
            yield place, step, None


def _share_of_round(share: float, done: float, left: float) -> float:
    """The share that a round removes of what is left, so that rounds remove alike.

    Args:
        share: Of the whole, over all rounds.
        done: Share of the rounds that are done after this one.
        left: Share of the whole's MACs that is there before it.
    """
    return float(1 - (1 - share) ** done / left)
