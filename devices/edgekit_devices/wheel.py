"""What a wheel of the runtime holds, as PEP 427 and the core metadata specification 2.4 lay down."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

NAME = "edgekit_runtime"
TAG = "py3-none-any"
METADATA = """\
Metadata-Version: 2.4
Name: edgekit-runtime
Version: {version}
Summary: What runs on a device: opens edgekit's bundles, checks them, measures them
License-Expression: Apache-2.0
License-File: LICENSE
License-File: NOTICE
Requires-Python: >=3.9
Requires-Dist: numpy
"""
WHEEL = """\
Wheel-Version: 1.0
Generator: edgekit {version}
Root-Is-Purelib: true
Tag: {tag}
"""


def wheel_name(version: str) -> str:
    """The name that pip expects of the file."""
    return f"{NAME}-{version}-{TAG}.whl"


def wheel_files(package: Mapping[str, bytes], version: str) -> dict[str, bytes]:
    """Every file of the wheel, in the order in which it holds them.

    Args:
        package: The runtime's files by their path, LICENSE and NOTICE among them.
        version: Version of the wheel.
    """
    info = f"{NAME}-{version}.dist-info"
    texts = {f"{info}/licenses/{name}": package[f"{NAME}/{name}"] for name in ("LICENSE", "NOTICE")}
    files = {
        **package,
        **texts,
        f"{info}/METADATA": METADATA.format(version=version).encode(),
        f"{info}/WHEEL": WHEEL.format(version=version, tag=TAG).encode(),
    }
    lines = [_record(path, content) for path, content in files.items()]
    record = f"{info}/RECORD"
    return {**files, record: "".join([*lines, f"{record},,\n"]).encode()}


def _record(path: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(content)}\n"
