"""Wheels for a device, fetched here by pip and kept in the user's cache: the device needs no internet."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from edgekit_devices.device import DeviceInfo, last_line
from edgekit_devices.interpreters import Offer, machine_of, minor_of
from edgekit_runtime.errors import DeviceError

OLDEST_MANYLINUX = 17
FETCH_S = 1800.0


def cache_folder() -> Path:
    """The user's cache of edgekit."""
    named = os.environ.get("EDGEKIT_CACHE_DIR")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(named or Path(base).expanduser() / "edgekit")


def fetch_wheels(offer: Offer, info: DeviceInfo, cache: Path | None = None) -> tuple[Path, ...]:
    """The wheels of an interpreter for a device, from the cache or by pip.

    Raises:
        DeviceError: pip cannot fetch them.
    """
    argv = download_argv(offer, info)
    folder = (cache or cache_folder()) / "wheels" / hashlib.sha256("\n".join(argv).encode()).hexdigest()[:16]
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as partial:
            _fetch(offer, (*argv, "--dest", partial))
            if not folder.exists():
                Path(partial).rename(folder)
                Path(partial).mkdir()  # for the block's end
    return tuple(sorted(folder.glob("*.whl")))


def download_argv(offer: Offer, info: DeviceInfo) -> tuple[str, ...]:
    """The command of pip, without the folder to write to."""
    machine = machine_of(info)
    newest = int(info.glibc.split(".")[1])
    platforms = [f"--platform=manylinux_2_{minor}_{machine}" for minor in range(newest, OLDEST_MANYLINUX - 1, -1)]
    return (
        *("-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--only-binary=:all:", "--no-deps", "--implementation=cp", f"--python-version=3.{minor_of(info)}"),
        *platforms,
        f"--platform=manylinux2014_{machine}",
        *offer.requirements,
    )


def _fetch(offer: Offer, argv: tuple[str, ...]) -> None:
    hint = "This machine needs pip and a package index; or install the interpreter on the device by hand."
    try:
        done = subprocess.run([sys.executable, *argv], capture_output=True, text=True, timeout=FETCH_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise DeviceError(f"{offer.interpreter} could not be fetched within {FETCH_S:g} s.", hint=hint) from error
    if done.returncode:
        raise DeviceError(f"{offer.interpreter} could not be fetched by pip: {last_line(done.stderr)}", hint=hint)
