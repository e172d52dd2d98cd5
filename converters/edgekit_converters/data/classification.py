"""Metrics of classifiers besides accuracy: top-k, precision, recall, F1 and the area under the ROC curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

ClassScore = Callable[[np.ndarray, np.ndarray], float]


def in_top(outputs: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """Whether the right class is among the k largest scores, `(N,)`; ties count against it.

    Args:
        outputs: Scores, `(N, classes)`.
        labels: Class numbers, `(N,)`.
        k: How many answers are allowed.
    """
    own = np.take_along_axis(outputs, labels[:, None].astype(np.int64), axis=1)
    return np.asarray(np.sum(outputs >= own, axis=1) <= k)


def precision(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Right answers of a class among all answers of it; the mean over classes, see `_counts`."""
    right, answered, _ = _counts(outputs, labels)
    return float(np.mean(right / np.maximum(answered, 1)))


def recall(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Right answers of a class among all samples of it; the mean over classes, see `_counts`."""
    right, _, there = _counts(outputs, labels)
    return float(np.mean(right / np.maximum(there, 1)))


def f1(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Harmonic mean of a class's precision and recall; the mean over classes, see `_counts`."""
    right, answered, there = _counts(outputs, labels)
    return float(np.mean(2 * right / np.maximum(answered + there, 1)))


def roc_auc(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Area under the ROC curve, by ranks (Mann and Whitney); with several classes the mean of each against the rest.

    Args:
        outputs: `(N, classes)`, or `(N, 1)` for one score of class 1.
        labels: Class numbers, `(N,)`.

    Returns:
        NaN where no class has both samples and others.
    """
    if outputs.shape[1] <= 2:
        return _area(outputs[:, -1], labels == 1)
    areas = [
        _area(outputs[:, k], labels == k) for k in range(outputs.shape[1]) if 0 < np.sum(labels == k) < len(labels)
    ]
    return float(np.mean(areas)) if areas else float("nan")


CLASS_SCORES: Mapping[str, tuple[ClassScore, str]] = {
    "precision": (precision, "precision, of class 1 where there are two, else the mean over classes"),
    "recall": (recall, "recall, of class 1 where there are two, else the mean over classes"),
    "f1": (f1, "F1, of class 1 where there are two, else the mean over classes"),
    "roc_auc": (roc_auc, "area under the ROC curve, the mean of each class against the rest"),
}


def _counts(outputs: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Right answers, answers and samples of each class; of class 1 alone where there are two.

    Classes that neither occur nor are answered are left out.
    """
    classes = max(2, outputs.shape[1])
    answers = np.asarray(outputs[:, 0] > 0.5 if outputs.shape[1] == 1 else outputs.argmax(axis=1), np.int64)
    right = np.bincount(labels[answers == labels].astype(np.int64), minlength=classes)
    answered = np.bincount(answers, minlength=classes)
    there = np.bincount(labels.astype(np.int64), minlength=classes)
    kept = np.array([1]) if classes == 2 else np.flatnonzero(answered + there)
    return right[kept], answered[kept], there[kept]


def _area(scores: np.ndarray, positive: np.ndarray) -> float:
    positives = int(np.sum(positive))
    negatives = len(scores) - positives
    if positives == 0 or negatives == 0 or np.isnan(scores).any():
        return float("nan")
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]  # ties share the mean of their ranks
    return float((np.sum(ranks[positive]) - positives * (positives + 1) / 2) / (positives * negatives))
