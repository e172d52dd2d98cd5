"""Opening a bundle: a folder or a zip, believed only when every checksum holds."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgekit_runtime.codec import FormatError, loads_document
from edgekit_runtime.errors import BundleError
from edgekit_runtime.formats import is_onnx, is_tflite
from edgekit_runtime.manifest import GOLDEN_FILE, MANIFEST_FILE, PROFILE_FILE, RUN_FILE, FileEntry, Manifest

CHUNK_BYTES = 1 << 20
ZIP_MAGIC = b"PK\x03\x04"
REDO = "Convert the model again, or copy the bundle anew."


@dataclass(frozen=True)
class Bundle:
    """A verified bundle.

    Attributes:
        folder: Where its files lie; temporary when it was a zip.
        manifest: What it says of itself.
        digest: sha256 of the manifest's bytes, which hold every other file's checksum.
    """

    folder: Path
    manifest: Manifest
    digest: str

    @property
    def model_path(self) -> Path:
        """The model's file."""
        return self.folder / self.manifest.model_file

    @property
    def golden_path(self) -> Path:
        """The golden samples."""
        return self.folder / GOLDEN_FILE

    @property
    def profile_path(self) -> Path:
        """The target's profile."""
        return self.folder / PROFILE_FILE


def is_bundle(path: str | Path) -> bool:
    """Whether a path looks like a bundle: a folder with a manifest, or a zip with one, or a damaged zip."""
    path = Path(path)
    if os.path.isdir(path):
        return os.path.isfile(path / MANIFEST_FILE)
    try:
        with open(path, "rb") as file:
            if file.read(len(ZIP_MAGIC)) != ZIP_MAGIC:
                return False
        with zipfile.ZipFile(path) as archive:
            # Half of a bundle may end in its golden samples, and so in another zip's directory.
            whole = any(entry.header_offset == 0 for entry in archive.infolist())
            return not whole or MANIFEST_FILE in archive.namelist()
    except OSError:
        return False
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return True  # such as half of a copy: opening it says what is wrong


@contextmanager
def open_bundle(path: str | Path) -> Iterator[Bundle]:
    """Open and verify a bundle; a zip is unpacked for as long as the block runs.

    Raises:
        BundleError: It is missing, incomplete, damaged, changed, or of a newer version.
    """
    path = Path(path)
    if os.path.isdir(path):
        yield _verify(path, path)
        return
    if not os.path.exists(path):  # false for a name that is too long, too
        raise BundleError(f"{path}: no such bundle.", hint="Check the path, or make one with `edgekit convert`.")
    with tempfile.TemporaryDirectory(prefix="edgekit-bundle-") as folder:
        _unpack(path, Path(folder))
        yield _verify(Path(folder), path)


def sha256_of(path: Path) -> str:
    """The checksum of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _verify(folder: Path, shown: Path) -> Bundle:
    try:
        content = (folder / MANIFEST_FILE).read_bytes()
        manifest = loads_document(Manifest, content.decode("utf-8"))
    except FileNotFoundError as error:
        raise BundleError(f"{shown}: not a bundle: it has no {MANIFEST_FILE}.", hint=REDO) from error
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{shown}: {MANIFEST_FILE} cannot be read: {error}.", hint=REDO) from error
    except FormatError as error:
        raise BundleError(f"{shown}: {MANIFEST_FILE}: {error}.", hint=REDO) from error
    try:
        faults = [fault for entry in manifest.files for fault in _faults(folder, entry)] + _strangers(folder, manifest)
    except OSError as error:
        raise BundleError(f"{shown}: the bundle cannot be read: {error}.", hint=REDO) from error
    if faults:
        raise BundleError(f"{shown}: the bundle is damaged: {'; '.join(faults)}.", hint=REDO)
    return Bundle(folder, manifest, hashlib.sha256(content).hexdigest())


def _faults(folder: Path, entry: FileEntry) -> list[str]:
    if not _is_plain(entry.path):
        return [f"{entry.path}: not a path inside the bundle"]
    path = folder / entry.path
    if not os.path.isfile(path):
        return [f"{entry.path} is missing"]
    if path.stat().st_size != entry.size_bytes:
        return [f"{entry.path} has {path.stat().st_size} bytes; the manifest says {entry.size_bytes}"]
    if sha256_of(path) != entry.sha256:
        return [f"{entry.path} was changed (its checksum differs)"]
    return []


def _strangers(folder: Path, manifest: Manifest) -> list[str]:
    known = {entry.path for entry in manifest.files} | {MANIFEST_FILE, RUN_FILE}
    needed = {manifest.model_file, GOLDEN_FILE, PROFILE_FILE}
    if manifest.model_card is not None:
        needed.add(manifest.model_card)
    if manifest.labels is not None:
        needed.add(manifest.labels)
    paths = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    found = {path.relative_to(folder).as_posix() for path in paths}
    return [f"{name} is not in the manifest" for name in sorted(found - known)] + [
        f"{name} is not in the manifest's files" for name in sorted(needed - known)
    ]


def _unpack(path: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if not _is_plain(member.filename) or stat.S_ISLNK(member.external_attr >> 16):
                    raise BundleError(f"{path}: refused: {member.filename!r} points outside the bundle.", hint=REDO)
                if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise BundleError(f"{path}: {member.filename} is packed by an unknown method.", hint=REDO)
            archive.extractall(folder)  # every name was checked above
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, ValueError, RuntimeError) as error:
        if _is_model(path):
            raise BundleError(
                f"{path}: a bare model, and no bundle.",
                hint=f"Make one: edgekit convert {path} --target NAME -o FOLDER",
            ) from error
        raise BundleError(f"{path}: not a bundle: it is no readable zip ({error}).", hint=REDO) from error


def _is_model(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return is_tflite(file) or is_onnx(file)
    except OSError:
        return False


def _is_plain(name: str) -> bool:
    parts = name.split("/")
    return bool(name) and not os.path.isabs(name) and "\\" not in name and ":" not in name and ".." not in parts
