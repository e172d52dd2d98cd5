"""Recipes: what is done to a model, step by step."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit_converters.compress.settings import PruneSettings, TrainSettings, TransferSettings
from edgekit_converters.settings import SCHEMES, DataSettings, QuantizeSettings, SourceSettings
from edgekit_runtime.codec import dumps


@dataclass(frozen=True)
class Teacher:
    """A model that another learns from.

    Attributes:
        source: How it is loaded; `None` for the network itself as it was before anything of it was pruned.
        temperature: Divides both sides' logits before the softmax.
        weight: Share of the loss that is the teacher's.
        feature_weight: What the distance of features is multiplied by, beside that loss; 0 matches none.
    """

    source: SourceSettings | None
    temperature: float
    weight: float
    feature_weight: float


@dataclass(frozen=True)
class TransferStep:
    """A new head.

    Attributes:
        settings: Which.
    """

    settings: TransferSettings


@dataclass(frozen=True)
class PruneStep:
    """Channels leave.

    Attributes:
        settings: Which, and how many in all.
        rounds: In how many rounds, each with the training that follows.
        max_drop: How far the metric may fall; the round in which it falls further is undone. `None` for no limit.
    """

    settings: PruneSettings
    rounds: int = 1
    max_drop: float | None = None

    @property
    def in_rounds(self) -> bool:
        """Whether a training belongs to it."""
        return self.rounds > 1 or self.max_drop is not None


@dataclass(frozen=True)
class TrainStep:
    """The network learns.

    Attributes:
        settings: From what, and how; the teacher's part is added when it was asked.
        teacher: Whom it learns from, too; `None` for labels alone.
    """

    settings: TrainSettings
    teacher: Teacher | None = None


Step = TransferStep | PruneStep | TrainStep


@dataclass(frozen=True)
class Recipe:
    """What is done to a model.

    Attributes:
        name: Its name.
        quantize: The scheme, and the types at the borders of the file.
        steps: What is done to the network before it is exported, in order.
    """

    name: str
    quantize: QuantizeSettings
    steps: tuple[Step, ...] = ()

    @property
    def transfers(self) -> bool:
        """Whether the network gets a new head."""
        return any(isinstance(step, TransferStep) for step in self.steps)


RECIPES = {
    scheme.name: Recipe(scheme.name, QuantizeSettings(scheme.name, scheme.border_types[0], scheme.border_types[0]))
    for scheme in SCHEMES.values()
}


def recipe_sha256(recipe: Recipe) -> str:
    """Checksum of a recipe; where data and teachers lie does not count, but for their names."""
    steps = tuple(_without_places(step) for step in recipe.steps)
    return hashlib.sha256(dumps(replace(recipe, steps=steps)).encode()).hexdigest()


def _without_places(step: Step) -> Step:
    if isinstance(step, PruneStep):
        return replace(step, settings=replace(step.settings, data=_named(step.settings.data)))
    if isinstance(step, TransferStep):
        return step
    data = _named(step.settings.data)
    assert data is not None
    settings = replace(step.settings, data=data, validation=_named(step.settings.validation))
    teacher = step.teacher
    if teacher is not None and teacher.source is not None:
        teacher = replace(teacher, source=replace(teacher.source, path=Path(teacher.source.path).name, weights=None))
    return TrainStep(settings, teacher)


def _named(data: DataSettings | None) -> DataSettings | None:
    return None if data is None else replace(data, path=Path(data.path).name)
