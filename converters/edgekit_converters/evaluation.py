"""How an exported model does on the same samples as its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Optional

from edgekit_runtime.figure import Figure

EVALUATION_FILE = "trail/evaluation.json"


@dataclass(frozen=True)
class Flips:
    """Answers that changed, sample by sample.

    Attributes:
        total: Samples whose answer differs from the source's.
        lost: Right before, wrong now; `None` without labels.
        gained: Wrong before, right now; `None` without labels.
    """

    total: int
    lost: Optional[int] = None
    gained: Optional[int] = None


@dataclass(frozen=True)
class Evaluation:
    """An exported file under the device's interpreter, beside its source.

    Attributes:
        metric: `accuracy`, `mean_squared_error`, or `none` where there are no labels.
        higher_is_better: Which way the metric is good.
        samples: How many were run.
        data_sha256: Checksum of the samples that were drawn.
        interpreter: Library and kernels that ran the exported file.
        source: The metric of the source model.
        exported: The metric of the exported file.
        change: exported - source, paired, with interval.
        agreement: Share of samples with the same answer; `None` where outputs are no classes.
        flips: The samples whose answer changed; `None` where outputs are no classes.
        sqnr_db: Power of the source's outputs over the power of the difference.
    """

    SCHEMA: ClassVar[str] = "edgekit/evaluation"
    VERSION: ClassVar[int] = 1

    metric: str
    higher_is_better: bool
    samples: int
    data_sha256: str
    interpreter: str
    source: Figure
    exported: Figure
    change: Figure
    agreement: Optional[Figure]
    flips: Optional[Flips]
    sqnr_db: Figure
