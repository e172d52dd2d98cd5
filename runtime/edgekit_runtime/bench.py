"""Measuring a model on this machine: golden outputs first, then fresh processes until the median is sure."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Optional

from edgekit_runtime.breadth import measure_breadth, most_calls
from edgekit_runtime.bundle import Bundle, is_bundle, open_bundle, sha256_of
from edgekit_runtime.codec import decode, encode
from edgekit_runtime.conditions import BEGIN, LATENCY, Moment
from edgekit_runtime.counting import count, emulated_environment, emulated_record
from edgekit_runtime.emulation import SLOWNESS, read_emulation
from edgekit_runtime.environment import read_conditions, read_environment
from edgekit_runtime.errors import UserError
from edgekit_runtime.handover import Prepared, PrepareRequest
from edgekit_runtime.processes import call_process, require_numpy
from edgekit_runtime.progress import Progress, silent
from edgekit_runtime.record import GoldenCheck, ModelIdentity, Record
from edgekit_runtime.runs import BenchSettings, Run, Workload
from edgekit_runtime.stats import geometric_mean_interval, quantile

DEFAULTS = BenchSettings()


def bench(path: str | Path, settings: BenchSettings = DEFAULTS, progress: Progress = silent) -> Record:
    """Check a model's golden outputs, then measure it in fresh processes, or count it on an emulated board.

    Args:
        path: A bundle, or a bare model file, which brings no golden outputs.
        settings: How to measure.
        progress: Told of each process.

    Raises:
        BundleError: The bundle is damaged.
        ModelError: The interpreter refuses the model, dies of it, or does not come back in time.
        MissingExtraError: numpy or the interpreter is not installed.
        DeviceError: An output differs from the golden one, and nothing is measured then; or a process was killed, or
            took an instruction that the processor lacks.
        UserError: The board is emulated, and more than one thread is asked for.
    """
    path, emulation = Path(path), read_emulation()
    if emulation is not None and settings.threads != 1:
        raise UserError(f"threads is {settings.threads}; allowed: 1 on an emulated board, where threads are not timed.")
    with _opened(path) as bundle, tempfile.TemporaryDirectory(prefix="edgekit-bench-") as folder:
        progress("check golden outputs", 0, 1)
        prepared = _prepare(path, bundle, settings, folder)
        progress("check golden outputs", 1, 1)
        environment = read_environment(prepared.library, prepared.kernels)
        identity = _identify(path, bundle, prepared.format)
        workload = Workload(str(_model_path(path, bundle)), prepared.format, prepared.inputs, settings)
        stage = f"{path}: running the model"
        if emulation is not None:
            progress("count instructions", 0, 1)
            counts = count(stage, workload, emulation)
            progress("count instructions", 1, 1)
            return emulated_record(identity, emulated_environment(environment, emulation), prepared, counts, settings)
        watch = _Watch()

        def fresh_run() -> Run:
            run = decode(Run, call_process("measure", stage, encode(workload), settings.timeout_s))
            watch.mark(LATENCY)
            return run

        runs, precise = run_until_precise(fresh_run, settings, progress)
        latency_ns = quantile([quantile(run.latency_ns, 0.5) for run in runs], 0.5)
        breadth = measure_breadth(stage, workload, environment.cores, latency_ns, watch.mark, progress)
    moments = tuple(watch.moments)
    return Record(identity, environment, settings, prepared.golden, runs, precise, moments, *breadth)


def check(path: str | Path, settings: BenchSettings = DEFAULTS) -> GoldenCheck:
    """Check a model's golden outputs without measuring it.

    Raises:
        BundleError: The bundle is damaged.
        ModelError: The interpreter refuses the model, dies of it, or does not come back in time.
        MissingExtraError: numpy or the interpreter is not installed.
        DeviceError: An output differs from the golden one; or the process was killed, or took an instruction that the
            processor lacks.
    """
    path = Path(path)
    with _opened(path) as bundle:
        return _prepare(path, bundle, settings, None).golden


def run_until_precise(
    fresh_run: Callable[[], Run], settings: BenchSettings, progress: Progress
) -> tuple[tuple[Run, ...], bool]:
    """Measure in one process after the other until the interval of the median is narrow enough.

    Args:
        fresh_run: Measures in a fresh process.
        settings: How many runs, and how narrow.
        progress: Told of each run; those beyond the least number are a stage of their own, as nobody knows how
            many it takes.

    Returns:
        The runs, and whether the interval became narrow enough before the limit of runs.
    """
    runs: list[Run] = []
    for done in range(settings.min_runs):
        progress("measure", done, settings.min_runs)
        runs.append(fresh_run())
    progress("measure", settings.min_runs, settings.min_runs)
    more = settings.max_runs - settings.min_runs
    for done in range(more):
        if is_precise(runs, settings.precision):
            break
        progress("measure until the median is precise", done, more)
        runs.append(fresh_run())
    if len(runs) > settings.min_runs:
        progress("measure until the median is precise", more, more)
    return tuple(runs), is_precise(runs, settings.precision)


def time_limit_s(settings: BenchSettings) -> float:
    """Seconds after which every process that measuring could start would have been given up."""
    longest = max(settings.max_runs + most_calls(settings), 2 * SLOWNESS)  # on an emulated board: prepare, then count
    return settings.timeout_s * (1 + longest)


def is_precise(runs: list[Run], precision: float) -> bool:
    """Whether the interval of the runs' median is narrower than a share of it."""
    center, interval = geometric_mean_interval([quantile(run.latency_ns, 0.5) for run in runs])
    return (interval.high - interval.low) / center < precision


class _Watch:
    """Reads the conditions, now and when it is told that something is over."""

    def __init__(self) -> None:
        self.moments: list[Moment] = []
        self.mark(BEGIN)

    def mark(self, stage: str) -> None:
        self.moments.append(Moment(stage, read_conditions()))


@contextmanager
def _opened(path: Path) -> Iterator[Optional[Bundle]]:
    if is_bundle(path):
        with open_bundle(path) as bundle:
            yield bundle
    else:
        yield None


def _model_path(path: Path, bundle: Optional[Bundle]) -> Path:
    return path if bundle is None else bundle.model_path


def _prepare(path: Path, bundle: Optional[Bundle], settings: BenchSettings, folder: Optional[str]) -> Prepared:
    require_numpy()
    request = PrepareRequest(
        model=str(_model_path(path, bundle)),
        bundle=None if bundle is None else str(bundle.folder),
        threads=settings.threads,
        seed=settings.seed,
        inputs_folder=folder,
        batch=settings.batch,
    )
    return decode(Prepared, call_process("prepare", f"{path}: loading the model", encode(request), settings.timeout_s))


def _identify(path: Path, bundle: Optional[Bundle], model_format: str) -> ModelIdentity:
    model = _model_path(path, bundle)
    return ModelIdentity(
        name=path.stem if bundle is None else bundle.manifest.name,
        format=model_format,
        scheme="unknown" if bundle is None else bundle.manifest.scheme,
        sha256=sha256_of(model),
        size_bytes=model.stat().st_size,
        bundle_digest=None if bundle is None else bundle.digest,
    )
