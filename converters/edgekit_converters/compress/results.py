"""What a step that makes a network smaller, or trains it, left behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Optional

from edgekit_converters.compress.channels import LeftAlone

PRUNING_FILE = "trail/pruning.json"


@dataclass(frozen=True)
class Width:
    """The width of a group before and after.

    Attributes:
        group: Its name.
        before: Units.
        after: Units.
        width: Channels of a unit.
    """

    group: str
    before: int
    after: int
    width: int


@dataclass(frozen=True)
class Pruned:
    """A pruning.

    Attributes:
        macs_before: Multiply-accumulates of the layers that pruning knows, for one sample.
        macs_after: The same afterwards.
        parameters: What the network has left.
        widths: Of every group.
        left_alone: Layers whose channels stayed, with the reason.
        by_l2: Groups that went by L2, because they lack what the importance goes by.
    """

    macs_before: int
    macs_after: int
    parameters: int
    widths: tuple[Width, ...]
    left_alone: tuple[LeftAlone, ...]
    by_l2: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Share of the MACs that was removed."""
        return 1 - self.macs_after / self.macs_before if self.macs_before else 0.0


@dataclass(frozen=True)
class Pruning:
    """What left a network, round by round.

    Attributes:
        rounds: In order; empty where only training was asked for.
    """

    SCHEMA: ClassVar[str] = "edgekit/pruning"
    VERSION: ClassVar[int] = 1

    rounds: tuple[Pruned, ...]


@dataclass(frozen=True)
class Begun:
    """A training that begins, or goes on.

    Attributes:
        resumed: How many epochs a checkpoint holds already.
        reason: Why an older checkpoint was not taken up; empty without one.
        measure: What the loss of the validation samples is, where no accuracy can be told; else empty.
    """

    resumed: int
    reason: str = ""
    measure: str = ""


@dataclass(frozen=True)
class Epoch:
    """A pass over the training data.

    Attributes:
        loss: Mean over its steps.
        validation_loss: After it, on the validation samples.
        seconds: How long it took.
        accuracy: Share of right answers on the validation samples; `None` where outputs are no classes.
    """

    loss: float
    validation_loss: float
    seconds: float
    accuracy: Optional[float] = None


@dataclass(frozen=True)
class Trained:
    """A training.

    Attributes:
        epochs: Those that ran, in order, with those before an interruption.
        best: Index of the epoch whose weights were kept.
        task: What the loss was.
        stopped: Why it ended before its last epoch; `None` where it did not.
        resumed: How many of the epochs a checkpoint held already.
        notes: What the user should know of it, such as why a checkpoint was not taken up.
    """

    epochs: tuple[Epoch, ...]
    best: int
    task: str
    stopped: Optional[str] = None
    resumed: int = 0
    notes: tuple[str, ...] = ()
