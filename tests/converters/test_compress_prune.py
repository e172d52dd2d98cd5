"""The course of a pruning, on a made network: what is asked of it, what is refused, what a scan of samples finds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgekit_converters.compress.channels import ChannelGraph, Group, LayerMacs, Part
from edgekit_converters.compress.prune import prune_model
from edgekit_converters.compress.sensitivity import least_first, scan
from edgekit_converters.compress.settings import PruneSettings
from edgekit_converters.compress.surgery import Kept, Operation
from edgekit_converters.settings import DataSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.errors import DataError, RecipeError
from edgekit_runtime.tensor import TensorSpec


class TwoSums:
    """Gives the weighted sum of four numbers and of four others: two groups, of which the second weighs more."""

    def __init__(self) -> None:
        self.info = SourceInfo((TensorSpec("x", (-1, 8), "float32"),), (TensorSpec("y", (-1, 1), "float32"),), 8, ())
        self.weights = np.array([1.0, 2.0, 3.0, 4.0, 40.0, 30.0, 20.0, 10.0])
        self.operations: list[Operation] = []
        self.norms = (True, True)

    def channels(self) -> ChannelGraph:
        groups = tuple(Group(name, 4, 1, (name,)) for name in ("light", "heavy"))
        layers = tuple(LayerMacs(group.name, 100, ((Part(i, 4),),)) for i, group in enumerate(groups))
        return ChannelGraph(groups, layers, ())

    def importance(self, graph: ChannelGraph, settings: PruneSettings) -> tuple[np.ndarray, ...]:
        scores = np.split(self.weights, 2)
        if settings.importance == "batch-norm":
            return tuple(score if norm else score * np.nan for score, norm in zip(scores, self.norms, strict=True))
        return tuple(scores)

    def silence(self, graph: ChannelGraph, leaving: Sequence[Kept]) -> Callable[[], None]:
        before = self.weights.copy()
        for gone in leaving:
            self.weights[[unit + 4 * (gone.group == "heavy") for unit in gone.units]] = 0
        return lambda: self.weights.__setitem__(slice(None), before)

    def operate(self, operation: Operation) -> None:
        self.operations.append(operation)
        self.info = replace(self.info, parameters=sum(len(kept.units) for kept in operation.kept))

    def predict(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"y": inputs["x"] @ self.weights[:, None]}


@pytest.fixture
def data(tmp_path: Path) -> DataSettings:
    np.savez(tmp_path / "data.npz", x=np.random.default_rng(0).normal(size=(70, 8)).astype("float32"))
    return DataSettings(str(tmp_path / "data.npz"), None, 0)


def quiet(_: dict[str, object]) -> None:
    """Tell nobody."""


def kept(model: TwoSums) -> dict[str, tuple[int, ...]]:
    (operation,) = model.operations
    return {group.group: group.units for group in operation.kept}


def test_the_units_that_matter_least_leave() -> None:
    model = TwoSums()
    pruned = prune_model(model, PruneSettings(share=0.5, importance="l2"), quiet)
    assert kept(model) == {"light": (2, 3), "heavy": (0, 1)}
    assert (pruned.macs_before, pruned.macs_after, pruned.share, pruned.parameters) == (200, 100, 0.5, 4)
    assert [(width.before, width.after) for width in pruned.widths] == [(4, 2), (4, 2)]


def test_a_width_is_kept_everywhere() -> None:
    model = TwoSums()
    prune_model(model, PruneSettings(width=0.75), quiet)
    assert kept(model) == {"light": (1, 2, 3), "heavy": (0, 1, 2)}


def test_random_goes_by_its_seed() -> None:
    chosen = []
    for seed in (0, 0, 1):
        model = TwoSums()
        prune_model(model, PruneSettings(share=0.5, importance="random", seed=seed), quiet)
        chosen.append(kept(model))
    assert chosen[0] == chosen[1] != chosen[2]


def test_groups_that_lack_what_counts_go_by_l2_and_are_named() -> None:
    model = TwoSums()
    model.norms = (True, False)
    pruned = prune_model(model, PruneSettings(share=0.5, importance="batch-norm"), quiet)
    assert pruned.by_l2 == ("heavy",)
    assert kept(model) == {"light": (2, 3), "heavy": (0, 1)}


def test_a_scan_takes_from_the_group_that_matters_less(data: DataSettings) -> None:
    model = TwoSums()
    told: list[tuple[object, object]] = []
    prune_model(
        model,
        PruneSettings(share=0.3, widths="sensitivity", data=data),
        lambda payload: told.append((payload["done"], payload["total"])),
    )
    assert kept(model)["heavy"] == (0, 1, 2, 3)
    assert len(kept(model)["light"]) == 1
    assert told[-1] == (18, 18)  # three batches, six widths
    np.testing.assert_array_equal(model.weights, [1, 2, 3, 4, 40, 30, 20, 10])


def test_a_scan_tells_the_change_of_the_outputs(data: DataSettings) -> None:
    model = TwoSums()
    graph = model.channels()
    light, heavy = scan(model, graph, model.importance(graph, PruneSettings()), 1, data, quiet)
    x = np.load(data.path)["x"].astype(float)
    whole = np.square(x @ model.weights).sum()
    assert light.units == heavy.units == (1, 2, 3, 4)
    assert light.harm[2] == pytest.approx(np.square(x[:, 0] * 1.0).sum() / whole)
    assert heavy.harm[1] == pytest.approx(np.square(x[:, 6:] @ [20.0, 10.0]).sum() / whole)
    assert light.harm[3] == heavy.harm[3] == 0


def test_weights_are_back_even_where_the_model_fails_in_silence(data: DataSettings) -> None:
    class Failing(TwoSums):
        def predict(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            if not self.weights.all():
                raise DataError("it fails.")
            return super().predict(inputs)

    model = Failing()
    with pytest.raises(DataError):
        prune_model(model, PruneSettings(share=0.3, widths="sensitivity", data=data), quiet)
    assert model.weights.all()


def test_of_equals_the_last_leaves_first() -> None:
    assert least_first(np.array([1.0, 0.5, 1.0, 0.5])).tolist() == [3, 1, 2, 0]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (PruneSettings(), "exactly one"),
        (PruneSettings(share=0.5, width=0.5), "exactly one"),
        (PruneSettings(share=1.0), r"a share of 1 .*above 0 and below 1"),
        (PruneSettings(width=0.0), r"a width of 0 .*above 0 and below 1"),
        (PruneSettings(share=0.5, alignment=0), "alignment of 0.*1 or more"),
        (PruneSettings(share=0.5, importance="taylor"), r"taylor needs samples\. "),
        (PruneSettings(share=0.5, widths="sensitivity"), r"sensitivity needs samples\. "),
        (PruneSettings(width=0.5, widths="sensitivity", data=DataSettings("x", None, 0)), "uniform widths"),
        (PruneSettings(share=0.9), r"at most 75\.0% .*90\.0% were asked"),
        (PruneSettings(width=0.1), "leaves light, heavy empty"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_done(settings: PruneSettings, text: str) -> None:
    model = TwoSums()
    with pytest.raises(RecipeError, match=text):
        prune_model(model, settings, quiet)
    assert not model.operations
