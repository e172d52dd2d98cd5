"""edgekit_runtime.bundle: whole and unchanged, or refused in one line; a zip writes nothing outside its folder."""

from __future__ import annotations

import json
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.pipeline.write_bundle import zip_folder
from edgekit_runtime.bundle import is_bundle, open_bundle, sha256_of
from edgekit_runtime.errors import BundleError
from tests.bundle_files import dense_bundle

patient = settings(deadline=None)  # files and models take the time they take
OUTSIDE = ("../outside", "/etc/hostname", "trail/../../outside", "..", "C:outside", "trail\\..\\outside")
CHECKED = ("golden.npz", "model.tflite", "profile.toml", "trail/steps.json")
UNSET = object()
positions = st.integers(0, 1 << 16)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A bundle that tests leave as it is."""
    return dense_bundle(tmp_path_factory.mktemp("made"), "int8")


@pytest.fixture(scope="module")
def packed(made) -> Path:
    path = made.parent / "made.edgekit"
    zip_folder(made, path)
    return path


@pytest.fixture
def bundle(made, tmp_path) -> Path:
    """A copy that a test may damage."""
    return shutil.copytree(made, tmp_path / "bundle")


def digest_of(path: Path) -> str:
    with open_bundle(path) as opened:
        return opened.digest


def refusal(path: Path) -> str:
    with pytest.raises(BundleError) as caught, open_bundle(path):
        pass
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value.message


@contextmanager
def changed_byte(path: Path, position: int, change: int) -> Iterator[None]:
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[position % len(whole)] ^= change
    path.write_bytes(changed)
    try:
        yield
    finally:
        path.write_bytes(whole)


def edit_manifest(bundle: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    path = bundle / "manifest.json"
    tree = json.loads(path.read_text())
    edit(tree)
    path.write_text(json.dumps(tree))


def test_a_folder_and_its_zip_are_the_same_bundle(made, packed):
    with open_bundle(made) as folder, open_bundle(packed) as unpacked:
        assert folder.manifest == unpacked.manifest
        assert folder.digest == unpacked.digest == sha256_of(made / "manifest.json")
        assert folder.model_path.read_bytes() == unpacked.model_path.read_bytes()
        assert unpacked.golden_path.is_file()
        assert unpacked.profile_path.read_text() == 'name = "host"\n'


def test_an_unpacked_zip_is_gone_after_the_block(packed):
    with open_bundle(packed) as opened:
        folder = opened.folder
        assert folder.is_dir()
    assert not folder.exists()


def test_an_unpacked_zip_is_gone_after_an_error(packed):
    folders = []

    def fail_inside() -> None:
        with open_bundle(packed) as opened:
            folders.append(opened.folder)
            raise KeyError

    with pytest.raises(KeyError):
        fail_inside()
    assert not folders[0].exists()


def test_folder_and_zip_look_like_bundles(made, packed):
    assert is_bundle(made)
    assert is_bundle(str(packed))


def test_other_things_do_not_look_like_bundles(made, tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("config.json", "{}")
    others = (tmp_path, tmp_path / "other.zip", tmp_path / "missing", tmp_path / ("x" * 300), made / "model.tflite")
    assert [is_bundle(path) for path in others] == [False] * 5


@patient
@given(name=st.sampled_from(CHECKED), position=positions, change=st.integers(1, 255))
def test_any_changed_byte_of_a_file_is_refused(made, name, position, change):
    with changed_byte(made / name, position, change):
        assert f"{name} was changed" in refusal(made)


@patient
@given(position=positions, change=st.integers(1, 255))
def test_any_changed_byte_of_the_manifest_is_refused_or_gives_another_digest(made, position, change):
    digest = digest_of(made)
    with changed_byte(made / "manifest.json", position, change):
        try:
            assert digest_of(made) != digest
        except BundleError as error:
            assert str(made) in error.message  # noqa: PT017  # either may happen


@patient
@given(position=positions, change=st.integers(1, 255))
def test_a_changed_byte_of_a_zip_is_refused_or_changes_nothing(packed, position, change):
    digest = digest_of(packed)
    with changed_byte(packed, position, change):
        is_bundle(packed)
        try:
            assert digest_of(packed) == digest  # such as a time stamp, which says nothing
        except BundleError as error:
            assert str(packed) in error.message  # noqa: PT017  # either may happen


@patient
@given(data=st.data(), change=st.integers(1, 255))
def test_a_changed_byte_of_any_file_in_a_zip_is_refused(packed, data, change):
    with zipfile.ZipFile(packed) as archive:
        entry = data.draw(st.sampled_from(archive.infolist()))
    start = entry.header_offset + 30 + len(entry.filename)
    with changed_byte(packed, start + data.draw(st.integers(0, entry.file_size - 1)), change):
        refusal(packed)


@patient
@given(st.floats(0, 1, exclude_max=True))
def test_a_truncated_zip_is_refused(packed, share):
    whole = packed.read_bytes()
    cut = packed.with_name("cut.edgekit")
    cut.write_bytes(whole[: int(share * len(whole))])
    assert "not a bundle" in refusal(cut)


@patient
@given(st.floats(0, 1, exclude_max=True))
def test_a_truncated_zip_still_looks_like_a_bundle_so_that_its_refusal_is_told(packed, share):
    whole = packed.read_bytes()
    cut = packed.with_name("half.edgekit")
    cut.write_bytes(whole[: 4 + int(share * (len(whole) - 4))])
    assert is_bundle(cut)


@pytest.mark.parametrize("name", CHECKED)
def test_a_missing_file_is_named(bundle, name):
    (bundle / name).unlink()
    assert f"{name} is missing" in refusal(bundle)


@pytest.mark.parametrize("name", CHECKED)
def test_an_emptied_file_is_named(bundle, name):
    (bundle / name).write_bytes(b"")
    assert f"{name} has 0 bytes" in refusal(bundle)


@pytest.mark.parametrize("name", ["extra.txt", "trail/extra.txt", ".hidden"])
def test_an_extra_file_is_named(bundle, name):
    (bundle / name).write_text("extra")
    assert f"{name} is not in the manifest" in refusal(bundle)


def test_a_linked_folder_is_an_extra_file(bundle, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (bundle / "linked").symlink_to(tmp_path / "elsewhere")
    assert "linked is not in the manifest" in refusal(bundle)


def test_all_faults_are_told_at_once(bundle):
    (bundle / "model.tflite").unlink()
    (bundle / "golden.npz").write_bytes(b"")
    (bundle / "extra").write_text("")
    message = refusal(bundle)
    assert "model.tflite is missing" in message
    assert "golden.npz has 0 bytes" in message
    assert "extra is not in the manifest" in message


@pytest.mark.parametrize("content", ["", "other", '{"seconds": 2}'])
def test_what_says_when_and_where_may_change_freely(bundle, content):
    digest = digest_of(bundle)
    (bundle / "run.json").write_text(content)
    assert digest_of(bundle) == digest
    (bundle / "run.json").unlink()
    assert digest_of(bundle) == digest


def test_a_newer_manifest_is_refused(bundle):
    edit_manifest(bundle, lambda tree: tree.update(version=2))
    assert "manifest.json: version: is 2; allowed: 1" in refusal(bundle)


def test_another_documents_schema_is_refused(bundle):
    edit_manifest(bundle, lambda tree: tree.update(schema="edgekit/record"))
    assert "schema: is 'edgekit/record'" in refusal(bundle)


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("format", "exe", "format is 'exe'; allowed: tflite, onnx"),
        ("format", "onnx", "model.onnx is not in the manifest's files"),
        ("surprise", 1, "surprise: unknown"),
        ("inputs", [], "there is no input, or no output"),
        ("outputs", [], "there is no input, or no output"),
        ("files", [], "model.tflite is not in the manifest's files"),
        ("kernels", UNSET, "kernels: missing"),
    ],
)
def test_a_manifest_with_a_fault_is_refused_with_it(bundle, field, value, fault):
    edit_manifest(bundle, lambda tree: tree.pop(field) if value is UNSET else tree.update({field: value}))
    assert fault in refusal(bundle)


def test_a_file_of_another_length_than_the_manifest_says_is_refused(bundle):
    edit_manifest(bundle, lambda tree: tree["files"][0].update(size_bytes=1))
    assert "golden.npz has " in refusal(bundle)


@pytest.mark.parametrize("path", [*OUTSIDE, ""])
def test_a_manifest_that_names_a_path_outside_is_refused(bundle, path):
    (bundle.parent / "outside").write_text("secret")
    edit_manifest(bundle, lambda tree: tree["files"][0].update(path=path))
    assert f"{path}: not a path inside the bundle" in refusal(bundle)


def test_a_manifest_that_names_a_path_longer_than_the_system_takes_is_refused(bundle):
    edit_manifest(bundle, lambda tree: tree["files"][0].update(path="x" * 300))
    assert "is missing" in refusal(bundle)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b'{"schema": "edgekit/manifest", "version": 1}'])
def test_a_manifest_that_is_none_is_refused(bundle, content):
    (bundle / "manifest.json").write_bytes(content)
    assert "manifest.json" in refusal(bundle)


def test_a_folder_in_the_manifests_place_is_refused(bundle):
    (bundle / "manifest.json").unlink()
    (bundle / "manifest.json").mkdir()
    assert "manifest.json cannot be read" in refusal(bundle)


def test_a_folder_that_is_no_bundle_is_refused(tmp_path):
    assert "not a bundle: it has no manifest.json" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["missing", "x" * 300])
def test_a_missing_bundle_is_refused(tmp_path, name):
    assert "no such bundle" in refusal(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"PK", b"text", b"PK\x03\x04 no zip", b"PK\x05\x06" + bytes(18)])
def test_a_file_that_is_no_bundle_is_refused(tmp_path, content):
    path = tmp_path / "some.edgekit"
    path.write_bytes(content)
    assert "not a bundle" in refusal(path)


@pytest.mark.parametrize("suffix", ["tflite", "onnx"])
def test_a_bare_model_is_told_from_a_damaged_bundle_with_what_makes_one(tmp_path, suffix):
    path = tmp_path / f"model.{suffix}"
    path.write_bytes(b"\0\0\0\0TFL3 and more" if suffix == "tflite" else b"\x08\x08\x3a\x00")
    with pytest.raises(BundleError, match="a bare model, and no bundle") as caught, open_bundle(path):
        pass
    assert f"edgekit convert {path}" in caught.value.hint


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_zip_that_points_outside_is_refused_and_writes_nothing(packed, tmp_path, monkeypatch, name):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    path = Path(shutil.copy(packed, tmp_path / "evil.edgekit"))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, "evil")
    assert "points outside the bundle" in refusal(path)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["evil.edgekit", "scratch"]
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_zip_with_a_link_is_refused(packed, tmp_path):
    path = Path(shutil.copy(packed, tmp_path / "evil.edgekit"))
    link = zipfile.ZipInfo("trail/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc")
    assert "'trail/link' points outside the bundle" in refusal(path)


def pack(bundle: Path, output: Path, method: int) -> Path:
    with zipfile.ZipFile(output, "w", method) as archive:
        for path in bundle.rglob("*"):
            archive.write(path, path.relative_to(bundle))
    return output


def test_a_zip_that_somebody_compressed_anew_is_the_same_bundle(made, tmp_path):
    path = pack(made, tmp_path / "small.zip", zipfile.ZIP_DEFLATED)
    assert digest_of(path) == digest_of(made)


def test_a_zip_of_an_unusual_method_is_refused(made, tmp_path):
    path = pack(made, tmp_path / "small.zip", zipfile.ZIP_BZIP2)
    assert "packed by an unknown method" in refusal(path)


def test_an_encrypted_zip_is_refused(packed, tmp_path):
    content = bytearray(packed.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.rindex(signature) + flags] |= 1
    path = tmp_path / "locked.edgekit"
    path.write_bytes(content)
    assert "no readable zip" in refusal(path)


def test_a_zip_without_one_of_its_files_is_refused(made, tmp_path):
    folder = shutil.copytree(made, tmp_path / "bundle")
    (folder / "golden.npz").unlink()
    zip_folder(folder, tmp_path / "short.edgekit")
    assert "golden.npz is missing" in refusal(tmp_path / "short.edgekit")
