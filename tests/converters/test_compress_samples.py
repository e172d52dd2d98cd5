"""Samples at hand: gathered once, divided by seed, in an order of their own each epoch."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_converters.compress import samples
from edgekit_converters.compress.samples import batch_count, batches, checksum_drawn, divide, gather, order
from edgekit_converters.compress.settings import TrainSettings
from edgekit_converters.settings import DataSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.errors import DataError
from edgekit_runtime.tensor import TensorSpec

INFO = SourceInfo((TensorSpec("x", (-1, 2), "float32"),), (TensorSpec("out", (-1, 3), "float32"),), 0, ())


def silent(done: int, total: int) -> None:
    pass


def write(path: Path, count: int, **arrays: np.ndarray) -> DataSettings:
    x = np.arange(2 * count, dtype=np.float32).reshape(count, 2)
    np.savez(path, **({"x": x, "y": np.arange(count) % 3} | arrays))
    return DataSettings(str(path), None, 0)


@given(st.integers(1, 400), st.integers(1, 64))
def test_batches_hold_every_row_once_and_differ_by_one_at_most(count: int, size: int) -> None:
    found = list(batches(np.arange(count), size))
    assert np.concatenate(found).tolist() == list(range(count))
    lengths = [len(rows) for rows in found]
    assert max(lengths) <= size
    assert max(lengths) - min(lengths) <= 1
    assert len(found) == batch_count(count, size)


def test_each_epoch_has_an_order_of_its_own_by_seed() -> None:
    rows = np.arange(50)
    assert np.array_equal(order(rows, 3, 1), order(rows, 3, 1))
    assert not np.array_equal(order(rows, 3, 1), order(rows, 3, 2))
    assert not np.array_equal(order(rows, 3, 1), order(rows, 4, 1))
    assert sorted(order(rows, 3, 1)) == rows.tolist()


def test_drawn_samples_have_the_same_checksum_unread_and_gathered(tmp_path: Path) -> None:
    data = write(tmp_path / "d.npz", 20)
    drawn = DataSettings(data.path, 7, 1)
    assert checksum_drawn(drawn, INFO, silent) == gather(drawn, INFO, silent).sha256
    assert checksum_drawn(drawn, INFO, silent) != checksum_drawn(data, INFO, silent)
    before = checksum_drawn(data, INFO, silent)
    write(tmp_path / "d.npz", 20, y=np.zeros(20, int))
    assert checksum_drawn(data, INFO, silent) != before


def test_a_tenth_tells_when_to_stop_and_is_not_learned_from(tmp_path: Path) -> None:
    parts = divide(TrainSettings(write(tmp_path / "d.npz", 50)), INFO, silent)
    assert len(parts.validation_rows) == 5
    assert sorted([*parts.rows, *parts.validation_rows]) == list(range(50))
    again = divide(TrainSettings(write(tmp_path / "d.npz", 50), seed=1), INFO, silent)
    assert not np.array_equal(parts.validation_rows, again.validation_rows)


def test_a_share_of_the_training_data_is_left_out_of_it(tmp_path: Path) -> None:
    data = write(tmp_path / "d.npz", 40)
    train = DataSettings(data.path, 20, 1)
    parts = divide(TrainSettings(train, validation=DataSettings(data.path, 30, 2)), INFO, silent)
    drawn = parts.train.inputs["x"][:, 0] // 2
    held = set(np.random.default_rng(2).choice(40, 30, replace=False))
    assert set(drawn[parts.validation_rows]) == set(drawn) & held
    assert not set(drawn[parts.rows]) & held


def test_samples_of_another_file_are_validated_as_they_are(tmp_path: Path) -> None:
    data, other = write(tmp_path / "d.npz", 12), write(tmp_path / "v.npz", 5)
    parts = divide(TrainSettings(data, validation=other), INFO, silent)
    assert len(parts.rows) == 12
    assert len(parts.validation) == 5
    assert not parts.own


def test_many_samples_lie_in_a_scratch_file_and_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write(tmp_path / "d.npz", 30)
    in_memory = gather(data, INFO, silent)
    monkeypatch.setattr(samples, "IN_MEMORY_BYTES", 16)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    on_disk = gather(data, INFO, silent)
    assert len(list(tmp_path.glob("*.npy"))) == 2
    assert np.array_equal(in_memory.inputs["x"], on_disk.inputs["x"])
    assert np.array_equal(in_memory.labels["out"], on_disk.labels["out"])
    assert in_memory.sha256 == on_disk.sha256


def test_a_full_disk_is_met_before_the_samples_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    data = write(tmp_path / "d.npz", 30)
    monkeypatch.setattr(samples, "IN_MEMORY_BYTES", 16)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left") as error:
        gather(data, INFO, silent)
    assert Path(error.value.filename).parent == tmp_path
    assert not list(tmp_path.glob("*.npy"))


def test_one_sample_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="0 samples are left to learn from"):
        divide(TrainSettings(write(tmp_path / "d.npz", 1)), INFO, silent)


def test_nan_among_the_samples_is_refused_by_its_number(tmp_path: Path) -> None:
    x = np.zeros((4, 2), np.float32)
    x[2, 1] = np.nan
    with pytest.raises(DataError, match=r"training sample 2 has NaN or infinite values in input x"):
        gather(write(tmp_path / "d.npz", 4, x=x), INFO, silent)


def test_labels_that_change_their_type_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "def samples():\n    yield [1.0, 2.0], 1\n    yield [3.0, 4.0], 1.5\n"
    (tmp_path / "changing_labels.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"the label of sample 1 is float64 .*first is int64"):
        gather(DataSettings("changing_labels:samples", None, 0), INFO, silent)
