"""Pruning of Keras models: what leaves together, what is left alone, and that an export is what was promised."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit_converters.binding import open_exported
from edgekit_converters.compress.results import Pruned
from edgekit_converters.compress.settings import PruneSettings
from edgekit_converters.detect import detect_source
from edgekit_converters.framework import FrameworkSession
from edgekit_converters.settings import DataSettings, SourceSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.errors import DataError, RecipeError
from edgekit_runtime.progress import silent
from edgekit_targets.graph.read import read_graph
from edgekit_targets.graph.summary import summarize

pytestmark = pytest.mark.slow

KERAS = "edgekit_converters.keras"
NETWORKS = ("residual", "mobile", "dense_net", "u_net", "transformer", "sound", "grouped", "recurrent", "nested")
# In multiples of 8 at most half of the recurrent network leaves.
ALIGNED = [(name, share) for name in NETWORKS for share in (0.3, 0.5, 0.7) if (name, share) != ("recurrent", 0.7)]
CLOSE = 1e-5


@pytest.fixture(scope="module")
def prunable_models(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prunable-models")
    argv = [sys.executable, repository / "tests/prunable_models.py", folder]
    subprocess.run(argv, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def session(repository: Path) -> Iterator[FrameworkSession]:
    """One session for all tests, which load one model after the other; its working folder holds prunable_models.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(repository / "tests")
        with FrameworkSession(KERAS) as opened:
            yield opened


def load(session: FrameworkSession, path: Path, *, trust: bool = False) -> SourceInfo:
    custom = ("prunable_models",) if trust else ()
    return session.load(SourceSettings(str(path), detect_source(path), trust=trust, custom=custom))


def prune(session: FrameworkSession, path: Path, settings: PruneSettings, *, trust: bool = False) -> Pruned:
    load(session, path, trust=trust)
    return session.compression.prune(settings, silent)


def exported_macs(session: FrameworkSession, folder: Path) -> float:
    """MACs of the exported file, which runs once and gives finite numbers."""
    path = folder / "model.tflite"
    session.export(path, "tflite")
    interpreter, _ = open_exported(path, session.compression.info())
    for place, spec in enumerate(interpreter.inputs):
        interpreter.set_input(place, np.ones(spec.shape, spec.dtype))
    interpreter.invoke()
    assert all(np.isfinite(interpreter.output(place)).all() for place in range(len(interpreter.outputs)))
    macs = summarize(read_graph(path)).macs.value
    assert macs is not None
    return macs


@pytest.fixture(scope="module")
def silenced(repository: Path, prunable_models: Path) -> dict[str, Any]:
    """What pruning does beside silence, for each network."""
    argv = [sys.executable, repository / "tests/silence_models.py", prunable_models, "0"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_units_that_are_pruned_count_for_nothing_else_than_silent_ones(silenced: dict[str, Any], name: str) -> None:
    """The strongest test of what belongs together: one channel cut in the wrong place, and the outputs differ."""
    found = silenced[name]
    assert found["effect"] > 1e3 * CLOSE
    assert found["difference"] <= CLOSE
    assert found["restored"]
    assert found["borders"]
    assert found["smaller"]
    assert found["macs"] < 1e-9


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_the_exported_file_has_the_macs_asked_for(
    session: FrameworkSession, prunable_models: Path, tmp_path: Path, name: str, share: float
) -> None:
    pruned = prune(session, prunable_models / f"{name}.keras", PruneSettings(share=share))
    asked = (1 - share) * pruned.macs_before
    assert 0.97 * asked <= pruned.macs_after <= asked + 1
    assert exported_macs(session, tmp_path) == pruned.macs_after
    assert session.compression.info().parameters == pruned.parameters


@pytest.mark.parametrize(("name", "share"), ALIGNED)
def test_aligned_widths_are_multiples_and_no_more_is_left_than_asked_for(
    session: FrameworkSession, prunable_models: Path, tmp_path: Path, name: str, share: float
) -> None:
    settings = PruneSettings(share=share, alignment=8)
    load(session, prunable_models / f"{name}.keras")
    foretold = session.compression.check(settings)
    pruned = session.compression.prune(settings, silent)
    assert pruned.share == pytest.approx(foretold)
    assert pruned.macs_after <= (1 - share) * pruned.macs_before + 1
    for width in pruned.widths:
        narrow = width.before * width.width < 8 or width.width % 8 == 0
        assert narrow or width.after * width.width % 8 == 0
    assert exported_macs(session, tmp_path) == pruned.macs_after


def test_resnet8_becomes_half_as_expensive_and_its_file_smaller(
    session: FrameworkSession, assets: Path, tmp_path: Path
) -> None:
    model = assets / "mlperf-tiny/pretrainedResnet.h5"
    load(session, model)
    session.export(tmp_path / "whole.tflite", "tflite")
    data = DataSettings(str(assets / "data/cifar10_train_0000-0299.npz"), 64, 0)
    pruned = prune(session, model, PruneSettings(share=0.5, importance="taylor", data=data))
    assert pruned.share == pytest.approx(0.5, abs=0.005)
    assert exported_macs(session, tmp_path) == pruned.macs_after
    assert (tmp_path / "model.tflite").stat().st_size < 0.6 * (tmp_path / "whole.tflite").stat().st_size


def accuracy(session: FrameworkSession, assets: Path, folder: Path, settings: PruneSettings) -> float:
    data = assets / "data/cifar10_test_0000-0499.npz"
    prune(session, assets / "mlperf-tiny/pretrainedResnet.h5", settings)
    session.predict(DataSettings(str(data), None, 0), folder / "outputs.npz", silent)
    (outputs,) = np.load(folder / "outputs.npz").values()
    return float((outputs.argmax(axis=1) == np.load(data)["y"]).mean())


def test_what_matters_is_kept_better_than_at_random(session: FrameworkSession, assets: Path, tmp_path: Path) -> None:
    """Before any training: 10 % of the MACs of ResNet8, which answers 89 % right."""
    data = DataSettings(str(assets / "data/cifar10_train_0000-0299.npz"), 128, 0)
    random = max(
        accuracy(session, assets, tmp_path, PruneSettings(share=0.1, importance="random", seed=seed))
        for seed in range(2)
    )
    for importance in ("l1", "l2", "batch-norm"):
        assert accuracy(session, assets, tmp_path, PruneSettings(share=0.1, importance=importance)) > random
    assert accuracy(session, assets, tmp_path, PruneSettings(share=0.1, importance="taylor", data=data)) > random
    by_scan = PruneSettings(share=0.1, importance="l2", widths="sensitivity", data=data)
    assert accuracy(session, assets, tmp_path, by_scan) > random


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Samples for `residual`, with and without labels."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    x = random.normal(size=(40, 16, 16, 3)).astype("float32")
    np.savez(folder / "labelled.npz", x=x, y=np.arange(40) % 10)
    np.savez(folder / "plain.npz", x=x)
    np.savez(folder / "other.npz", x=x[:, :8])
    np.savez(folder / "many.npz", x=x, y=np.arange(40))
    np.savez(folder / "wide.npz", x=x, y=np.ones((40, 3), "float32"))
    return folder


@pytest.mark.parametrize("name", ["labelled", "plain"])
def test_taylor_goes_with_labels_and_without(
    session: FrameworkSession, prunable_models: Path, pictures: Path, name: str
) -> None:
    data = DataSettings(str(pictures / f"{name}.npz"), None, 0)
    settings = PruneSettings(share=0.5, importance="taylor", data=data)
    assert prune(session, prunable_models / "residual.keras", settings).share == pytest.approx(0.5, abs=0.005)


@pytest.mark.parametrize(
    ("name", "text"), [("other", "16, 16, 3"), ("many", r"label .*\d\d"), ("wide", r"shape \(3,\).*\(10,\)")]
)
def test_data_that_does_not_fit_is_refused(
    session: FrameworkSession, prunable_models: Path, pictures: Path, name: str, text: str
) -> None:
    data = DataSettings(str(pictures / f"{name}.npz"), None, 0)
    with pytest.raises(DataError, match=text):
        prune(session, prunable_models / "residual.keras", PruneSettings(share=0.5, importance="taylor", data=data))


def test_the_same_seed_prunes_the_same(session: FrameworkSession, prunable_models: Path, tmp_path: Path) -> None:
    files = []
    for seed in (1, 1, 2):
        prune(session, prunable_models / "sound.keras", PruneSettings(share=0.5, importance="random", seed=seed))
        session.export(tmp_path / "model.tflite", "tflite")
        files.append((tmp_path / "model.tflite").read_bytes())
    assert files[0] == files[1]
    assert files[0] != files[2]


def test_groups_without_batch_normalization_go_by_l2_and_are_told(
    session: FrameworkSession, prunable_models: Path
) -> None:
    pruned = prune(session, prunable_models / "mobile.keras", PruneSettings(share=0.5, importance="batch-norm"))
    assert len(pruned.by_l2) == 5  # the squeezed ones
    assert len(pruned.widths) == 14


def test_batch_norm_is_refused_where_there_is_none(session: FrameworkSession, prunable_models: Path) -> None:
    with pytest.raises(RecipeError, match=r"batch-norm .*no layer .*Choose l1"):
        prune(session, prunable_models / "transformer.keras", PruneSettings(share=0.5, importance="batch-norm"))


def test_recurrent_layers_are_named_and_what_is_reachable_is_told(
    session: FrameworkSession, prunable_models: Path
) -> None:
    path = prunable_models / "recurrent.keras"
    pruned = prune(session, path, PruneSettings(share=0.5))
    assert {left.layer: left.reason.split(":")[0] for left in pruned.left_alone} == {
        "both": "it is recurrent",
        "memory": "it is recurrent",
    }
    with pytest.raises(RecipeError, match=r"at most 77\.\d% .*90\.0% .*both, memory \(it is recurrent.*at most 0\.77"):
        prune(session, path, PruneSettings(share=0.9))


def test_what_enters_a_layer_of_the_users_own_is_left_alone(
    session: FrameworkSession, prunable_models: Path, tmp_path: Path
) -> None:
    """The layers around it are pruned all the same."""
    pruned = prune(session, prunable_models / "custom.keras", PruneSettings(share=0.5), trust=True)
    assert [left.layer for left in pruned.left_alone] == ["entering"]
    assert "its channels enter mine, a Mixed" in pruned.left_alone[0].reason
    assert [width.group for width in pruned.widths] == ["before", "after"]
    assert exported_macs(session, tmp_path) == pruned.macs_after


def test_what_cannot_be_followed_is_left_alone_with_its_reason(
    session: FrameworkSession, prunable_models: Path
) -> None:
    pruned = prune(session, prunable_models / "mixture.keras", PruneSettings(share=0.1))
    reasons = {left.layer: left.reason for left in pruned.left_alone}
    assert reasons["gate"] == "the softmax of gate compares them with each other"
    assert reasons["gated"] == reasons["gate"]
    assert reasons["split"] == "apart spreads its channels over several axes"
    (shared,) = pruned.widths
    assert shared.group == "first"  # and the layer that is called on its own output
    assert shared.after < shared.before == 16


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("only_recurrent", r"none of its channels can leave: memory \(it is recurrent"),
        ("written", r"written as a class \(Written\).*Rebuild it with keras\.Input"),
    ],
)
def test_models_without_anything_to_prune_are_refused(
    session: FrameworkSession, prunable_models: Path, name: str, text: str
) -> None:
    with pytest.raises(RecipeError, match=text):
        prune(session, prunable_models / f"{name}.keras", PruneSettings(share=0.1), trust=True)


def test_what_is_not_made_of_layers_of_keras_3_is_refused_with_what_to_do(
    session: FrameworkSession, repository: Path, tmp_path: Path
) -> None:
    for part in ("layers", "old"):
        argv = [sys.executable, repository / "tests/keras_models.py", tmp_path, part]
        subprocess.run(argv, check=True, capture_output=True)
    with pytest.raises(RecipeError, match=r"pruning .*a SavedModel\. Give the Keras file"):
        prune(session, tmp_path / "exported", PruneSettings(share=0.1))
    with pytest.raises(RecipeError, match=r"pruning .*only tf_keras.*anew with Keras 3"):
        prune(session, tmp_path / "operator.h5", PruneSettings(share=0.1))


def test_a_network_pruned_twice_is_brought_back_from_its_weights_and_surgery(
    session: FrameworkSession, prunable_models: Path, tmp_path: Path
) -> None:
    np.savez(tmp_path / "data.npz", x=np.random.default_rng(0).normal(size=(5, 40, 8)).astype("float32"))
    data = DataSettings(str(tmp_path / "data.npz"), None, 0)
    first = prune(session, prunable_models / "sound.keras", PruneSettings(share=0.3))
    second = session.compression.prune(PruneSettings(share=0.3), silent)
    assert second.macs_before == first.macs_after
    session.predict(data, tmp_path / "pruned.npz", silent)
    session.compression.save(tmp_path / "saved")
    load(session, prunable_models / "sound.keras")
    assert session.compression.restore(tmp_path / "saved").parameters == second.parameters
    session.predict(data, tmp_path / "restored.npz", silent)
    pruned, restored = (dict(np.load(tmp_path / f"{name}.npz")) for name in ("pruned", "restored"))
    np.testing.assert_array_equal(restored["kind"], pruned["kind"])
