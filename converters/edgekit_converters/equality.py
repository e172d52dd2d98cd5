"""Whether an exported file computes what its source does, on the same samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Optional

import numpy as np

from edgekit_converters.data.metrics import answers, share, sqnr_db
from edgekit_runtime.figure import Figure, measured, unavailable

EQUALITY_FILE = "trail/equality.json"
# Of max |a - b| / max |a|. Float sums taken in another order differ by up to 2e-5 in an autoencoder of ten dense
# layers, and by 1e-6 in convolutional networks; a wrong operator is further off by magnitudes.
FLOAT_LIMIT = 1e-4


@dataclass(frozen=True)
class OutputEquality:
    """One output of a file beside its source's.

    Attributes:
        name: Its name in the source.
        max_error: max |a - b| / max |a|, a being the source's values and b the file's.
        sqnr_db: Power of the source's values over the power of the difference.
        agreement: Share of samples with the same answer; `None` where the output is no class.
    """

    name: str
    max_error: Figure
    sqnr_db: Figure
    agreement: Optional[Figure]


@dataclass(frozen=True)
class StepEquality:
    """All outputs of the file that a step left.

    Attributes:
        step: `export` or `quantize`.
        outputs: In the source's order.
    """

    step: str
    outputs: tuple[OutputEquality, ...]


@dataclass(frozen=True)
class Equality:
    """The files of a conversion beside their source.

    Attributes:
        samples: How many samples were run.
        data: Where they come from: `calibration`, `evaluation` or `synthetic`.
        limit: The largest error that a float export may have.
        steps: In order.
    """

    SCHEMA: ClassVar[str] = "edgekit/equality"
    VERSION: ClassVar[int] = 1

    samples: int
    data: str
    limit: float
    steps: tuple[StepEquality, ...]


def compare_outputs(step: str, source: Mapping[str, np.ndarray], exported: Mapping[str, np.ndarray]) -> StepEquality:
    """Hold a file's outputs against its source's.

    Args:
        step: What left the file.
        source: Outputs of the source by name, each `(N, ...)`.
        exported: Those of the file, as real values in the source's order of axes.
    """
    return StepEquality(step, tuple(_compare(name, wanted, exported[name]) for name, wanted in source.items()))


def max_error(wanted: np.ndarray, found: np.ndarray) -> float:
    """Max |a - b| / max |a|; infinite where shapes differ, or where one is NaN or infinite and the other is not."""
    if wanted.shape != found.shape:
        return float("inf")
    if not wanted.size:
        return 0.0
    a, b = wanted.astype(np.float64), found.astype(np.float64)
    finite = np.isfinite(a)
    if not np.array_equal(finite, np.isfinite(b)) or not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return float("inf")
    difference = float(np.max(np.abs(a[finite] - b[finite]), initial=0.0))
    return difference / (float(np.max(np.abs(a[finite]), initial=0.0)) or 1.0)


def _compare(name: str, wanted: np.ndarray, found: np.ndarray) -> OutputEquality:
    error = max_error(wanted, found)
    if not np.isfinite(error):
        nothing = "shapes differ, or values are NaN or infinite in one of the two"
        return OutputEquality(name, unavailable("ratio", nothing), unavailable("dB", nothing), None)
    figure = measured(error, "ratio", "max |a - b| / max |a| over all samples, a being the source's values")
    return OutputEquality(name, figure, sqnr_db(wanted, found), _agreement(wanted, found))


def _agreement(wanted: np.ndarray, found: np.ndarray) -> Figure | None:
    expected, given = answers(wanted), answers(found)
    if expected is None or given is None:
        return None
    return share(expected == given, "share of samples with the source model's answer")


def no_numbers(outputs: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """What of the outputs says nothing: each as `output NAME is ...`.

    NaN is never an answer. Infinity can be one, as in scores that a mask leaves out, but not where an output holds
    nothing else: something before it overflowed.

    Args:
        outputs: By name, each `(N, ...)`.
    """
    found = []
    for name, values in outputs.items():
        if values.dtype.kind != "f" or not values.size:
            continue
        if np.isnan(values).any():
            found.append(f"output {name} has NaN")
        elif not np.isfinite(values).any():
            found.append(f"output {name} is infinite throughout")
    return tuple(found)


def parted(step: StepEquality, limit: float = FLOAT_LIMIT) -> tuple[OutputEquality, ...]:
    """The outputs that lie further from the source's than a float export may.

    Args:
        step: The float export.
        limit: The largest error.
    """
    return tuple(one for one in step.outputs if one.max_error.value is None or one.max_error.value > limit)
