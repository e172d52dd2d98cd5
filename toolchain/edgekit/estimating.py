"""Predict what a finished model costs on a target, or on every target, before a board is at hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar

from edgekit.fitting import Verdicts, judged
from edgekit.pricing import Predict, Twins
from edgekit_runtime.errors import ProfileError, ReportError, UserError
from edgekit_runtime.figure import Figure, measured
from edgekit_targets.catalog import load_profile, load_profiles
from edgekit_targets.estimate.anchor import Anchor, make_anchor
from edgekit_targets.estimate.estimate import Estimate
from edgekit_targets.estimate.estimate import estimate as estimate_on
from edgekit_targets.estimate.latency import Unpredictable
from edgekit_targets.estimate.predict import predict
from edgekit_targets.estimate.ranges import NS_PER_MS
from edgekit_targets.estimate.subject import Subject, subject_of
from edgekit_targets.graph.read import is_model_file, read_graph
from edgekit_targets.profile import Profile
from edgekit_targets.read_profile import read_profile

if TYPE_CHECKING:
    from edgekit.reports.report import Report

ALL = "all"
LIBRARY = "ai-edge-litert"
KERNELS = "xnnpack"
ANCHORED = "tflite"  # the format of which measurements scale predictions: the others' kernels were never counted
MACHINE = "aarch64"


@dataclass(frozen=True)
class Estimates:
    """What a model is predicted to cost.

    Attributes:
        path: Where it lies, as the user named it.
        model_size: Length of the model's file.
        measured: Name of the model whose measurement scales the predictions; empty without one.
        estimates: One for each target.
    """

    SCHEMA: ClassVar[str] = "edgekit/estimates"
    VERSION: ClassVar[int] = 1

    path: str
    model_size: Figure
    measured: str
    estimates: tuple[Estimate, ...]


def estimate(
    model: Path,
    *,
    target: str | None = None,
    threads: int | None = None,
    measured_report: Path | None = None,
    measured_model: Path | None = None,
    ask_compiler: bool = False,
) -> Estimates:
    """Predict what a bundle, or a bare model file, costs on a target; no interpreter is loaded.

    Args:
        model: The bundle or the file.
        target: A target, or `all` for every one that comes with edgekit; a bundle's own by default.
        threads: Threads of the interpreter; those of the report, or else one, by default.
        measured_report: A report of a measurement on such a board, which replaces the scale.
        measured_model: The model that was measured, where it is another one.
        ask_compiler: Whether an accelerator's compiler says what the model costs, too, which takes seconds.

    Raises:
        ModelError: It is no finished model, or damaged.
        BundleError: The bundle is damaged.
        ProfileError: There is no such target, or none was named for a bare file.
        ReportError: The report cannot be read, or tells nothing of this model.
        MissingExtraError: The library that describes the file format is missing.
    """
    if threads is not None and threads < 1:
        raise UserError(f"threads is {threads}; allowed: 1 or more.")
    if measured_report is None and measured_model is not None:
        raise UserError("--measured-model names a model, and no report of it.", hint="Add --measured REPORT.json.")
    with _opened(model) as (file, own):
        subject, profiles = _subject(file), _profiles(target, own)
        size = measured(subject.size_bytes, "byte", "length of the model's file")
        if measured_report is not None:
            _check_runtime(subject, model)
        anchor = None if measured_report is None else _anchor(measured_report, measured_model, file, profiles, threads)
        count = anchor.threads if anchor is not None else threads or 1
        predict = partial(_on_processor, count, anchor)
        rows = tuple(_rows(subject, file, profiles, predict, ask_compiler=ask_compiler))
    return Estimates(str(model), size, "" if anchor is None else anchor.model, rows)


def _rows(
    subject: Subject, file: Path, profiles: tuple[Profile, ...], predict: Predict, *, ask_compiler: bool
) -> Iterator[Estimate]:
    verdicts: Verdicts = {}
    with TemporaryDirectory(prefix="edgekit-estimate-") as folder:
        twins = Twins(subject, file, Path(folder), predict)
        for profile in profiles:
            found = predict(subject, profile)
            found = judged(found, subject, file, profile, verdicts, ask_compiler=ask_compiler)
            yield twins.priced(found, profile)


def _on_processor(threads: int, anchor: Anchor | None, subject: Subject, profile: Profile) -> Estimate:
    return estimate_on(subject, profile, threads, anchor)


@contextmanager
def _opened(model: Path) -> Iterator[tuple[Path, Path | None]]:
    """The model's file, and the file of its target where it is in a bundle."""
    if is_model_file(model):
        yield model, None
        return
    from edgekit_runtime.bundle import is_bundle, open_bundle

    if not is_bundle(model) and not model.is_dir():
        yield model, None  # who reads it says what is wrong
        return
    with open_bundle(model) as bundle:
        yield bundle.model_path, bundle.profile_path


def _subject(file: Path) -> Subject:
    graph = read_graph(file)
    return subject_of(graph, file.stat().st_size)


def _profiles(target: str | None, own: Path | None) -> tuple[Profile, ...]:
    if target == ALL:
        return tuple(loaded.profile for loaded in load_profiles())
    if target is not None:
        return (load_profile(target).profile,)
    if own is None:
        raise ProfileError("A bare model file names no target.", hint="Add --target NAME, or --target all.")
    return (read_profile(own.read_bytes(), str(own)).profile,)


def _anchor(
    report_path: Path, other: Path | None, file: Path, profiles: tuple[Profile, ...], threads: int | None
) -> Anchor:
    from edgekit.reports.report import read_report

    if len(profiles) > 1:
        raise UserError("A measurement tells of the one board it was taken on.", hint="Name that one --target.")
    (profile,) = profiles
    report = read_report(report_path)
    count = report.record.settings.threads
    if threads not in (None, count):
        raise ReportError(
            f"{report_path}: measured with {count} threads, not {threads}.",
            hint="Leave --threads out, or measure again.",
        )
    _check_board(report, report_path, profile)
    with _opened(other or file) as (measured_file, _):
        name = report.record.model.name
        if _sha256(measured_file) != report.record.model.sha256:
            hint = f"Name the file of {name} with --measured-model."
            raise ReportError(f"{report_path}: it was measured on {name}, not on {measured_file}.", hint=hint)
        subject = _subject(measured_file)
        same = _sha256(file) == report.record.model.sha256
    return make_anchor(name, _latency_ms(report, report_path), _predicted_ms(subject, profile, count), count, same)


def _check_runtime(subject: Subject, model: Path) -> None:
    if subject.graph.format != ANCHORED:
        raise ReportError(
            f"{model}: onnxruntime runs it, and a measurement with {LIBRARY} tells nothing of another runtime.",
            hint="Leave --measured out, or estimate the model as .tflite.",
        )


def _check_board(report: Report, path: Path, profile: Profile) -> None:
    environment = report.record.environment
    if not environment.interpreter.startswith(LIBRARY) or environment.kernels != KERNELS:
        found = f"{environment.interpreter}, {environment.kernels} kernels"
        raise ReportError(f"{path}: measured with {found}; another runtime's measurement tells nothing of LiteRT's.")
    board = environment.board.value
    if board is not None and profile.boards and not board.startswith(profile.boards):
        hint = "Name the target of that board."
        raise ReportError(f"{path}: measured on {board}, not on the board of target {profile.name}.", hint=hint)
    if environment.machine != MACHINE:
        raise ReportError(f"{path}: measured on {environment.machine}; kernels were counted on {MACHINE} alone.")


def _latency_ms(report: Report, path: Path) -> float:
    figure = report.figure("latency_p50")
    if figure.value is None:
        raise ReportError(f"{path}: it has no latency: {figure.reason}.")
    return figure.value / NS_PER_MS


def _predicted_ms(subject: Subject, profile: Profile, threads: int) -> float:
    try:
        if subject.reason:
            raise Unpredictable(subject.reason)
        return predict(subject.loads, profile, threads).total_ms
    except Unpredictable as reason:
        raise ReportError(f"the model that was measured cannot be predicted itself: {reason}.") from reason


def _sha256(file: Path) -> str:
    from hashlib import sha256

    return sha256(file.read_bytes()).hexdigest()
