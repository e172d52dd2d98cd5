"""Write a bundle: the same content always gives the same bytes."""

from __future__ import annotations

import zipfile
from pathlib import Path

from edgekit_runtime.bundle import sha256_of
from edgekit_runtime.codec import dumps_document
from edgekit_runtime.manifest import MANIFEST_FILE, RUN_FILE, FileEntry

ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can say


def list_files(folder: Path) -> tuple[FileEntry, ...]:
    """Every file of a bundle's folder with its checksum, sorted by path; the manifest and `run.json` left out."""
    paths = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return tuple(
        FileEntry(name, sha256_of(folder / name), (folder / name).stat().st_size)
        for name in sorted(paths)
        if name not in (MANIFEST_FILE, RUN_FILE)
    )


def write_document(folder: Path, name: str, document: object) -> None:
    """Write a document into a bundle's folder, making the folders on the way."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dumps_document(document), encoding="utf-8")


def zip_folder(folder: Path, output: Path) -> None:
    """Pack a bundle's folder: entries sorted, times fixed, nothing compressed.

    Compression would tie the bytes to a version of zlib, and quantized weights hardly shrink.
    """
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), ZIP_EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
