"""edgekit.pipeline.samples: what speaks against the data."""

from __future__ import annotations

from edgekit.pipeline.samples import Samples, doubts
from edgekit_converters.data.check import Checked
from edgekit_converters.evaluation import Evaluation
from edgekit_runtime.figure import Interval, measured, unavailable

NONE = unavailable("share", "not asked")


def found(right: float, trained: bool) -> tuple[str, ...]:
    """What is said of a source that is right on a share of samples of 10 classes."""
    source = measured(right, "share", "counted", Interval(right - 0.03, right + 0.03))
    checked = Checked("0" * 64, 500, (), None, 10)
    samples = Samples(None, checked, None, (), trained)
    return doubts(samples, Evaluation("accuracy", True, 500, "0" * 64, "", source, source, NONE, NONE, None, NONE))


def test_a_source_that_guesses_is_told() -> None:
    (doubt,) = found(0.102, trained=False)
    assert "right on 10.2 % (7.2 to 13.2) of the evaluation samples, and guessing among 10 classes on 10.0 %" in doubt
    assert found(0.9, trained=False) == ()


def test_a_source_that_is_yet_to_learn_may_guess() -> None:
    assert found(0.102, trained=True) == ()
