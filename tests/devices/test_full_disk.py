"""A disk that is full, by the kernel's own word: the old release still runs, and the next deployment finds no rest."""

from __future__ import annotations

import random
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit_devices.deployment import deploy_bundle, list_releases, remove_releases, roll_back
from edgekit_devices.files import send_files, sendable
from edgekit_devices.local_transport import LocalTransport
from edgekit_devices.onboard.store import MARGIN_BYTES
from edgekit_devices.remote import RemoteDevice
from edgekit_runtime.errors import DeviceError
from tests.bundle_files import dense_bundle
from tests.devices.conftest import STORE
from tests.devices.deployments import changed_bundle, current_release, local, run_current
from tests.devices.small_disk import SmallDisk, small_disk
from tests.devices.standin.userland import UnavailableError

pytestmark = pytest.mark.slow
FULL = re.compile(r".*the disk is full.* Remove what is not needed: edgekit deploy --list, --remove\.")  # one line
CHANGED_BYTES = 300_000  # many pages, of which any may be the first that does not fit
QUOTA = """
import shutil, sys
shutil.disk_usage = lambda path: shutil._ntuple_diskusage(1 << 40, 0, 1 << 40)
code = sys.argv[2]
sys.argv = ["-c", *sys.argv[3:]]
exec(code)
"""


@pytest.fixture
def disk(home: Path) -> Iterator[SmallDisk]:
    """The disk of a device, on which its home folder is."""
    try:
        with small_disk(home) as mounted:
            yield mounted
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return dense_bundle(tmp_path, "int8")


def with_quota(folder: Path) -> RemoteDevice:
    """This machine, where a user may write less than what is free: that it does not fit shows when it is written."""
    python = folder / "python3"
    python.write_text(f'#!/bin/sh\nexec {shlex.join((sys.executable, "-c", QUOTA))} "$@"\n')
    python.chmod(0o755)
    return RemoteDevice(LocalTransport(), str(python))


def refusal(device: RemoteDevice, bundle: Path) -> str:
    """What the user is told where a bundle cannot be deployed; empty where it was."""
    try:
        deploy_bundle(device, bundle)
    except DeviceError as error:
        return str(error)
    return ""


def left_behind(home: Path) -> list[Path]:
    """What is there beside whole releases, and what they need."""
    store = home / STORE
    files = [path for path in (store / "files").iterdir() if path.stat().st_nlink == 1]
    beside = [path for path in store.glob("bundles/*/*") if path.name not in {"current", "releases"}]
    return [*files, *beside, *(store / "sessions").iterdir(), *(store / "incoming").iterdir()]


@pytest.mark.parametrize(("kind", "cuts"), [("quota", 25), ("free", 5), ("names", 20)])
def test_whatever_room_is_left_the_old_release_still_runs(home, disk, bundle, tmp_path, kind, cuts):
    names = kind == "names"
    used = disk.used_names if names else disk.used_bytes
    with local() as device:
        deploy_bundle(device, bundle)
        before = used()
        was = deploy_bundle(device, changed_bundle(tmp_path, bundle, 0, CHANGED_BYTES)).number
    most = used() - before + (MARGIN_BYTES if kind == "free" else 0)
    for seed, room in enumerate(random.Random(kind).choices(range(most), k=cuts), 1):
        changed = changed_bundle(tmp_path, bundle, seed, CHANGED_BYTES)
        disk.leave(**{"names" if names else "room_bytes": room})
        with with_quota(tmp_path) if kind == "quota" else local() as device:
            assert FULL.fullmatch(refusal(device, changed))
        with local() as device:
            current = current_release(device)
            assert current is not None
            assert (current.number, current.changed) == (was, ())
            assert run_current(home, device) == 4
            disk.leave()
            was = deploy_bundle(device, changed).number
        assert int(was) == seed + 2  # none of those that failed is among them
        assert left_behind(home) == []


def test_a_first_deployment_that_does_not_fit_leaves_nothing(home, disk, bundle):
    for names in range(0, 24, 3):
        disk.leave(names=names)
        with pytest.raises(DeviceError, match="the disk is full"), local() as device:
            deploy_bundle(device, bundle)
        assert not list((home / STORE).glob("bundles/*"))
    disk.leave()
    with local() as device:
        assert deploy_bundle(device, bundle).number == "0001"
    assert left_behind(home) == []


def test_on_a_full_disk_one_can_list_and_remove(home, disk, bundle, tmp_path):
    with local() as device:
        deploy_bundle(device, bundle)
        deploy_bundle(device, changed_bundle(tmp_path, bundle, 1))
    disk.leave(room_bytes=0, names=0)
    with local() as device:
        with pytest.raises(DeviceError, match="the disk is full"):
            roll_back(device)
        assert [(release.number, release.current) for release in list_releases(device)] == [
            ("0001", False),
            ("0002", True),
        ]
        assert remove_releases(device).name == "small"
        assert list_releases(device) == ()
    assert left_behind(home) == []


def test_what_is_removed_makes_room(disk, bundle, tmp_path):
    first, second = (changed_bundle(tmp_path, bundle, seed, CHANGED_BYTES) for seed in (1, 2))
    with local() as device:
        deploy_bundle(device, first)
        disk.leave(room_bytes=MARGIN_BYTES + CHANGED_BYTES // 2)
        assert FULL.fullmatch(refusal(device, second))
        remove_releases(device)
    with local() as device:
        assert deploy_bundle(device, second).number == "0001"


def test_what_nobody_holds_makes_room(disk, tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).write_bytes(random.Random(name).randbytes(CHANGED_BYTES))
        if name == "second":
            disk.leave(room_bytes=MARGIN_BYTES + CHANGED_BYTES // 2)
        with local() as device:
            assert send_files(device.session, {name: sendable(tmp_path / name)}, "send") == CHANGED_BYTES
