"""Hold what edgekit predicts against latencies that others published: the figures behind docs/validation.md."""

from __future__ import annotations

import itertools
import math
import statistics
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from edgekit_targets.catalog import load_profile
from edgekit_targets.estimate.cores import CORES, Precision
from edgekit_targets.estimate.latency import Constants, Machine, Work, machine_of, time_of
from edgekit_targets.estimate.ranges import CHECKED, SHORT, SHORT_MS, UNCHECKED, Trust
from edgekit_targets.estimate.work import Load, work_of

FOLDER = Path(__file__).parent
PUBLISHED, MODELS, COUNTS = (FOLDER / name for name in ("published.toml", "models_published.toml", "counts.toml"))
Method = Literal["estimated", "counted"]
METHODS: tuple[Method, ...] = ("estimated", "counted")
PRECISIONS: tuple[Precision, ...] = ("float32", "int8")


@dataclass(frozen=True)
class Row:
    """A published latency.

    Attributes:
        table: The publication it stands in.
        role: `fitted` or `tested`.
        model: Which model.
        precision: Of its values.
        core: Name of the cores.
        machine: What the formula needs of the board.
        threads: Threads that ran it.
        published_ms: The published latency.
        stand_in: Whether its cores were never counted, and others stand in.
        shown: Why it is shown and not counted for thresholds; empty otherwise.
    """

    table: str
    role: str
    model: str
    precision: Precision
    core: str
    machine: Machine
    threads: int
    published_ms: float
    stand_in: bool
    shown: str


@dataclass(frozen=True)
class Held:
    """A published latency beside the predicted one.

    Attributes:
        row: The published one.
        predicted_ms: The predicted one.
    """

    row: Row
    predicted_ms: float

    @property
    def ratio(self) -> float:
        """Published over predicted."""
        return self.row.published_ms / self.predicted_ms

    @property
    def error(self) -> float:
        """How many times the larger of the two is the smaller."""
        return max(self.ratio, 1 / self.ratio)

    @property
    def trust(self) -> Trust:
        """The range that is printed, as factors of the prediction."""
        if self.predicted_ms < SHORT_MS:
            return SHORT
        return CHECKED if not self.row.stand_in else UNCHECKED

    @property
    def inside(self) -> bool:
        """Whether the published latency lies in it."""
        return self.trust.low <= self.ratio <= self.trust.high


def read_rows(path: Path = PUBLISHED) -> tuple[Row, ...]:
    """Read what others published."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["table"]
    return tuple(
        Row(
            table["name"],
            table["role"],
            model,
            precision,
            _core_name(table),
            _machine(table),
            table["threads"],
            float(latency),
            table.get("stand_in", False),
            table.get("shown", {}).get(model, ""),
        )
        for table in tables
        for precision in PRECISIONS
        for model, latency in table.get(precision, {}).items()
    )


def sources(path: Path = PUBLISHED) -> dict[str, tuple[str, str]]:
    """The engine and the source of each table, by name."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["table"]
    return {table["name"]: (table["engine"], table["source"]) for table in tables}


def _core_name(table: dict[str, object]) -> str:
    if "core" in table:
        return str(table["core"])
    model = load_profile(str(table["target"])).profile.cpu.model
    assert model is not None
    return model.value


def _machine(table: dict[str, object]) -> Machine:
    if "core" in table:
        core = CORES[str(table["core"])]
        machine = Machine(core, 4, 0.0, core.bandwidth_factor * core.copy_mb_s)
    else:
        machine = machine_of(load_profile(str(table["target"])).profile)
    clock = table.get("clock_mhz", machine.clock_mhz)
    assert isinstance(clock, (int, float))
    return replace(machine, clock_mhz=float(clock))


class Works:
    """What each model has each core do, from the operator list or counted."""

    def __init__(self) -> None:
        self._models = tomllib.loads(MODELS.read_text(encoding="utf-8"))
        self._counts = tomllib.loads(COUNTS.read_text(encoding="utf-8"))

    def of(self, row: Row, method: Method) -> Work | None:
        """The work; `None` where nothing was counted."""
        return self._estimated(row) if method == "estimated" else self._counted(row)

    def _estimated(self, row: Row) -> Work:
        told = self._models[row.model][row.precision]
        load = Load(
            place=0,
            name="",
            output="",
            precision=row.precision,
            dense_macs=told["dense_macs"],
            depthwise_macs=told["depthwise_macs"],
            weight_bytes=told["weight_bytes"],
            activation_bytes=told["activation_bytes"],
        )
        return replace(work_of(load, row.machine.core.rates[row.precision]), operators=told["operators"])

    def _counted(self, row: Row) -> Work | None:
        counted = next((name for name in self._counts if CORES[name].rates is row.machine.core.rates), None)
        told = self._counts[counted].get(row.model, {}).get(row.precision) if counted else None
        if told is None:
            return None
        operators = self._models[row.model][row.precision]["operators"]
        return Work(told["port_cycles"], told["l1_refill_bytes"], told["dram_bytes"], operators)


def hold(rows: Iterable[Row], works: Works, method: Method, constants: Constants) -> tuple[Held, ...]:
    """Predict what was published; rows whose work is not known are left out."""
    found = ((row, works.of(row, method)) for row in rows)
    return tuple(
        Held(row, time_of(work, row.machine, row.threads, constants).total_ms)
        for row, work in found
        if work is not None
    )


def ratios(held: Sequence[Held]) -> tuple[float, ...]:
    """For each two models of one table, how far the predicted ratio is from the published one."""
    found = []
    for one, other in itertools.combinations(held, 2):
        if one.row.table == other.row.table and min(one.predicted_ms, other.predicted_ms) >= SHORT_MS:
            apart = one.ratio / other.ratio
            found.append(max(apart, 1 / apart))
    return tuple(found)


PRIOR = Constants(0.85, 8.0, 2.0)  # the bandwidth as a factor of what a copy copies: it reads and writes
SPREAD = (0.2, 0.5, 0.5)  # of the logarithms around PRIOR
NOISE = 0.12  # of the logarithm of a published latency
STEPS, SMALLEST = 200, 1e-6


def fit(rows: Sequence[Row], works: Works, method: Method) -> Constants:
    """Fit the three constants to published latencies, in logarithms, towards the round ones of `PRIOR`.

    The bandwidth scale is that of a copy, so the rows' machines must have one that is not scaled. The smallest sum
    is looked for by steps along each axis, which halve where none goes down.
    """
    held = [(row, work) for row in rows if (work := works.of(row, method)) is not None]

    def loss(point: Sequence[float]) -> float:
        constants = Constants(*map(math.exp, point))
        misses = (
            math.log(time_of(w, r.machine, r.threads, constants).total_ms / r.published_ms) / NOISE for r, w in held
        )
        prior = zip(point, _logs(PRIOR), SPREAD, strict=True)
        return sum(_soft(miss) for miss in misses) + sum(((at - mean) / spread) ** 2 for at, mean, spread in prior)

    return Constants(*map(math.exp, _descend(loss, _logs(PRIOR))))


def _soft(miss: float) -> float:
    """Square near nothing, and linear far off: one odd row must not carry the fit."""
    return 2 * (math.sqrt(1 + miss * miss) - 1)


def _logs(constants: Constants) -> tuple[float, float, float]:
    return math.log(constants.efficiency), math.log(constants.refill_cycles), math.log(constants.bandwidth_scale)


def _descend(loss: Callable[[Sequence[float]], float], start: tuple[float, ...]) -> tuple[float, ...]:
    point, least, step = start, loss(start), 0.2
    for _ in range(STEPS):
        near = [
            tuple(at + (sign * step if axis == moved else 0.0) for axis, at in enumerate(point))
            for moved in range(len(point))
            for sign in (1, -1)
        ]
        best = min(near, key=loss)
        if loss(best) < least:
            point, least = best, loss(best)
        else:
            step /= 2
        if step < SMALLEST:
            break
    return point


def with_copy_bandwidth(rows: Iterable[Row]) -> tuple[Row, ...]:
    """The rows on machines whose bandwidth is that of a copy, as the fit takes them."""
    return tuple(
        replace(
            row,
            machine=replace(row.machine, bandwidth_mb_s=row.machine.bandwidth_mb_s / row.machine.core.bandwidth_factor),
        )
        for row in rows
    )


def leave_one_out(rows: Sequence[Row], works: Works, method: Method, key: Callable[[Row], str]) -> tuple[Held, ...]:
    """Predict each group of rows by constants that were fitted to the others."""
    copied = with_copy_bandwidth(rows)
    held: list[Held] = []
    for group in dict.fromkeys(map(key, copied)):
        constants = fit([row for row in copied if key(row) != group], works, method)
        held += hold([row for row in copied if key(row) == group], works, method, constants)
    return tuple(held)


def middle(errors: Iterable[float]) -> float:
    """The median."""
    return statistics.median(errors)
