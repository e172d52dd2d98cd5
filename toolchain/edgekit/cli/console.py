"""What the user sees beside the result: progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import click

from edgekit_runtime.progress import Progress, silent

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

LINE_EVERY_PERCENT = 10


class Volume(NamedTuple):
    """How much edgekit says; the command line hands it to each verb as click's `obj`.

    Attributes:
        quiet: Whether it says nothing but the result and errors.
        verbose: Whether it says more.
    """

    quiet: bool = False
    verbose: bool = False


@contextmanager
def progress(quiet: bool = False, verbose: bool = False) -> Iterator[Progress]:
    """Show on stderr how far long steps are, for as long as the block runs.

    A terminal gets a bar for each stage, with the time left. Anything else gets one line per
    10 %, and so does a verbose run, whose log a bar would cut to pieces.

    Args:
        quiet: Show nothing.
        verbose: Show lines, never bars.
    """
    if quiet:
        yield silent
        return
    if verbose or not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_dumb_terminal:
        yield Lines()
        return
    with _bars(console) as bars:
        yield bars


class Lines:
    """Progress as plain lines on stderr: one when a stage begins, then one per 10 %."""

    def __init__(self) -> None:
        self._stage = ""
        self._percent = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take how far a stage is; see `Progress`."""
        percent = min(100, 100 * done // total) if total > 0 else 0
        percent -= percent % LINE_EVERY_PERCENT
        if (stage, percent) == (self._stage, self._percent):
            return
        self._stage, self._percent = stage, percent
        click.echo(f"{stage}: {percent} %" if total > 0 else f"{stage} ...", err=True)


@contextmanager
def _bars(console: Console) -> Iterator[Progress]:
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bars(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=None)
            bars.update(tasks[stage], completed=done, total=total or None)

        yield show
