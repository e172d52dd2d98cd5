"""What the user sees beside the result: progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress
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


class Shown(Protocol):
    """Progress on stderr; see `Progress`."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take how far a stage is."""
        ...

    def note(self, line: str) -> None:
        """Show a line that stays."""
        ...


class Silent:
    """Nothing on stderr."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Tell nobody."""

    def note(self, line: str) -> None:
        """Tell nobody."""


@contextmanager
def progress(quiet: bool = False, verbose: bool = False) -> Iterator[Shown]:
    """Show on stderr how far long steps are, for as long as the block runs.

    A terminal gets a bar for each stage, with the time left. Anything else gets one line per
    10 %, and so does a verbose run, whose log a bar would cut to pieces.

    Args:
        quiet: Show nothing.
        verbose: Show lines, never bars.
    """
    if quiet:
        yield Silent()
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

    def note(self, line: str) -> None:
        """Show a line."""
        click.echo(line, err=True)


class Bars:
    """Progress as bars on a terminal, below the lines that stay.

    Args:
        bars: Rich's.
    """

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take how far a stage is; see `Progress`."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=None)
        self._bars.update(self._tasks[stage], completed=done, total=total or None)

    def note(self, line: str) -> None:
        """Show a line above the bars."""
        self._bars.console.print(line, markup=False, highlight=False)


@contextmanager
def _bars(console: Console) -> Iterator[Shown]:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        yield Bars(bars)
