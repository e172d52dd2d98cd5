"""The course of a training: epoch after epoch, with a checkpoint after each."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from edgekit_converters.compress.checkpoint import Checkpoint, History
from edgekit_converters.compress.faces import Trainer
from edgekit_converters.compress.losses import BINARY, LossPlan, OutputLoss
from edgekit_converters.compress.results import Begun, Epoch, Trained
from edgekit_converters.compress.samples import Parts, Samples, batch_count, batches, order
from edgekit_converters.compress.schedule import learning_rate
from edgekit_converters.compress.settings import TrainSettings
from edgekit_converters.compress.surgery import Surgery
from edgekit_converters.compress.teacher import Teacher
from edgekit_runtime.child import Report
from edgekit_runtime.codec import encode
from edgekit_runtime.errors import ConversionError

STAGE = "training"
REPORT_S = 0.2


class NotFiniteError(Exception):
    """A loss became NaN or infinite; the message says where."""


@dataclass
class Course:
    """A training under way.

    Attributes:
        trainer: The model, ready.
        plan: The loss.
        settings: How.
        parts: The samples.
        teacher: What the teacher gave on `parts.train`; `None` without.
        report: Takes `{"begun"}`, `{"stage", "done", "total"}` and `{"epoch"}`.
    """

    trainer: Trainer
    plan: LossPlan
    settings: TrainSettings
    parts: Parts
    teacher: Teacher | None
    report: Report
    _told_at: float = field(default=0.0, init=False)

    def run(self, checkpoint: Checkpoint, depends_on: str, surgery: Surgery) -> Trained:
        """Train from the first state, or from the checkpoint's.

        Args:
            checkpoint: Where states go.
            depends_on: All that the training depends on besides the first weights.
            surgery: What was done to the source's shape.

        Raises:
            ConversionError: The loss became NaN or infinite; the state before that epoch is back.
            OSError: The checkpoint's folder is full.
        """
        history, reason = checkpoint.begin(self.trainer, depends_on, surgery)
        resumed = len(history.epochs)
        self.report({"begun": encode(Begun(resumed, reason, self.plan.measure))})
        while not self._stopped(history) and len(history.epochs) < self.settings.epochs:
            try:
                history = _with(history, self._epoch(len(history.epochs)))
            except NotFiniteError as error:
                checkpoint.restore(self.trainer, history)
                raise self._diverged(error, history) from error
            checkpoint.add(self.trainer, history)
            self.report({"epoch": encode(history.epochs[-1])})
        checkpoint.restore_best(self.trainer, history)
        assert history.best is not None
        notes = (reason,) if reason else ()
        return Trained(history.epochs, history.best, self.plan.task, self._stopped(history), resumed, notes)

    def _epoch(self, number: int) -> Epoch:
        begun = time.perf_counter()
        settings, rows = self.settings, order(self.parts.rows, self.settings.seed, number)
        in_epoch = batch_count(len(rows), settings.batch)
        total, summed = in_epoch * settings.epochs, 0.0
        self.trainer.begin(number)
        for place, chosen in enumerate(batches(rows, settings.batch)):
            step = number * in_epoch + place
            loss = self.trainer.step(*self._batch(self.parts.train, chosen), learning_rate(step, total, settings))
            if not math.isfinite(loss):
                raise NotFiniteError(f"step {place + 1} of {in_epoch} in epoch {number + 1}")
            summed += loss * len(chosen)
            self._tell(step + 1, total)
        validation_loss, accuracy = self._validate()
        if not math.isfinite(validation_loss) or not self.trainer.finite():
            raise NotFiniteError(f"the validation after epoch {number + 1}")
        return Epoch(summed / len(rows), validation_loss, time.perf_counter() - begun, accuracy)

    def _validate(self) -> tuple[float, float | None]:
        rows, summed, right = self.parts.validation_rows, 0.0, _Right(self.plan)
        for chosen in batches(rows, self.settings.batch):
            batch = self._batch(self.parts.validation, chosen)
            loss, outputs = self.trainer.look(*batch)
            summed += loss * len(chosen)
            right.add(outputs, batch[1])
        return summed / len(rows), right.share

    def _batch(
        self, samples: Samples, chosen: np.ndarray
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]:
        inputs = {name: values[chosen] for name, values in samples.inputs.items()}
        labels = {name: values[chosen] for name, values in samples.labels.items()}
        taught = self.teacher is not None and samples is self.parts.train
        teacher = self.teacher.rows(self.plan, chosen) if taught and self.teacher is not None else {}
        return inputs, self.plan.targets(inputs, labels), teacher

    def _tell(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._told_at >= REPORT_S or done == total:
            self._told_at = now
            self.report({"stage": STAGE, "done": done, "total": total})

    def _stopped(self, history: History) -> str | None:
        patience = self.settings.patience
        if patience is None or history.stale < patience or len(history.epochs) >= self.settings.epochs:
            return None
        return f"{patience} epochs brought no better validation loss"

    def _diverged(self, error: NotFiniteError, history: History) -> ConversionError:
        kept = f"epoch {len(history.epochs)}" if history.epochs else "the beginning"
        return ConversionError(
            f"the loss, or a weight, became NaN or infinite at {error}; the weights of {kept} are kept.",
            hint=f"Lower the learning rate: it was {self.settings.learning_rate:g} at its highest.",
        )


class _Right:
    """Counts right answers of the first output that names classes."""

    def __init__(self, plan: LossPlan) -> None:
        self._output = plan.counted
        self._right, self._seen = 0.0, 0

    def add(self, outputs: Mapping[str, np.ndarray], targets: Mapping[str, np.ndarray]) -> None:
        one = self._output
        if one is None or one.output not in targets:
            return
        right = _named(outputs[one.output], one) == _named(targets[one.output], one, told=True)
        self._right += float(np.mean(right)) * len(right)
        self._seen += len(right)

    @property
    def share(self) -> float | None:
        return self._right / self._seen if self._seen else None


def _named(values: np.ndarray, one: OutputLoss, *, told: bool = False) -> np.ndarray:
    """The classes that outputs or targets name."""
    if one.kind == BINARY:
        return np.asarray(values > (0.5 if one.probabilities or told else 0))
    return values if told and one.numbered else np.asarray(values.argmax(axis=one.axis))


def _with(history: History, epoch: Epoch) -> History:
    best = history.best
    if best is None or epoch.validation_loss < history.epochs[best].validation_loss:
        best = len(history.epochs)
    return replace(history, epochs=(*history.epochs, epoch), best=best)
