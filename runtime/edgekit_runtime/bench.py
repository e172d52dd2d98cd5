"""Measuring a model on this machine: golden outputs first, then fresh processes until the median is sure."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Optional

import edgekit_runtime
from edgekit_runtime.bundle import Bundle, is_bundle, open_bundle, sha256_of
from edgekit_runtime.child import Child, ChildError
from edgekit_runtime.codec import decode, encode
from edgekit_runtime.environment import read_environment
from edgekit_runtime.errors import MissingExtraError, ModelError
from edgekit_runtime.handover import Prepared, PrepareRequest
from edgekit_runtime.progress import Progress, silent
from edgekit_runtime.record import GoldenCheck, ModelIdentity, Record
from edgekit_runtime.runs import BenchSettings, Run
from edgekit_runtime.stats import geometric_mean_interval, quantile

BROKEN = "The interpreter itself broke on it: convert the model again, or try another version of the interpreter."
DEFAULTS = BenchSettings()


def bench(path: str | Path, settings: BenchSettings = DEFAULTS, progress: Progress = silent) -> Record:
    """Check a model's golden outputs, then measure it in fresh processes.

    Args:
        path: A bundle, or a bare model file, which brings no golden outputs.
        settings: How to measure.
        progress: Told of each process.

    Raises:
        BundleError: The bundle is damaged.
        ModelError: The interpreter refuses the model, dies of it, or does not come back in time.
        MissingExtraError: numpy or the interpreter is not installed.
        DeviceError: An output differs from the golden one; nothing is measured then.
    """
    path = Path(path)
    with _opened(path) as bundle, tempfile.TemporaryDirectory(prefix="edgekit-bench-") as folder:
        progress("check golden outputs", 0, 1)
        prepared = _prepare(path, bundle, settings, folder)
        progress("check golden outputs", 1, 1)
        environment = read_environment(prepared.library, prepared.kernels)
        request = {
            "model": str(_model_path(path, bundle)),
            "format": prepared.format,
            "inputs": list(prepared.inputs),
            "settings": encode(settings),
        }
        runs, precise = run_until_precise(lambda: _fresh_run(path, request, settings), settings, progress)
        identity = _identify(path, bundle, prepared.format)
    return Record(identity, environment, settings, prepared.golden, runs, precise)


def check(path: str | Path, settings: BenchSettings = DEFAULTS) -> GoldenCheck:
    """Check a model's golden outputs without measuring it.

    Raises:
        BundleError: The bundle is damaged.
        ModelError: The interpreter refuses the model, dies of it, or does not come back in time.
        MissingExtraError: numpy or the interpreter is not installed.
        DeviceError: An output differs from the golden one.
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
        progress: Told of each run.

    Returns:
        The runs, and whether the interval became narrow enough before the limit of runs.
    """
    runs: list[Run] = []
    while len(runs) < settings.max_runs:
        progress("measure", len(runs), settings.min_runs if len(runs) < settings.min_runs else settings.max_runs)
        runs.append(fresh_run())
        if len(runs) >= settings.min_runs and is_precise(runs, settings.precision):
            progress("measure", len(runs), len(runs))
            return tuple(runs), True
    progress("measure", len(runs), len(runs))
    return tuple(runs), False


def is_precise(runs: list[Run], precision: float) -> bool:
    """Whether the interval of the runs' median is narrower than a share of it."""
    center, interval = geometric_mean_interval([quantile(run.latency_ns, 0.5) for run in runs])
    return (interval.high - interval.low) / center < precision


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
    )
    return decode(Prepared, call_process("prepare", f"{path}: loading the model", encode(request), settings.timeout_s))


def _fresh_run(path: Path, request: dict[str, Any], settings: BenchSettings) -> Run:
    return decode(Run, call_process("measure", f"{path}: running the model", request, settings.timeout_s))


def require_numpy() -> None:
    """Say what to install where no model can be run.

    Raises:
        MissingExtraError: numpy is not installed.
    """
    if importlib.util.find_spec("numpy") is None:
        raise MissingExtraError(
            f"numpy is not installed for {sys.executable}, so no model can be run here.",
            hint="Run: pip install numpy ai-edge-litert",
        )


def call_process(name: str, stage: str, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """Start one of this program's own processes, call it once, and let it end.

    Raises:
        ModelError: It dies, or does not answer in time.
    """
    argv = [sys.executable, *_entry(), f"{name}-process"]
    try:
        with Child(argv, stage=stage) as child:
            return child.call(name, request, timeout_s=timeout_s)
    except ChildError as error:
        raise ModelError(error.message, hint=error.hint or BROKEN) from error


def _entry() -> tuple[str, ...]:
    archive = getattr(edgekit_runtime.__loader__, "archive", None)  # set when the package lies in a .pyz
    return (archive,) if archive else ("-m", "edgekit_runtime")


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
