"""Metrics of classifiers and detectors against brute force and known values; the user's own metric."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgekit_converters.data.bootstrap import paired_scores
from edgekit_converters.data.classification import f1, in_top, precision, recall, roc_auc
from edgekit_converters.data.detection import check_boxes, find, mean_average_precision
from edgekit_converters.data.metrics import is_metric
from edgekit_converters.evaluate.evaluate import Outputs, evaluate
from edgekit_runtime.errors import DataError

sklearn = pytest.importorskip("sklearn.metrics")
patient = settings(deadline=None)

labelled = st.integers(2, 30).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, (n, 4), elements=st.integers(0, 9).map(lambda v: v / 10)),
        arrays(np.int64, n, elements=st.integers(0, 3)),
    )
)


@patient
@given(labelled)
def test_precision_recall_and_f1_are_scikit_learns_macro_means(given_pair):
    outputs, labels = given_pair
    answers = outputs.argmax(axis=1)
    for own, other in ((precision, "precision_score"), (recall, "recall_score"), (f1, "f1_score")):
        expected = getattr(sklearn, other)(labels, answers, average="macro", zero_division=0)
        assert own(outputs, labels) == pytest.approx(expected)


@patient
@given(labelled)
def test_two_classes_are_scored_by_class_1(given_pair):
    outputs, labels = given_pair[0][:, :1], given_pair[1] % 2
    answers = outputs[:, 0] > 0.5
    assert f1(outputs, labels) == pytest.approx(sklearn.f1_score(labels, answers, zero_division=0))
    both = np.concatenate([1 - outputs, outputs], axis=1)
    assert precision(both, labels) == pytest.approx(
        sklearn.precision_score(labels, both.argmax(axis=1), zero_division=0)
    )


@patient
@given(labelled)
def test_the_area_under_the_curve_is_scikit_learns_with_ties(given_pair):
    outputs, labels = given_pair
    assume(0 < np.sum(labels % 2) < len(labels))
    assert roc_auc(outputs[:, :1], labels % 2) == pytest.approx(sklearn.roc_auc_score(labels % 2, outputs[:, 0]))


def test_a_curve_without_one_of_the_classes_has_no_area():
    assert np.isnan(roc_auc(np.array([[0.1], [0.2]]), np.array([1, 1])))


@given(labelled, st.integers(1, 4))
def test_the_right_class_is_among_the_best_k(given_pair, k):
    outputs, labels = given_pair
    outputs = outputs + np.arange(4) / 100  # no ties
    expected = [label in np.argsort(row)[::-1][:k] for row, label in zip(outputs, labels, strict=True)]
    assert in_top(outputs, labels, k).tolist() == expected


def test_a_model_that_gives_all_classes_the_same_score_is_not_right():
    assert not in_top(np.ones((3, 4)), np.array([0, 1, 2]), 3).any()


def boxes(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array([rows], np.float64)


def found(given_boxes, scores, kinds, true):
    return find("m:f", lambda outputs: (given_boxes, scores, kinds), {"o": np.zeros((len(true), 1))}, true)


def test_a_box_that_is_met_counts_and_a_second_one_on_it_does_not():
    true = boxes((0, 0, 0, 10, 10), (0, 20, 20, 30, 30), (-1, 0, 0, 0, 0))
    hit, double, missed = [0, 0, 10, 9], [0, 0, 10, 10], [50, 50, 60, 60]
    (one,) = found([hit, double, missed], [0.9, 0.8, 0.7], [0, 0, 0], true)
    assert one.right.tolist() == [True, False, False]
    assert mean_average_precision([one]) == pytest.approx(0.5)  # one of two true boxes, found first


def test_precision_is_averaged_over_recall_by_hand():
    true = boxes((0, 0, 0, 10, 10), (0, 20, 20, 30, 30))
    (one,) = found([[50, 50, 60, 60], [0, 0, 10, 10], [20, 20, 30, 30]], [0.9, 0.8, 0.7], [0, 0, 0], true)
    assert mean_average_precision([one]) == pytest.approx(2 / 3)  # the best precision from either hit on is 2/3


def test_the_mean_is_taken_over_the_classes_that_are_there():
    true = boxes((0, 0, 0, 10, 10), (1, 20, 20, 30, 30))
    assert mean_average_precision(found([[0, 0, 10, 10]], [0.9], [0], true)) == pytest.approx(0.5)
    assert mean_average_precision(found([[0, 0, 10, 10]], [0.9], [2], true)) == 0


@pytest.mark.parametrize(("other", "right"), [((0, 0, 10, 5), True), ((0, 0, 10, 4.9), False), ((5, 0, 15, 10), False)])
def test_half_of_the_common_area_is_enough(other, right):
    (one,) = found([list(other)], [0.9], [0], boxes((0, 0, 0, 10, 10)))
    assert one.right.tolist() == [right]


def test_without_true_boxes_there_is_no_mean():
    assert np.isnan(mean_average_precision(found([], [], [], boxes((-1, 0, 0, 0, 0)))))


@pytest.mark.parametrize("given_parts", [3, ([[0, 0, 1, 1]], [0.5], []), ([[0, 0, 1]], [0.5], [1]), ([], [])])
def test_another_form_from_the_users_decoder_is_refused(given_parts):
    with pytest.raises(DataError, match=r"m:f: it (must return boxes|returned 1 boxes)"):
        find("m:f", lambda outputs: given_parts, {"o": np.zeros((1, 1))}, boxes((0, 0, 0, 1, 1)))


def test_labels_that_are_no_boxes_are_refused():
    with pytest.raises(DataError, match=r"no boxes; allowed: \(samples, boxes, 5\)"):
        check_boxes(np.zeros((4, 5)))


def test_an_interval_holds_its_figure_and_is_the_same_again():
    hits = np.arange(200) % 4 > 0
    worse = hits & (np.arange(200) % 10 > 0)
    metric = paired_scores(lambda i: float(hits[i].mean()), lambda i: float(worse[i].mean()), 200, "hits")
    again = paired_scores(lambda i: float(hits[i].mean()), lambda i: float(worse[i].mean()), 200, "hits")
    assert metric == again
    assert metric.change.value == pytest.approx(worse.mean() - hits.mean())
    assert metric.change.interval is not None
    assert metric.change.interval.high < 0  # paired: far surer than the two figures alone
    for figure in (metric.source, metric.exported, metric.change):
        assert figure.interval is not None
        assert figure.interval.low <= figure.value <= figure.interval.high


def test_a_metric_without_a_value_is_unavailable_with_the_reason():
    metric = paired_scores(lambda i: float("nan"), lambda i: 1.0, 10, "area")
    assert metric.exported.reason == "area has no value on these labels and outputs"


ONE_HOT = np.eye(3)[[0, 1, 2, 0]]
LABELS = {"scores": np.array([0, 1, 2, 1])}


def evaluated(metric: str, labels=LABELS):
    return evaluate(Outputs({"scores": ONE_HOT}, {"scores": ONE_HOT[::-1]}, labels), metric, "ab" * 32, "interpreter")


@pytest.mark.parametrize("metric", ["top_2", "precision", "recall", "f1", "roc_auc"])
def test_every_metric_of_classes_is_measured_on_both(metric):
    result = evaluated(metric)
    assert (result.metric, result.higher_is_better) == (metric, True)
    assert result.source.value is not None
    assert result.exported.value is not None
    assert result.change.value == pytest.approx(result.exported.value - result.source.value)


def test_agreement_needs_no_labels():
    result = evaluated("agreement", {})
    assert (result.source.value, result.exported.value, result.change.value) == (1.0, 0.5, -0.5)


@pytest.fixture
def own(tmp_path, monkeypatch):
    text = (
        "import numpy as np\n"
        "def right(outputs, labels): return np.mean(outputs['scores'].argmax(1) == labels['scores'])\n"
        "def broken(outputs, labels): return outputs['none']\n"
        "def text(outputs, labels): return 'good'\n"
        "def nan(outputs, labels): return float('nan')\n"
        "def decode(outputs): return [[0, 0, 10, 10]], [outputs['scores'][0]], [0]\n"
    )
    (tmp_path / "own_metrics.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "own_metrics", raising=False)


@pytest.mark.usefixtures("own")
def test_a_metric_of_the_users_own_takes_names_and_gives_a_number():
    result = evaluated("own_metrics:right")
    assert (result.source.value, result.source.unit) == (0.75, "score")
    assert result.change.value == pytest.approx(result.exported.value - 0.75)


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("function", "text"),
    [
        ("broken", r"own_metrics\.py, line 3: KeyError: 'none' in: def broken"),
        ("text", "it returned str; allowed: one number"),
        ("gone", "own_metrics has no function gone; it has: right"),
    ],
)
def test_a_metric_of_the_users_own_that_fails_is_told(function, text):
    with pytest.raises(DataError, match=text):
        evaluated(f"own_metrics:{function}")


@pytest.mark.usefixtures("own")
def test_a_metric_of_the_users_own_without_a_value_is_unavailable():
    assert "no finite number" in evaluated("own_metrics:nan").source.reason


@pytest.mark.usefixtures("own")
def test_boxes_are_decoded_by_the_users_function():
    result = evaluated("map_50=own_metrics:decode", {"scores": np.array([[[0, 0, 0, 10, 10]]] * 4)})
    assert result.source.value == 1.0


@pytest.mark.parametrize("metric", ["top_2", "f1", "roc_auc", "map_50=own_metrics:decode"])
@pytest.mark.usefixtures("own")
def test_labels_that_do_not_fit_a_metric_are_refused(metric):
    with pytest.raises(DataError, match=r"do not fit outputs|are no boxes"):
        evaluated(metric, {"scores": np.array([0.5, 1, 2, 0])})
    with pytest.raises(DataError, match="needs labels"):
        evaluated(metric, {})


@pytest.mark.parametrize("name", ["top_5", "f1", "roc_auc", "agreement", "a.b:c", "map_50=a:b"])
def test_names_of_metrics_are_known(name):
    assert is_metric(name)


@pytest.mark.parametrize("name", ["top_0", "top_K", "f7", "map_50=a", "map_50", "a:b:c", ""])
def test_other_names_are_none_of_a_metric(name):
    assert not is_metric(name)
