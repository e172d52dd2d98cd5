"""How much each channel of a PyTorch module matters."""

import math
from pathlib import Path

import numpy as np
import pytest

from edgekit_converters.compress.settings import BATCH_NORM, IMPORTANCES, TAYLOR, PruneSettings
from edgekit_converters.settings import DataSettings
from edgekit_runtime.errors import DataError, RecipeError
from tests.converters.test_torch_prune import open_model, some


def data_file(path: Path, labels: object) -> DataSettings:
    x = np.random.default_rng(0).normal(size=(6, 3, 32, 32)).astype(np.float32)
    np.savez(path, **({"x": x} if labels is None else {"x": x, "y": np.asarray(labels)}))
    return DataSettings(str(path), None, 0)


@pytest.mark.parametrize("importance", [one for one in IMPORTANCES if one != "random"])
def test_what_counts_for_nothing_matters_least(importance: str, tmp_path: Path) -> None:
    model = open_model("residual_cnn")
    graph = model.channels()
    gone = some(graph, 3)
    model.silence(graph, gone)
    data = data_file(tmp_path / "data.npz", [0, 1, 2, 3, 4, 5])
    scores = model.importance(graph, PruneSettings(share=0.5, importance=importance, data=data))
    for group, silent, score in zip(graph.groups, gone, scores, strict=True):
        assert score.shape == (group.units,)
        assert score[list(silent.units)].max() <= np.delete(score, silent.units).min()


@pytest.mark.parametrize("labels", [None, [0, 1, 2, 3, 4, 5], np.eye(10)[:6].astype(np.float32)])
def test_gradients_come_with_class_numbers_with_values_and_without_labels(labels: object, tmp_path: Path) -> None:
    model = open_model("residual_cnn")
    graph = model.channels()
    data = data_file(tmp_path / "data.npz", labels)
    scores = model.importance(graph, PruneSettings(share=0.5, importance=TAYLOR, data=data))
    assert all(math.isfinite(score.sum()) and score.max() > 0 for score in scores)
    assert all(one.grad is None for one in model.module.parameters())


def test_labels_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    model = open_model("residual_cnn")
    graph = model.channels()
    data = data_file(tmp_path / "data.npz", [0, 1, 2, 3, 4, 77])
    with pytest.raises(DataError, match="does not fit"):
        model.importance(graph, PruneSettings(share=0.5, importance=TAYLOR, data=data))


def test_importance_by_norms_needs_norms() -> None:
    model = open_model("own_attention")
    with pytest.raises(RecipeError, match="batch-normalized; allowed: l1"):
        model.importance(model.channels(), PruneSettings(share=0.5, importance=BATCH_NORM))
    mixed = open_model("u_net")
    graph = mixed.channels()
    scores = mixed.importance(graph, PruneSettings(share=0.5, importance=BATCH_NORM))
    lacking = [group.name for group, score in zip(graph.groups, scores, strict=True) if np.isnan(score).any()]
    assert lacking == ["up2", "up1"]
