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
        role: `fitted`, `engine`, `tested` or `refused`; `published.toml` says what each means.
        engine: What ran it.
        model: Which model.
        precision: Of its values.
        core: What the cores are called.
        machine: What the formula needs of the board.
        threads: Threads that ran it.
        published_ms: The published latency.
    """

    table: str
    role: str
    engine: str
    model: str
    precision: Precision
    core: str
    machine: Machine
    threads: int
    published_ms: float


@dataclass(frozen=True)
class Held:
    """A published latency beside the predicted one.

    Attributes:
        row: The published one.
        predicted_ms: What edgekit's formula says for the runtime that it predicts.
        factor: How many times as long the row's engine takes; 1 for that runtime and those that are taken for it.
    """

    row: Row
    predicted_ms: float
    factor: float = 1.0

    @property
    def expected_ms(self) -> float:
        """What is expected of the row's engine."""
        return self.predicted_ms * self.factor

    @property
    def ratio(self) -> float:
        """Published over expected."""
        return self.row.published_ms / self.expected_ms

    @property
    def error(self) -> float:
        """How many times the larger of the two is the smaller."""
        return max(self.ratio, 1 / self.ratio)

    @property
    def trust(self) -> Trust:
        """The range that is printed, as factors of the prediction."""
        if self.predicted_ms < SHORT_MS:
            return SHORT
        return CHECKED if self.row.precision in self.row.machine.core.checked else UNCHECKED

    @property
    def inside(self) -> bool:
        """Whether the published latency lies in the range that is printed."""
        return self.trust.low <= self.ratio <= self.trust.high

    @property
    def narrowly(self) -> bool:
        """Whether it lies in the narrowest range that is printed for any prediction."""
        return CHECKED.low <= self.ratio <= CHECKED.high


def read_rows(path: Path = PUBLISHED) -> tuple[Row, ...]:
    """Read what others published."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["table"]
    return tuple(
        Row(
            table["name"],
            table["role"],
            table["engine"],
            model,
            precision,
            _core_name(table),
            _machine(table),
            table["threads"],
            float(latency),
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
    if "core_told" in table or "core" in table:
        return str(table.get("core_told", table.get("core")))
    model = load_profile(str(table["target"])).profile.cpu.model
    assert model is not None
    return model.value


def _machine(table: dict[str, object]) -> Machine:
    if "core" in table:
        core = CORES[str(table["core"])]
        copied = table.get("copy_mb_s", core.copy_mb_s)
        assert isinstance(copied, (int, float))
        machine = Machine(core, 4, 0.0, core.bandwidth_factor * copied)
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


def with_engines(held: Sequence[Held]) -> tuple[Held, ...]:
    """The same with the factors of engines that edgekit does not predict, set by the rows of the role `engine`.

    A factor for each precision with one thread and with several: the geometric mean over the models of the board. One
    more, for both, where an engine takes another algorithm for a model.
    """
    setting = [one for one in held if one.row.role == "engine"]
    plain = _means((_group(one.row), one.ratio) for one in setting if not _otherwise(one.row))
    other = _means((_otherwise(one.row), one.ratio / plain[_group(one.row)]) for one in setting if _otherwise(one.row))
    return tuple(
        replace(one, factor=plain.get(_group(one.row), 1.0) * other.get(_otherwise(one.row), 1.0)) for one in held
    )


def has_other_algorithm(row: Row) -> bool:
    """Whether its engine computes the model by another algorithm than the others take."""
    return bool(_otherwise(row))


OTHER_ALGORITHM = frozenset({("ncnn", "float32", "resnet50")})
"""Whose 3x3 convolutions of stride 1 are computed by Winograd's algorithm, with fewer multiplications."""

Key = tuple[str, ...]


def _group(row: Row) -> Key:
    return row.engine, row.precision, "one" if row.threads == 1 else "several"


def _otherwise(row: Row) -> Key:
    key = (row.engine, row.precision, row.model)
    return key if key in OTHER_ALGORITHM else ()


def _means(ratios_by_key: Iterable[tuple[Key, float]]) -> dict[Key, float]:
    logs: dict[Key, list[float]] = {}
    for key, ratio in ratios_by_key:
        logs.setdefault(key, []).append(math.log(ratio))
    return {key: math.exp(statistics.fmean(found)) for key, found in logs.items()}


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
