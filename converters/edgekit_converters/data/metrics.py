"""Metrics of two models on the same samples, with intervals, paired where they can be."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from edgekit_converters.data.classification import CLASS_SCORES
from edgekit_converters.data.detection import check_boxes
from edgekit_converters.data.form import is_function
from edgekit_converters.data.user_code import load_function
from edgekit_converters.evaluation import Flips
from edgekit_runtime.errors import DataError
from edgekit_runtime.figure import Figure, Interval, measured, unavailable
from edgekit_runtime.stats import student_t_quantile

METRICS = ("accuracy", "mean_squared_error", "top_K", *CLASS_SCORES, "agreement", "map_50=MODULE:DECODE")
TOP = re.compile(r"top_([1-9]\d{0,5})")
BOXES = "map_50="
NOT_FINITE = "an output is NaN or infinite"
Z95 = 1.959963984540054  # the standard normal distribution's 97.5 % point


@dataclass(frozen=True)
class PairedMetric:
    """A metric of the source, of the exported file, and the change between them."""

    source: Figure
    exported: Figure
    change: Figure


def is_metric(name: str) -> bool:
    """Whether a name is that of a metric, or `module:function`."""
    plain = name in ("accuracy", "mean_squared_error", "agreement", *CLASS_SCORES) or TOP.fullmatch(name) is not None
    return plain or is_function(name.removeprefix(BOXES))


def choose_metric(asked: str, outputs: np.ndarray, labels: np.ndarray | None) -> str:
    """Take the metric that was asked for, or the one the labels speak for.

    Args:
        asked: A metric, or `auto`.
        outputs: `(N, ...)`.
        labels: `(N, ...)`, or `None`.

    Returns:
        A metric, or `none` without labels.

    Raises:
        DataError: The metric does not fit outputs and labels, or the user's function is not found.
    """
    if is_function(asked):
        load_function(asked)
        return asked
    if asked == "agreement":
        return _agreement(outputs)
    if labels is None:
        if asked == "auto":
            return "none"
        raise DataError(
            f"{asked} needs labels, and the evaluation data has none.", hint="Add an array 'y' to the .npz file."
        )
    if asked.startswith(BOXES):
        load_function(asked.removeprefix(BOXES))
        check_boxes(labels)
        return asked
    fitting = [
        metric for metric, fits in (("accuracy", _classes), ("mean_squared_error", _targets)) if fits(outputs, labels)
    ]
    if asked in fitting or ("accuracy" in fitting and asked not in ("auto", "mean_squared_error")):
        return asked
    if asked == "auto" and fitting:
        return fitting[0]
    raise DataError(
        f"labels of type {labels.dtype} and shape {labels.shape} do not fit outputs of shape {outputs.shape}"
        f"{'' if asked == 'auto' else f' for {asked}'}; allowed: class numbers below {max(2, outputs.shape[-1])} "
        "(accuracy), or numbers of the outputs' shape (mean_squared_error)."
    )


def answers(outputs: np.ndarray) -> np.ndarray | None:
    """The class each output names, `(N,)`; `None` where outputs are no classes.

    Args:
        outputs: `(N, classes)`, or `(N, 1)` for a yes-or-no score around 0.5.
    """
    if outputs.ndim != 2 or not outputs.shape[1]:
        return None
    return np.asarray(outputs[:, 0] > 0.5 if outputs.shape[1] == 1 else outputs.argmax(axis=1), np.int64)


def accuracy(source: np.ndarray, exported: np.ndarray, labels: np.ndarray) -> tuple[PairedMetric, Flips]:
    """Share of right answers, and the samples whose answer changed.

    Args:
        source: Answers of the source model, `(N,)`.
        exported: Answers of the exported file, `(N,)`.
        labels: Right answers, `(N,)`.
    """
    right_source, right_exported = source == labels, exported == labels
    lost = int(np.sum(right_source & ~right_exported))
    gained = int(np.sum(~right_source & right_exported))
    return hits(right_source, right_exported, "right answers"), Flips(int(np.sum(source != exported)), lost, gained)


def hits(source: np.ndarray, exported: np.ndarray, what: str) -> PairedMetric:
    """Share of the samples that were hit, and the paired change.

    Args:
        source: Whether the source model hit each sample, `(N,)`.
        exported: Whether the exported file did, `(N,)`.
        what: What is counted.
    """
    return PairedMetric(
        share(source, f"share of {what} of the source model"),
        share(exported, f"share of {what} of the exported file"),
        _paired_difference(int(np.sum(source & ~exported)), int(np.sum(~source & exported)), len(source)),
    )


def mean_squared_error(source: np.ndarray, exported: np.ndarray, labels: np.ndarray) -> PairedMetric:
    """Mean over samples of each one's mean squared error; all arrays `(N, ...)`."""
    errors_source, errors_exported = _errors(source, labels), _errors(exported, labels)
    return PairedMetric(
        _mean(errors_source, "mean squared error of the source model"),
        _mean(errors_exported, "mean squared error of the exported file"),
        _mean(errors_exported - errors_source, "mean of the differences, sample by sample"),
    )


def share(hits: np.ndarray, what: str) -> Figure:
    """Share of hits with Wilson's interval (E. B. Wilson, JASA 22, 1927).

    Args:
        hits: One truth value for each sample, `(N,)`.
        what: What is counted.
    """
    n, p = len(hits), float(np.mean(hits))
    centre = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 * math.sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2)) / (1 + Z95**2 / n)
    interval = Interval(max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half)))
    return measured(p, "share", f"{what}, Wilson interval", interval)


def sqnr_db(source: np.ndarray, exported: np.ndarray) -> Figure:
    """Signal to quantization noise: 10 log10(sum of source^2 / sum of difference^2), both `(N, ...)`."""
    if not (np.isfinite(source).all() and np.isfinite(exported).all()):
        return unavailable("dB", NOT_FINITE)
    signal = float(np.sum(np.square(source, dtype=np.float64)))
    noise = float(np.sum(np.square(source.astype(np.float64) - exported)))
    if noise == 0.0:
        return unavailable("dB", "the outputs are equal, so there is no noise")
    if signal == 0.0:
        return unavailable("dB", "the source's outputs are all zero")
    return measured(10 * math.log10(signal / noise), "dB", "power of the source's outputs over that of the difference")


def _agreement(outputs: np.ndarray) -> str:
    if outputs.ndim != 2 or not outputs.shape[1]:
        raise DataError(f"agreement needs outputs that are classes, (N, classes); they have shape {outputs.shape}.")
    return "agreement"


def _classes(outputs: np.ndarray, labels: np.ndarray) -> bool:
    if outputs.ndim != 2 or labels.ndim != 1 or labels.dtype.kind not in "iub":
        return False
    return bool(labels.min() >= 0 and labels.max() < max(2, outputs.shape[1]))


def _targets(outputs: np.ndarray, labels: np.ndarray) -> bool:
    return labels.shape == outputs.shape and labels.dtype.kind in "fiu"


def _paired_difference(lost: int, gained: int, n: int) -> Figure:
    # Bonett and Price, Statistics in Medicine 31 (2012): Wald's interval with one added to each discordant count.
    p_lost, p_gained = (lost + 1) / (n + 2), (gained + 1) / (n + 2)
    half = Z95 * math.sqrt((p_lost + p_gained - (p_gained - p_lost) ** 2) / (n + 2))
    centre = p_gained - p_lost
    return measured(
        (gained - lost) / n,
        "share",
        "paired difference, Bonett-Price interval",
        Interval(max(-1.0, centre - half), min(1.0, centre + half)),
    )


def _errors(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    squares = np.square(outputs.astype(np.float64) - labels)
    return np.asarray(squares.reshape(len(outputs), -1).mean(axis=1))


def _mean(values: np.ndarray, what: str) -> Figure:
    n, mean = len(values), float(values.mean())
    if not math.isfinite(mean):
        return unavailable("squared error", NOT_FINITE)
    if n < 2:
        return measured(mean, "squared error", what)
    half = student_t_quantile(0.975, n - 1) * float(values.std(ddof=1)) / math.sqrt(n)
    return measured(mean, "squared error", f"{what}, Student's t interval", Interval(mean - half, mean + half))
