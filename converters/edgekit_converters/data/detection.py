"""Mean average precision of found boxes at an overlap of one half; the user's function decodes the outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgekit_converters.data.user_code import UserFunction, told_by_line
from edgekit_runtime.errors import DataError

OVERLAP = 0.5
LABEL_FORM = "allowed: (samples, boxes, 5), each row class, x1, y1, x2, y2; class -1 fills up"


@dataclass(frozen=True)
class Found:
    """What was found in one sample, and what of it is right.

    Attributes:
        kinds: Class of each found box, `(n,)`.
        scores: Of each found box, `(n,)`.
        right: Whether it covers a true box of its class that no better one covers, `(n,)`.
        true_kinds: Class of each true box, `(m,)`.
    """

    kinds: np.ndarray
    scores: np.ndarray
    right: np.ndarray
    true_kinds: np.ndarray


def find(name: str, decode: UserFunction, outputs: Mapping[str, np.ndarray], labels: np.ndarray) -> tuple[Found, ...]:
    """Decode each sample's outputs and match the boxes with the true ones.

    Args:
        name: `module:function`, for errors.
        decode: Takes a mapping from output name to one sample's array; returns boxes `(n, 4)` as x1, y1,
            x2, y2, scores `(n,)` and classes `(n,)`.
        outputs: By name, each `(N, ...)`.
        labels: True boxes, `(N, boxes, 5)`: class, x1, y1, x2, y2; class -1 fills up.

    Raises:
        DataError: The user's function fails, or gives another form.
    """
    found = []
    for place, rows in enumerate(labels):
        try:
            given = decode({key: value[place] for key, value in outputs.items()})
        except Exception as error:  # a user's function may raise anything
            raise told_by_line(name, error) from error
        boxes, scores, kinds = _decoded(name, given)
        true = rows[rows[:, 0] >= 0]
        found.append(Found(kinds, scores, _match(boxes, scores, kinds, true), true[:, 0].astype(np.int64)))
    return tuple(found)


def mean_average_precision(found: Sequence[Found]) -> float:
    """Area under precision over recall, all points, the mean over the classes of the true boxes.

    M. Everingham et al., The PASCAL Visual Object Classes Challenge (2010), section 4.2.

    Returns:
        NaN where there are no true boxes.
    """
    if not found:
        return float("nan")
    kinds, scores, right, true = (
        np.concatenate([getattr(one, field) for one in found]) for field in ("kinds", "scores", "right", "true_kinds")
    )
    areas = [_average(scores[kinds == k], right[kinds == k], int(np.sum(true == k))) for k in np.unique(true)]
    return float(np.mean(areas)) if areas else float("nan")


def check_boxes(labels: np.ndarray) -> None:
    """Refuse labels that are no boxes.

    Raises:
        DataError: They have another form.
    """
    if labels.ndim != 3 or labels.shape[2] != 5:
        raise DataError(f"labels of shape {labels.shape} are no boxes; {LABEL_FORM}.")


def _decoded(name: str, given: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    try:
        first, second, third = given  # type: ignore[misc]  # whatever the user's function gave
        boxes = np.asarray(first, np.float64).reshape(-1, 4)  # type: ignore[has-type]  # as above
        scores = np.asarray(second, np.float64).reshape(-1)  # type: ignore[has-type]  # as above
        kinds = np.asarray(third, np.int64).reshape(-1)  # type: ignore[has-type]  # as above
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: it must return boxes (n, 4), scores (n,) and classes (n,): {error}.") from error
    if not len(boxes) == len(scores) == len(kinds):
        raise DataError(f"{name}: it returned {len(boxes)} boxes, {len(scores)} scores and {len(kinds)} classes.")
    return boxes, scores, kinds


def _match(boxes: np.ndarray, scores: np.ndarray, kinds: np.ndarray, true: np.ndarray) -> np.ndarray:
    right, taken = np.zeros(len(boxes), bool), np.zeros(len(true), bool)
    for place in np.argsort(-scores, kind="stable"):
        overlaps = np.where(true[:, 0] == kinds[place], _overlaps(boxes[place], true[:, 1:]), 0.0)
        if overlaps.size and overlaps.max() >= OVERLAP and not taken[overlaps.argmax()]:
            right[place] = taken[overlaps.argmax()] = True
    return right


def _overlaps(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1)
    return np.asarray(common / np.maximum(areas - common, 1e-12))


def _average(scores: np.ndarray, right: np.ndarray, true: int) -> float:
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(right[order])
    precision = hits / np.arange(1, len(hits) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(best[right[order]]) / true)
