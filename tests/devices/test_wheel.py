"""What a wheel of the runtime holds."""

from __future__ import annotations

import base64
import csv
import hashlib
from email import message_from_bytes

from edgekit_devices.wheel import wheel_files, wheel_name

PACKAGE = {f"edgekit_runtime/{name}": name.encode() for name in ("__init__.py", "LICENSE", "NOTICE")}
INFO = "edgekit_runtime-1.2.dist-info"


def test_its_name_says_that_any_python_3_on_any_machine_takes_it():
    assert wheel_name("1.2") == "edgekit_runtime-1.2-py3-none-any.whl"


def test_the_record_holds_the_checksum_of_every_other_file():
    files = wheel_files(PACKAGE, "1.2")
    rows = list(csv.reader(files[f"{INFO}/RECORD"].decode().splitlines()))
    assert [row[0] for row in rows] == list(files)
    assert rows[-1] == [f"{INFO}/RECORD", "", ""]
    for path, digest, size in rows[:-1]:
        kind, _, text = digest.partition("=")
        assert kind == "sha256"
        assert base64.urlsafe_b64decode(text + "=") == hashlib.sha256(files[path]).digest()
        assert int(size) == len(files[path])


def test_it_needs_numpy_alone_and_says_its_licence():
    metadata = message_from_bytes(wheel_files(PACKAGE, "1.2")[f"{INFO}/METADATA"])
    assert metadata["Version"] == "1.2"
    assert metadata.get_all("Requires-Dist") == ["numpy"]
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("License-File") == ["LICENSE", "NOTICE"]


def test_the_texts_that_its_metadata_names_are_there():
    files = wheel_files(PACKAGE, "1.2")
    assert (files[f"{INFO}/licenses/LICENSE"], files[f"{INFO}/licenses/NOTICE"]) == (b"LICENSE", b"NOTICE")
    assert b"Tag: py3-none-any" in files[f"{INFO}/WHEEL"]
