"""The options of `edgekit bench` that say how, and what besides the latency."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from edgekit.cli.duration import DURATION

if TYPE_CHECKING:
    from edgekit_runtime.record import BenchSettings

Command = Callable[..., None]
COUNT = click.IntRange(min=1)
RUNS = click.IntRange(min=5)


class Measuring(NamedTuple):
    """What was asked; see the options of the same names."""

    threads: int
    batch: int
    pin: str
    runs: int
    max_runs: int
    timeout: float
    throughput: bool
    weight_cache: bool
    operators: bool
    counters: bool
    sustain: float
    energy: float
    meter: Path | None
    meter_offset: float | None
    operating_points: bool
    latency_budget: float | None


SECTIONS = {"How it is measured": Measuring._fields[:6], "Measured besides": Measuring._fields[6:]}
OPTION_OF = {  # where the settings' name is another one
    "timeout_s": "--timeout",
    "energy_s": "--energy",
    "sustain_s": "--sustain",
    "latency_budget_ms": "--latency-budget",
}
OPTIONS = (
    click.option(
        "--threads", type=COUNT, default=1, show_default=True, metavar="N", help="Threads of the interpreter."
    ),
    click.option(
        "--batch",
        type=COUNT,
        default=1,
        show_default=True,
        metavar="N",
        help="Samples in one inference, where the model's batch axis is free.",
    ),
    click.option("--pin", default="", metavar="CORES", help="Measure on these cores only, such as 2,3 or 0-1."),
    click.option("--runs", type=RUNS, default=5, show_default=True, metavar="N", help="Fresh processes at least."),
    click.option("--max-runs", type=RUNS, default=20, show_default=True, metavar="N", help="Fresh processes at most."),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=120.0,
        show_default=True,
        metavar="SECONDS",
        help="After which one process is given up.",
    ),
    click.option("--throughput", is_flag=True, help="Inferences per second, by threads and by interpreters."),
    click.option("--weight-cache", is_flag=True, help="The load time with and without XNNPACK's weight cache."),
    click.option("--operators", is_flag=True, help="The time of each operator."),
    click.option("--counters", is_flag=True, help="Instructions and cycles, where the processor lets."),
    click.option(
        "--sustain",
        type=DURATION,
        default=0.0,
        metavar="TIME",
        help="Whether it keeps its pace without a rest for so long, such as 60s or 5min.",
    ),
    click.option(
        "--energy",
        type=click.FloatRange(min=0),
        default=1.0,
        show_default=True,
        metavar="SECONDS",
        help="How long a power sensor is read, idle and busy, in each of 5 processes; 0 leaves energy out.",
    ),
    click.option(
        "--meter",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE.csv",
        help="The energy by the log that an external power meter is writing on this machine.",
    ),
    click.option(
        "--meter-offset",
        type=float,
        metavar="SECONDS",
        help="What to add to the meter's times to have this machine's.  [default: 0]",
    ),
    click.option(
        "--operating-points",
        is_flag=True,
        help="The threads, interpreters and (as root there) clock limit and governor of least energy.",
    ),
    click.option(
        "--latency-budget",
        type=DURATION,
        metavar="TIME",
        help="What an inference may take at an operating point, such as 20ms.",
    ),
)


def measuring_options(command: Command) -> Command:
    """Give a command the options of `Measuring`, which it takes as its parameter `asked`."""

    @functools.wraps(command)
    def with_measuring(*args: object, **options: object) -> None:
        asked = Measuring(**{name: options.pop(name) for name in Measuring._fields})  # type: ignore[arg-type]  # click made them of these types
        command(*args, asked=asked, **options)

    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(OPTIONS), with_measuring)


def settings_of(asked: Measuring) -> BenchSettings:
    """The settings that these options stand for.

    Raises:
        click.UsageError: They cannot be meant.
    """
    from edgekit_runtime.record import BenchSettings

    _require_company("--meter-offset", asked.meter_offset is not None, "--meter", asked.meter is not None)
    _require_company("--latency-budget", asked.latency_budget is not None, "--operating-points", asked.operating_points)
    try:
        return BenchSettings(
            threads=asked.threads,
            batch=asked.batch,
            min_runs=asked.runs,
            max_runs=max(asked.runs, asked.max_runs),
            timeout_s=asked.timeout,
            energy_s=asked.energy,
            throughput=asked.throughput,
            weight_cache=asked.weight_cache,
            operators=asked.operators,
            pin=asked.pin,
            sustain_s=asked.sustain,
            counters=asked.counters,
            windows=asked.meter is not None,
            operating_points=asked.operating_points,
            latency_budget_ms=(asked.latency_budget or 0.0) * 1e3,
        )
    except ValueError as error:  # such as NaN, which no range of click's keeps out
        name, _, fault = str(error).partition(" ")
        raise click.UsageError(f"{OPTION_OF.get(name, f'--{name}')} {fault}.") from error


def _require_company(option: str, given: bool, company: str, there: bool) -> None:
    if given and not there:
        raise click.UsageError(f"{option} says nothing without {company}; give both, or neither.")
