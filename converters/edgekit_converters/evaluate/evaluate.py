"""Turn the outputs of a source and of its exported file into an `Evaluation`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgekit_converters.data.bootstrap import paired_scores
from edgekit_converters.data.classification import CLASS_SCORES, in_top
from edgekit_converters.data.detection import find, mean_average_precision
from edgekit_converters.data.form import is_function
from edgekit_converters.data.metrics import (
    BOXES,
    NOT_FINITE,
    TOP,
    PairedMetric,
    accuracy,
    answers,
    choose_metric,
    hits,
    mean_squared_error,
    share,
    sqnr_db,
)
from edgekit_converters.data.user_code import load_function, told_by_line
from edgekit_converters.evaluation import Evaluation, Flips
from edgekit_runtime.errors import DataError
from edgekit_runtime.figure import Figure, measured, unavailable

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Outputs:
    """What both models gave for the same samples.

    Attributes:
        source: Outputs of the source model by name, each `(N, ...)`.
        exported: Those of the exported file, as real numbers.
        labels: By the name of their output, each `(N, ...)`; empty without labels.
    """

    source: Arrays
    exported: Arrays
    labels: Arrays


@dataclass(frozen=True)
class _Pair:
    """The one output that is looked at: the labelled one, else the first."""

    source: np.ndarray
    exported: np.ndarray
    labels: np.ndarray | None


def evaluate(outputs: Outputs, asked_metric: str, data_sha256: str, interpreter: str) -> Evaluation:
    """Compare a source and its exported file on the same samples.

    Args:
        outputs: What both gave.
        asked_metric: `auto`, a metric's name, or `module:function` of the user's own.
        data_sha256: Checksum of the samples.
        interpreter: What ran the exported file.

    Raises:
        DataError: The metric does not fit outputs and labels, or the user's function fails.
    """
    name = next((name for name in outputs.source if name in outputs.labels), next(iter(outputs.source)))
    pair = _Pair(outputs.source[name], outputs.exported[name], outputs.labels.get(name))
    metric = choose_metric(asked_metric, pair.source, pair.labels)
    agreement, flips = _agreement(pair) if metric != "mean_squared_error" else (None, None)
    if metric == "accuracy" and pair.labels is not None and agreement is not None:
        flips = accuracy(_answers(pair.source), _answers(pair.exported), pair.labels)[1]
    paired = _measure(metric, outputs, pair)
    return Evaluation(
        metric=metric,
        higher_is_better=metric != "mean_squared_error",
        samples=len(pair.source),
        data_sha256=data_sha256,
        interpreter=interpreter,
        source=paired.source,
        exported=paired.exported,
        change=paired.change,
        agreement=agreement,
        flips=flips,
        sqnr_db=sqnr_db(pair.source, pair.exported),
    )


def _agreement(pair: _Pair) -> tuple[Figure | None, Flips | None]:
    if answers(pair.source) is None:
        return None, None
    same = _answers(pair.source) == _answers(pair.exported)
    return share(same, "share of samples with the source model's answer"), Flips(int(np.sum(~same)))


def _measure(metric: str, outputs: Outputs, pair: _Pair) -> PairedMetric:
    if is_function(metric):
        return _user_metric(metric, outputs)
    if metric == "agreement":
        return _agreement_metric(pair)
    if pair.labels is None:
        nothing = unavailable("share", "the evaluation data has no labels")
        return PairedMetric(nothing, nothing, nothing)
    return _labelled_metric(metric, outputs, pair, pair.labels)


def _labelled_metric(metric: str, outputs: Outputs, pair: _Pair, labels: np.ndarray) -> PairedMetric:
    if metric.startswith(BOXES):
        return _found_boxes(metric.removeprefix(BOXES), outputs, labels)
    if metric == "mean_squared_error":
        return mean_squared_error(pair.source, pair.exported, labels)
    if metric == "accuracy":
        return accuracy(_answers(pair.source), _answers(pair.exported), labels)[0]
    return _class_metric(metric, pair, labels)


def _class_metric(metric: str, pair: _Pair, labels: np.ndarray) -> PairedMetric:
    top = TOP.fullmatch(metric)
    if top is not None:
        source, exported = (in_top(given, labels, int(top[1])) for given in (pair.source, pair.exported))
        return hits(source, exported, f"samples whose class is among the best {top[1]}")
    score, what = CLASS_SCORES[metric]
    source, exported = pair.source, pair.exported
    return paired_scores(
        lambda draw: score(source[draw], labels[draw]),
        lambda draw: score(exported[draw], labels[draw]),
        len(labels),
        what,
    )


def _agreement_metric(pair: _Pair) -> PairedMetric:
    same = _answers(pair.source) == _answers(pair.exported)
    return hits(np.ones(len(same), bool), same, "samples with the source model's answer")


def _found_boxes(name: str, outputs: Outputs, labels: np.ndarray) -> PairedMetric:
    decode = load_function(name)
    source, exported = (find(name, decode, given, labels) for given in (outputs.source, outputs.exported))
    return paired_scores(
        lambda draw: mean_average_precision([source[i] for i in draw]),
        lambda draw: mean_average_precision([exported[i] for i in draw]),
        len(labels),
        "mean average precision at an overlap of 0.5",
    )


def _user_metric(name: str, outputs: Outputs) -> PairedMetric:
    """Both models' scores by the user's function; it is called once for each, so there is no interval."""
    source, exported = (_user_score(name, given, outputs.labels) for given in (outputs.source, outputs.exported))
    change = exported.value - source.value if exported.value is not None and source.value is not None else math.nan
    return PairedMetric(source, exported, _score(change, f"difference of {name}"))


def _user_score(name: str, outputs: Arrays, labels: Arrays) -> Figure:
    try:
        given = load_function(name)(dict(outputs), dict(labels))
    except DataError:
        raise
    except Exception as error:  # a user's function may raise anything
        raise told_by_line(name, error) from error
    try:
        return _score(float(given), name)  # type: ignore[arg-type]  # whatever the user's function gave
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{name}: it returned {type(given).__name__}; allowed: one number, higher is better."
        ) from error


def _score(value: float, what: str) -> Figure:
    if not math.isfinite(value):
        return unavailable("score", f"{what} is no finite number, or {NOT_FINITE}")
    return measured(value, "score", f"{what}, a function of the user's own")


def _answers(outputs: np.ndarray) -> np.ndarray:
    found = answers(outputs)
    assert found is not None  # choose_metric took only outputs that are classes
    return found
