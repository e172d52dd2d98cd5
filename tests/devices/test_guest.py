"""The whole way over true SSH to a kernel of ARM, under qemu-system: memory there is what that kernel counted."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.benching import bench
from edgekit.deploying import deploy, deployed, remove
from edgekit_devices.catalog import open_device
from edgekit_devices.deployment import ServiceUnit
from edgekit_runtime.errors import DeviceError
from edgekit_runtime.runs import BenchSettings
from tests.bundle_files import dense_bundle
from tests.devices.deployments import changed_bundle
from tests.devices.standin.guest import MEMORY_MIB, WITH_SYSTEMD, Guest, run_guest
from tests.devices.standin.userland import UnavailableError

pytestmark = pytest.mark.device
SHORT = BenchSettings(max_runs=5, warmup_s=0.0, sample_s=0.0, min_samples=2, energy_s=0.0)
PI, ROOT = "ssh://pi@board", "ssh://root@board"
PORT = 8181
ASK = """
import sys, time, urllib.request
for _ in range(120):  # it checks golden outputs first
    try:
        print(urllib.request.urlopen(sys.argv[1], timeout=60).read().decode())
        break
    except OSError:
        time.sleep(1)
"""
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def guest() -> Iterator[Guest]:
    try:
        with run_guest() as running:
            yield running
    except UnavailableError as error:
        pytest.skip(str(error))


def test_a_kernel_of_arm_keeps_what_is_deployed_and_counts_its_memory(guest: Guest, use_ssh, tmp_path: Path):
    use_ssh(guest)
    with open_device(PI) as device:
        assert (device.probe().machine, device.probe().bits) == ("aarch64", 64)
        cpuinfo = device.run(("cat", "/proc/cpuinfo"), timeout_s=60).stdout
    assert "CPU implementer\t: 0x41" in cpuinfo
    assert "CPU part\t: 0xd08" in cpuinfo

    bundle = dense_bundle(tmp_path, "int8")
    assert deploy(bundle, device=PI).golden.samples == 4
    assert [(release.number, release.current) for release in deployed(PI)] == [("0001", True)]

    report = bench(bundle, device=PI, target="raspberry-pi-4b", settings=SHORT)
    assert (report.record.golden.samples, report.record.golden.worst) == (4, 0.0)
    memory = report.record.environment.memory_bytes.value
    assert memory is not None
    assert 0.9 * MEMORY_MIB * MIB < memory < MEMORY_MIB * MIB  # as the kernel was given, not as this machine has
    whole, added = report.figure("peak_rss"), report.figure("model_memory")
    assert (whole.mode, added.mode) == ("measured", "measured")
    assert whole.value is not None
    assert added.value is not None
    assert report.record.model.size_bytes < added.value < whole.value < 200 * MIB


def test_systemd_of_arm_serves_what_is_deployed_until_it_is_removed(use_ssh, tmp_path: Path):
    with contextlib.ExitStack() as running:
        try:
            use_ssh(running.enter_context(run_guest(WITH_SYSTEMD)))
        except UnavailableError as error:
            pytest.skip(str(error))
        bundle = dense_bundle(tmp_path, "int8")
        unit = "edgekit-small.service"
        by_hand = f"/etc/systemd/system/{unit}.d/by-hand.conf"  # an administrator's settings
        with open_device(ROOT) as device:

            def told(*argv: str) -> str:
                return device.run(argv, timeout_s=300).stdout.strip()

            told("sh", "-c", "mkdir ${0%/*} && printf '[Service]\\nUser=nobody\\n' >$0", by_hand)
            with pytest.raises(DeviceError, match="no service was installed, though the bundle itself is") as caught:
                deploy(bundle, device=ROOT, service_port=PORT)
            assert re.search(f"{unit} does not start: [^\n]+: Permission denied", str(caught.value))
            assert told("systemctl", "list-unit-files", "--no-legend", unit) == ""
            assert told("systemctl", "is-active", unit) == "inactive"

            told("rm", by_hand)
            service = deploy(bundle, device=ROOT, service_port=PORT).service
            assert service == ServiceUnit(unit, f"http://127.0.0.1:{PORT}", starts_at_boot=True)
            assert told("systemctl", "is-enabled", unit) == "enabled"
            assert '"state": "ready"' in told("python3", "-c", ASK, f"http://127.0.0.1:{PORT}/ready")
            first = told("systemctl", "show", "--property=MainPID", unit)
            assert deploy(bundle, device=ROOT, service_port=PORT).service == replace(service, left_running=True)
            assert told("systemctl", "show", "--property=MainPID", unit) == first
            deploy(changed_bundle(tmp_path, bundle, 1), device=ROOT)
            assert told("systemctl", "show", "--property=MainPID", unit) != first
            assert told("systemctl", "is-active", unit) == "active"
            remove(ROOT)
            assert told("systemctl", "is-active", unit) == "inactive"
            assert told("systemctl", "list-unit-files", "--no-legend", unit) == ""
