"""What tests of deployments ask of this machine as a device, and bundles that differ from each other."""

from __future__ import annotations

import random
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from edgekit.pipeline.write_bundle import list_files, write_document
from edgekit_devices.deployment import Release, check_on, list_releases
from edgekit_devices.local_transport import LocalTransport
from edgekit_devices.remote import RemoteDevice
from edgekit_runtime.bundle import open_bundle
from tests.devices.conftest import STORE

CUTS = 50  # moments, chosen by seed, at which a deployment fails
CHANGED_BYTES = 20_000


def local() -> RemoteDevice:
    """This machine by a session."""
    return RemoteDevice(LocalTransport(), sys.executable)


def current_release(device: RemoteDevice) -> Release | None:
    """The release that is current there."""
    return next((release for release in list_releases(device) if release.current), None)


def current_number() -> str:
    """The number of the release that is current on this machine; empty where there is none."""
    with local() as device:
        current = current_release(device)
    return current.number if current else ""


def run_current(home: Path, device: RemoteDevice | None = None) -> int:
    """Run what is current, as its service would: how many golden samples it gave right."""
    current = home / STORE / "bundles/small/current"
    program = (str(current / "python"), str(current / "program/runtime.pyz"))
    if device is not None:
        return check_on(device, program, str(current / "bundle")).samples
    with local() as opened:
        return check_on(opened, program, str(current / "bundle")).samples


def changed_bundle(folder: Path, bundle: Path, seed: int, size_bytes: int = CHANGED_BYTES) -> Path:
    """A bundle with bytes that no other has, so that each deployment has as much to send."""
    changed = shutil.copytree(bundle, folder / f"changed{seed}")
    (changed / "trail/steps.json").write_bytes(random.Random(seed).randbytes(size_bytes))
    with open_bundle(bundle) as opened:
        write_document(changed, "manifest.json", replace(opened.manifest, files=list_files(changed)))
    return changed
