"""The options of `edgekit convert` that make a network smaller, and let it learn."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click

Command = Callable[..., None]
PATH = click.Path(path_type=Path)
DEFAULT_IMPORTANCE = "l1"


class Smaller(NamedTuple):
    """What was asked; see the fields of a `Request` of the same names."""

    recipe: Path | None
    prune: float | None
    importance: str
    max_drop: float | None
    train: Path | None
    epochs: int | None
    learning_rate: float | None
    teacher: str | None
    teacher_weights: Path | None
    classes: int | None


OPTIONS = (
    click.option("--recipe", type=PATH, metavar="FILE.toml", help="Steps to take, instead of the options below."),
    click.option("--prune", type=float, metavar="SHARE", help="Remove this share of the MACs by taking channels out."),
    click.option(
        "--importance",
        default=DEFAULT_IMPORTANCE,
        show_default=True,
        metavar="WAY",
        help="Which channels stay: l1, l2, taylor, batch-norm or random.",
    ),
    click.option("--max-drop", type=float, metavar="DROP", help="Prune in rounds until accuracy falls more than this."),
    click.option("--train", type=PATH, metavar="DATA", help="Samples to train on, after pruning where both are asked."),
    click.option("--epochs", type=int, metavar="N", help="Passes over them.  [default: 10]"),
    click.option("--learning-rate", type=float, metavar="RATE", help="The highest of them.  [default: 0.001]"),
    click.option("--teacher", metavar="MODEL", help="Learn from it, too; source is MODEL itself before pruning."),
    click.option("--teacher-weights", type=PATH, metavar="FILE", help="Weights of a teacher that code makes."),
    click.option("--classes", type=int, metavar="N", help="Replace the head by one for N classes, and train it."),
)


def smaller_options(command: Command) -> Command:
    """Give a command the options of `Smaller`, which it takes as its parameter `smaller`."""

    @functools.wraps(command)
    def with_smaller(*args: object, **options: object) -> None:
        asked = Smaller(**{name: options.pop(name) for name in Smaller._fields})  # type: ignore[arg-type]  # click made them of these types
        command(*args, smaller=asked, **options)

    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(OPTIONS), with_smaller)
