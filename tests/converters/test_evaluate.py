"""edgekit_converters.evaluate: which metric, and what changed sample by sample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_converters.evaluate.evaluate import Outputs, evaluate
from edgekit_converters.evaluation import Evaluation, Flips
from edgekit_runtime.codec import dumps_document, loads_document
from edgekit_runtime.errors import DataError

ONE_HOT = np.eye(3, dtype=np.float32)


def evaluated(source: np.ndarray, exported: np.ndarray, labels: np.ndarray | None, asked: str = "auto") -> Evaluation:
    given = Outputs({"scores": source}, {"scores": exported}, {} if labels is None else {"scores": labels})
    return evaluate(given, asked, "ab" * 32, "interpreter 1.0")


def test_class_labels_give_accuracy_flips_and_agreement():
    source = ONE_HOT[[0, 1, 2, 0, 1]]
    exported = ONE_HOT[[0, 1, 1, 2, 2]]
    found = evaluated(source, exported, np.array([0, 1, 2, 2, 0]))
    assert (found.metric, found.higher_is_better, found.samples) == ("accuracy", True, 5)
    assert found.source.value == 3 / 5
    assert found.exported.value == 3 / 5
    assert found.change.value == 0
    assert found.flips == Flips(3, lost=1, gained=1)
    assert found.agreement is not None
    assert found.agreement.value == 2 / 5
    assert found.sqnr_db.available
    assert (found.data_sha256, found.interpreter) == ("ab" * 32, "interpreter 1.0")


def test_targets_of_the_outputs_shape_give_the_mean_squared_error():
    source, exported, labels = ONE_HOT, ONE_HOT + 0.5, ONE_HOT
    found = evaluated(source, exported, labels)
    assert (found.metric, found.higher_is_better) == ("mean_squared_error", False)
    assert (found.source.value, found.exported.value, found.change.value) == (0, 0.25, 0.25)
    assert (found.flips, found.agreement) == (None, None)


def test_without_labels_agreement_and_flips_are_told_all_the_same():
    found = evaluated(ONE_HOT[[0, 1, 2]], ONE_HOT[[0, 1, 1]], None)
    assert found.metric == "none"
    assert found.flips == Flips(1, lost=None, gained=None)
    assert found.agreement is not None
    assert found.agreement.value == pytest.approx(2 / 3)
    for figure in (found.source, found.exported, found.change):
        assert figure.reason == "the evaluation data has no labels"


def test_outputs_that_are_no_classes_have_no_agreement():
    found = evaluated(np.ones((4, 2, 2)), np.full((4, 2, 2), 1.1), None)
    assert (found.metric, found.flips, found.agreement) == ("none", None, None)
    assert found.sqnr_db.value == pytest.approx(20)


def test_a_yes_or_no_score_is_right_on_its_side_of_one_half():
    found = evaluated(np.array([[0.9], [0.2]]), np.array([[0.4], [0.3]]), np.array([1, 0]))
    assert (found.source.value, found.exported.value) == (1.0, 0.5)
    assert found.flips == Flips(1, lost=1, gained=0)


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=30))
def test_change_is_gained_less_lost_over_all_samples(rows):
    source, exported, labels = (np.array(column) for column in zip(*rows, strict=True))
    found = evaluated(ONE_HOT[source], ONE_HOT[exported], labels)
    assert found.flips is not None
    assert found.flips.lost is not None
    assert found.flips.gained is not None
    assert found.change.value == pytest.approx((found.flips.gained - found.flips.lost) / len(rows))
    assert found.agreement is not None
    assert found.agreement.value == pytest.approx(1 - found.flips.total / len(rows))
    assert found.flips.total >= found.flips.lost + found.flips.gained


def test_a_metric_that_does_not_fit_is_refused():
    with pytest.raises(DataError, match="do not fit outputs"):
        evaluated(ONE_HOT, ONE_HOT, np.array([0, 1, 2]), "mean_squared_error")
    with pytest.raises(DataError, match="needs labels"):
        evaluated(ONE_HOT, ONE_HOT, None, "accuracy")


def test_outputs_that_are_no_numbers_make_figures_unavailable_and_not_a_failure():
    exported = ONE_HOT.copy()
    exported[1, 1] = np.nan
    found = evaluated(ONE_HOT, exported, ONE_HOT)
    assert found.source.available
    assert found.exported.reason == found.change.reason == found.sqnr_db.reason == "an output is NaN or infinite"


@pytest.mark.parametrize("labels", [np.array([0, 1, 1]), ONE_HOT, None])
def test_an_evaluation_survives_its_file(labels):
    found = evaluated(ONE_HOT, ONE_HOT + np.float32(0.1), labels)
    assert loads_document(Evaluation, dumps_document(found)) == found
