"""Training of PyTorch modules inside a session: seeds, resumption, losses, teachers, heads, what is refused."""

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit_converters.compress.results import Epoch, Trained
from edgekit_converters.compress.settings import TeacherSettings, TrainSettings, TransferSettings
from edgekit_converters.framework import FrameworkSession
from edgekit_converters.settings import DataSettings, NamedShape, SourceSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.codec import encode
from edgekit_runtime.errors import ConversionError, DataError, RecipeError
from edgekit_runtime.progress import silent

pytestmark = pytest.mark.slow

TORCH = "edgekit_converters.torch"
NETWORKS = """
import torch
from torch import nn

torch.set_num_threads(1)  # two that wait for each other are slow on a busy machine


class Pictures(nn.Module):
    def __init__(self, end=None):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.norm, self.drop = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Dropout(0.2)
        self.second = nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.head = nn.Linear(128, 4)
        self.end = end or nn.Identity()

    def forward(self, picture):
        x = self.drop(self.norm(self.first(picture)).relu())
        return self.end(self.head(self.second(x).relu().flatten(1)))


def logits():
    return Pictures()


def shares():
    return Pictures(nn.Softmax(1))


class Two(Pictures):
    def forward(self, picture):
        x = super().forward(picture)
        return {"kind": x, "size": x.sum(1, keepdim=True)}


def two():
    return Two()


class Folded(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(64, 4)
        self.register_buffer("mean", torch.zeros(4))

    def forward(self, picture):
        return (self.inner(picture.flatten(1)) - self.mean).cumsum(1)


def folded():
    return Folded()


class Bent(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.scale = nn.Linear(64, 4), nn.Parameter(torch.ones(()))

    def forward(self, picture):
        return self.inner(picture.reshape(1, 64)) * self.scale


def bent():
    return Bent()


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.head = nn.Linear(8, 4)

    def forward(self, picture):
        return self.head(self.layer(picture[:, 0]).mean(1))


def attending():
    return Attending()


def constant():
    return nn.ReLU()


def twice(outputs, labels):
    return 2 * nn.functional.cross_entropy(outputs["output"], labels["output"])


def wide(outputs, labels):
    return outputs["output"]


def broken(outputs, labels):
    return outputs["nothing"]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("train")
    (found / "networks.py").write_text(NETWORKS)
    random = np.random.default_rng(0)
    y = np.arange(120) % 4
    x = random.normal(size=(120, 1, 8, 8)).astype(np.float32) * 0.3
    for place, kind in enumerate(y):
        x[place, 0, 2 * (kind // 2) + 1, 2 * (kind % 2) + 1] += 3
    np.savez(found / "pictures.npz", x=x, y=y)
    np.savez(found / "plain.npz", x=x)
    return found


@pytest.fixture(scope="module")
def session(folder: Path) -> Iterator[FrameworkSession]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with FrameworkSession(TORCH) as session:
            yield session


def source(folder: Path, name: str) -> SourceSettings:
    shapes = (NamedShape("", (1, 1, 8, 8)),)
    return SourceSettings(f"{folder / 'networks.py'}:{name}", "torch-code", trust=True, shapes=shapes)


def load(session: FrameworkSession, folder: Path, name: str) -> SourceInfo:
    return session.load(source(folder, name))


def settings_for(folder: Path, data: str = "pictures", **others: Any) -> TrainSettings:
    chosen = {"epochs": 2, "batch": 20, "learning_rate": 1e-2} | others
    return TrainSettings(DataSettings(str(folder / f"{data}.npz"), None, 0), **chosen)


def train(session: FrameworkSession, settings: TrainSettings, checkpoint: Path) -> Trained:
    return session.compression.train(settings, checkpoint, silent, lambda _: None)


def outputs(session: FrameworkSession, data: Path, path: Path) -> np.ndarray:
    session.predict(DataSettings(str(data), None, 0), path, silent)
    with np.load(path) as arrays:
        return np.asarray(arrays["output"])


@pytest.mark.parametrize(("name", "right"), [("logits", 1.0), ("shares", 1.0), ("attending", 0.5)])
def test_it_learns_from_class_numbers_and_exports_what_it_learned(
    session: FrameworkSession, folder: Path, tmp_path: Path, name: str, right: float
) -> None:
    load(session, folder, name)
    trained = train(session, settings_for(folder, epochs=8), tmp_path / "c")
    assert trained.task == "classification"
    assert (trained.epochs[trained.best].accuracy or 0) >= right
    assert trained.epochs[-1].loss < trained.epochs[0].loss * 0.7
    given = outputs(session, folder / "pictures.npz", tmp_path / "given.npz")
    session.export(tmp_path / "m.onnx", "onnx")
    with FrameworkSession("edgekit_converters.onnx") as other:
        other.load(SourceSettings(str(tmp_path / "m.onnx"), "onnx"))
        exported = outputs(other, folder / "pictures.npz", tmp_path / "exported.npz")
    np.testing.assert_allclose(exported, given, atol=1e-4)


def test_the_same_seed_gives_the_same_bits_in_another_process_and_after_an_interruption(
    session: FrameworkSession, folder: Path, tmp_path: Path
) -> None:
    settings, data = settings_for(folder, epochs=3), folder / "pictures.npz"
    load(session, folder, "logits")
    train(session, settings, tmp_path / "whole")
    expected = outputs(session, data, tmp_path / "expected.npz")

    def interrupt(_: Epoch) -> None:
        raise KeyboardInterrupt

    with FrameworkSession(TORCH) as other:
        load(other, folder, "logits")
        with pytest.raises(KeyboardInterrupt):
            other.compression.train(settings, tmp_path / "broken", silent, interrupt)
    load(session, folder, "logits")
    assert train(session, settings, tmp_path / "broken").resumed >= 1
    assert np.array_equal(outputs(session, data, tmp_path / "found.npz"), expected)


def test_the_checksum_of_a_network_follows_its_weights(session: FrameworkSession, folder: Path, tmp_path: Path) -> None:
    load(session, folder, "logits")
    before = session.compression.checksum()
    assert session.compression.checksum() == before
    train(session, settings_for(folder, epochs=1), tmp_path / "c")
    assert session.compression.checksum() != before
    load(session, folder, "logits")
    assert session.compression.checksum() == before


def test_every_output_needs_labels(session: FrameworkSession, folder: Path, tmp_path: Path) -> None:
    load(session, folder, "two")
    with pytest.raises(DataError, match=r"pictures\.npz: it has no labels for output size"):
        train(session, settings_for(folder), tmp_path / "c")


def test_a_loss_of_the_users_own(session: FrameworkSession, folder: Path, tmp_path: Path) -> None:
    load(session, folder, "logits")
    trained = train(session, settings_for(folder, task="networks:twice", epochs=4), tmp_path / "c")
    assert trained.epochs[-1].loss < trained.epochs[0].loss
    with pytest.raises(DataError, match=r"networks:wide: it gave torch.float32 of shape \(18, 4\); allowed: a tensor"):
        train(session, settings_for(folder, task="networks:wide"), tmp_path / "d")
    with pytest.raises(DataError, match=r"networks\.py, line \d+: KeyError"):
        train(session, settings_for(folder, task="networks:broken"), tmp_path / "e")


def test_a_teacher_teaches_without_labels_by_outputs_and_by_features(
    session: FrameworkSession, folder: Path, tmp_path: Path
) -> None:
    load(session, folder, "shares")
    train(session, settings_for(folder, epochs=8), tmp_path / "c")
    plain = settings_for(folder, "plain", epochs=12, task="classification")
    session.predict(plain.data, tmp_path / "t.npz", silent)
    layers = session.compression.features(plain.data, tmp_path / "maps", silent)
    assert layers == ("drop", "second")
    load(session, folder, "logits")
    teacher = TeacherSettings(str(tmp_path / "t.npz"), str(tmp_path / "maps"), feature_weight=0.5)
    trained = train(session, replace(plain, teacher=teacher), tmp_path / "d")
    assert (trained.task, trained.notes) == ("classification", ())
    given = outputs(session, folder / "plain.npz", tmp_path / "o.npz")
    with np.load(folder / "pictures.npz") as data:
        assert np.mean(given.argmax(1) == data["y"]) > 0.9


def test_nan_stops_it_and_the_weights_are_those_before(session: FrameworkSession, folder: Path, tmp_path: Path) -> None:
    load(session, folder, "logits")
    before = outputs(session, folder / "pictures.npz", tmp_path / "a.npz")
    with pytest.raises(ConversionError, match=r"step \d of 6 in epoch 1; the weights of the beginning are kept"):
        train(session, settings_for(folder, learning_rate=1e30), tmp_path / "c")
    assert np.array_equal(before, outputs(session, folder / "pictures.npz", tmp_path / "b.npz"))


def test_frozen_parts_keep_their_weights_and_batch_norms_their_statistics(
    session: FrameworkSession, folder: Path, tmp_path: Path
) -> None:
    load(session, folder, "logits")
    data = settings_for(folder).data
    session.compression.features(data, tmp_path / "before", silent)
    train(session, settings_for(folder, freeze=0.5), tmp_path / "c")
    session.compression.features(data, tmp_path / "after", silent)
    same = {
        path.stem: np.array_equal(np.load(path), np.load(tmp_path / "after" / path.name))
        for path in (tmp_path / "before").iterdir()
    }
    assert same == {"drop": True, "second": False}


def test_a_new_head_learns_other_classes_and_comes_back_with_its_weights(
    session: FrameworkSession, folder: Path, tmp_path: Path
) -> None:
    load(session, folder, "shares")
    info = session.compression.transfer(TransferSettings(6, seed=3))
    assert [spec.shape for spec in info.outputs] == [(-1, 6)]
    train(session, settings_for(folder, epochs=1), tmp_path / "c")
    expected = outputs(session, folder / "pictures.npz", tmp_path / "a.npz")
    np.testing.assert_allclose(expected.sum(1), 1, atol=1e-5)
    session.compression.save(tmp_path / "kept")
    load(session, folder, "shares")
    assert session.compression.restore(tmp_path / "kept") == info == session.compression.info()
    assert np.array_equal(outputs(session, folder / "pictures.npz", tmp_path / "b.npz"), expected)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("two", r"it has 2 outputs \(kind, size\)"),
        ("constant", "its output comes from no part of its own"),
        ("folded", "what follows its head inner does not take 6 classes"),
        ("attending", ""),
    ],
)
def test_what_has_no_head_is_refused_by_name(session: FrameworkSession, folder: Path, name: str, text: str) -> None:
    load(session, folder, name)
    if not text:
        assert session.compression.transfer(TransferSettings(6)).outputs[0].shape == (-1, 6)
        return
    with pytest.raises(RecipeError, match=text):
        session.compression.transfer(TransferSettings(6))
    assert session.compression.info().outputs


def test_what_cannot_be_trained_is_refused(session: FrameworkSession, folder: Path, tmp_path: Path) -> None:
    load(session, folder, "constant")
    with pytest.raises(RecipeError, match="no weights that could be trained"):
        train(session, settings_for(folder, "plain"), tmp_path / "c")
    load(session, folder, "bent")
    with pytest.raises(ConversionError, match=r"cannot train it with a batch of 18: .*networks\.py, line"):
        train(session, settings_for(folder), tmp_path / "d")


def test_an_exported_program_is_refused_and_told_what_to_give(
    session: FrameworkSession, folder: Path, tmp_path: Path
) -> None:
    program = textwrap.dedent("""
        import networks, torch
        program = torch.export.export(networks.logits().eval(), (torch.zeros(1, 1, 8, 8),))
        torch.export.save(program, "m.pt2")
    """)
    subprocess.run([sys.executable, "-c", program], cwd=folder, check=True, capture_output=True)
    session.load(SourceSettings(str(folder / "m.pt2"), "torch-export"))
    with pytest.raises(RecipeError, match=r"this is an exported program.*the PyTorch code"):
        train(session, settings_for(folder), tmp_path / "c")


def test_a_disk_that_is_full_is_told(folder: Path, tmp_path: Path) -> None:
    """A limit on the size of files is what a full disk is to a write."""
    program = textwrap.dedent(f"""
        import resource, sys
        sys.path[:0] = {sys.path!r}
        from pathlib import Path
        from edgekit_converters.framework import FrameworkSession
        from edgekit_converters.settings import SourceSettings
        from edgekit_converters.compress.settings import TrainSettings
        from edgekit_runtime.codec import decode
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, 3_000))
        settings = decode(TrainSettings, {encode(settings_for(folder))!r})
        with FrameworkSession({TORCH!r}) as session:
            session.load(decode(SourceSettings, {encode(source(folder, "logits"))!r}))
            for call in (
                lambda: session.compression.train(settings, Path("c"), lambda *_: None, lambda _: None),
                lambda: session.compression.save(Path("kept")),
            ):
                try:
                    call()
                except Exception as error:
                    print(type(error).__name__, error)
    """)
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["OutputError", "OutputError"], done.stdout
    assert "c/epoch-0000.tmp: File too large" in lines[0]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
