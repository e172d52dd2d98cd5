"""Turn the outputs of a source and of its exported file into an `Evaluation`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgekit_converters.data.metrics import (
    PairedMetric,
    accuracy,
    answers,
    choose_metric,
    mean_squared_error,
    share,
    sqnr_db,
)
from edgekit_converters.evaluation import Evaluation, Flips
from edgekit_runtime.figure import Figure, unavailable


@dataclass(frozen=True)
class Outputs:
    """What both models gave for the same samples.

    Attributes:
        source: Of the source model, `(N, ...)`.
        exported: Of the exported file as real numbers, `(N, ...)`.
        labels: `(N, ...)`, or `None`.
    """

    source: np.ndarray
    exported: np.ndarray
    labels: np.ndarray | None


def evaluate(outputs: Outputs, asked_metric: str, data_sha256: str, interpreter: str) -> Evaluation:
    """Compare a source and its exported file on the same samples.

    Args:
        outputs: What both gave.
        asked_metric: `auto`, or a metric's name.
        data_sha256: Checksum of the samples.
        interpreter: What ran the exported file.

    Raises:
        DataError: The metric does not fit outputs and labels.
    """
    metric = choose_metric(asked_metric, outputs.source, outputs.labels)
    source_answers, exported_answers = answers(outputs.source), answers(outputs.exported)
    agreement: Figure | None = None
    flips: Flips | None = None
    if source_answers is not None and exported_answers is not None and metric != "mean_squared_error":
        agreement = share(source_answers == exported_answers, "share of samples with the source model's answer")
        flips = Flips(int(np.sum(source_answers != exported_answers)))
    if metric == "accuracy" and outputs.labels is not None:
        assert source_answers is not None
        assert exported_answers is not None
        paired, flips = accuracy(source_answers, exported_answers, outputs.labels)
    elif metric == "mean_squared_error" and outputs.labels is not None:
        paired = mean_squared_error(outputs.source, outputs.exported, outputs.labels)
    else:
        paired = PairedMetric(*[unavailable("share", "the evaluation data has no labels")] * 3)
    return Evaluation(
        metric=metric,
        higher_is_better=metric != "mean_squared_error",
        samples=len(outputs.source),
        data_sha256=data_sha256,
        interpreter=interpreter,
        source=paired.source,
        exported=paired.exported,
        change=paired.change,
        agreement=agreement,
        flips=flips,
        sqnr_db=sqnr_db(outputs.source, outputs.exported),
    )
