"""What each step that makes a network smaller, or trains it, is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from edgekit_converters.settings import DataSettings

L1, L2, TAYLOR, BATCH_NORM, RANDOM = IMPORTANCES = ("l1", "l2", "taylor", "batch-norm", "random")
UNIFORM, SENSITIVITY = WIDTHS = ("uniform", "sensitivity")
CLASSIFICATION, REGRESSION, AUTOENCODER = TASKS = ("classification", "regression", "autoencoder")


@dataclass(frozen=True)
class PruneSettings:
    """How many channels and heads leave, and which; exactly one of `share` and `width` is given.

    Attributes:
        share: Share of the network's multiply-accumulates to remove, above 0 and below 1.
        width: Share of the channels that stays in every layer, above 0 and below 1.
        importance: What tells which channels leave: one of `IMPORTANCES`.
        widths: How layers share the loss: one of `WIDTHS`.
        alignment: Widths become multiples of it, where a layer is at least that wide.
        data: Samples with labels for `taylor`, and any samples for a sensitivity scan; else `None`.
        seed: Seed of `random`.
    """

    share: Optional[float] = None
    width: Optional[float] = None
    importance: str = L1
    widths: str = UNIFORM
    alignment: int = 1
    data: Optional[DataSettings] = None
    seed: int = 0


@dataclass(frozen=True)
class TeacherSettings:
    """What a teacher gave on the training samples, and how much of it counts.

    Attributes:
        outputs: The `.npz` that `FrameworkSession.predict` of the teacher wrote for the same `data`: a row for each
            sample that is drawn, in that order.
        features: The folder that `CompressionCalls.features` of the teacher wrote for the same `data`; `None` without.
        temperature: Divides both sides' logits before the softmax.
        weight: Share of the loss that is the teacher's; 1 where there are no labels.
        feature_weight: What the distance of features is multiplied by, beside that loss.
    """

    outputs: str
    features: Optional[str] = None
    temperature: float = 4.0
    weight: float = 0.7
    feature_weight: float = 0.0


@dataclass(frozen=True)
class TrainSettings:
    """How to train.

    Attributes:
        data: The samples; those of `validation` are left out where it is a share of them.
        validation: Samples that tell when to stop; `None` takes a tenth of `data`, drawn by seed.
        task: One of `TASKS`, `auto` to go by labels and outputs, or `module:function` of the user's own loss.
        epochs: Passes over the data.
        batch: Samples in a step.
        learning_rate: The highest, which the warm-up ends at.
        warmup_share: Share of all steps over which the rate rises from 0; it falls as a cosine to 0 after that.
        patience: Epochs without a better validation loss after which training stops; `None` runs them all.
        freeze: Share of the layers, from the input on, that does not train.
        teacher: What a teacher gave; `None` without.
        seed: Seed of the order of samples, and of all that is random in the network.
    """

    data: DataSettings
    validation: Optional[DataSettings] = None
    task: str = "auto"
    epochs: int = 10
    batch: int = 32
    learning_rate: float = 1e-3
    warmup_share: float = 0.05
    patience: Optional[int] = None
    freeze: float = 0.0
    teacher: Optional[TeacherSettings] = None
    seed: int = 0


@dataclass(frozen=True)
class TransferSettings:
    """A new head.

    Attributes:
        classes: How many outputs it has.
        seed: Seed of its first weights.
    """

    classes: int
    seed: int = 0
