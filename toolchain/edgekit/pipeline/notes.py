"""What is said of pruning and training while they run, and in the trail."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from edgekit_converters.compress.results import Begun, Epoch, Pruned, Trained
from edgekit_converters.compress.settings import PruneSettings

NOTABLE = 0.005  # of the MACs: by so much an alignment may take more without a word


@dataclass(frozen=True)
class Round:
    """Which of several prunings, each with its training, a step belongs to.

    Attributes:
        number: Counted from 1; 0 where there are no rounds.
        most: How many there are, unless one costs too much.
    """

    number: int = 0
    most: int = 0

    def row(self, step: str) -> str:
        """The step as a row of the trail is called."""
        return f"{step} {self.number}" if self.number else step

    def line(self, step: str) -> str:
        """The step as lines are that tell of it."""
        return f"{step}, round {self.number} of at most {self.most}" if self.number else step


ALONE = Round()


@dataclass(frozen=True)
class Learning:
    """A training that is told of, line by line.

    Attributes:
        step: What it is called.
        round: Which it belongs to.
        epochs: How many it is to have.
        done: How many are done.
    """

    step: str
    round: Round
    epochs: int
    done: int = 0

    def after(self, epochs: int) -> Learning:
        """The same with more of them done."""
        return replace(self, done=self.done + epochs)

    def begin(self, begun: Begun, checkpoint: Path) -> list[str]:
        """The lines before the first step."""
        name, lines = self.round.line(self.step), []
        if begun.reason:
            lines.append(f"{name}: {begun.reason}")
        if begun.resumed:
            lines.append(f"{name}: goes on after epoch {begun.resumed} of {self.epochs}, kept in {checkpoint}")
        if begun.measure:
            lines.append(f"{name}: of the samples held back, validation is {begun.measure}; there is no accuracy")
        return lines

    def epoch(self, epoch: Epoch) -> str:
        """The line after the last epoch that is done."""
        name = f"{self.step} {self.round.number}" if self.round.number else self.step
        line = f"{name}: epoch {self.done} of {self.epochs}: loss {epoch.loss:.4g}, validation "
        line += f"{epoch.validation_loss:.4g}"
        if epoch.accuracy is not None:
            line += f", accuracy {100 * epoch.accuracy:.1f} %"
        left = (self.epochs - self.done) * epoch.seconds
        of = " of this round" if self.round.number else ""
        return f"{line}, {epoch.seconds:.1f} s" + (f"; about {left:.0f} s{of} left" if left >= 1 else "")


def foretold(settings: PruneSettings, share: float | None) -> str:
    """What an alignment takes beyond what was asked for, before it is cut; empty where that is not worth a word.

    Args:
        settings: What was asked for.
        share: Share of the MACs that will leave; `None` where only a scan tells.
    """
    if share is None or settings.share is None or share - settings.share < NOTABLE:
        return ""
    return (
        f"{100 * share:.1f} % of the MACs will leave: it is the nearest to {100 * settings.share:.3g} % in widths of "
        f"multiples of {settings.alignment}"
    )


def pruned_text(pruned: Pruned) -> str:
    """What a pruning did."""
    text = f"{100 * pruned.share:.1f} % of {pruned.macs_before:,} MACs removed; {pruned.parameters:,} parameters left"
    if pruned.by_l2:
        text += f"; by l2, as they lack what was asked for: {', '.join(pruned.by_l2)}"
    if pruned.left_alone:
        text += f"; left alone: {', '.join(one.layer for one in pruned.left_alone)}"
    return text


def trained_text(trained: Trained) -> str:
    """How a training went."""
    best = trained.epochs[trained.best]
    text = f"{trained.task}: {len(trained.epochs)} epochs, the best the {trained.best + 1}., validation loss "
    text += f"{best.validation_loss:.4g}"
    return "; ".join((text, *([trained.stopped] if trained.stopped else []), *trained.notes))
