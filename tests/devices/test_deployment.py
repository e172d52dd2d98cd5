"""Deploying is a transaction: whatever breaks, the release that was current still is, and still runs."""

from __future__ import annotations

import random
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit_devices.deployment import deploy_bundle, list_releases, remove_releases, roll_back
from edgekit_devices.local_transport import LocalTransport
from edgekit_devices.remote import RemoteDevice
from edgekit_runtime.bundle import open_bundle
from edgekit_runtime.errors import BundleError, DeviceError, UserError
from edgekit_runtime.golden import read_golden
from tests.bundle_files import dense_bundle, seal
from tests.devices.conftest import STORE
from tests.devices.deployments import CUTS, changed_bundle, current_number, local, run_current
from tests.devices.fakes import CutTransport, full_disk_device


@pytest.fixture(scope="module")
def bundles(tmp_path_factory) -> tuple[Path, Path]:
    """Two bundles of the same name."""
    folder = tmp_path_factory.mktemp("bundles")
    for scheme in ("int8", "float32"):
        (folder / scheme).mkdir()
    return dense_bundle(folder / "int8", "int8"), dense_bundle(folder / "float32", "float32")


def test_a_bundle_is_checked_there_and_becomes_current(home, bundles):
    with local() as device:
        done = deploy_bundle(device, bundles[0])
    assert (done.device, done.name, done.number, done.golden.samples) == ("local", "small", "0001", 4)
    assert Path(done.bundle, "manifest.json").read_bytes() == (bundles[0] / "manifest.json").read_bytes()
    assert run_current(home) == 4


def test_of_a_changed_bundle_only_what_changed_is_sent(home, bundles):
    with local() as device:
        deploy_bundle(device, bundles[0])
        done = deploy_bundle(device, bundles[1])
        again = deploy_bundle(device, bundles[1])
    model, golden = (bundles[1] / name for name in ("model.tflite", "golden.npz"))
    manifest = bundles[1] / "manifest.json"
    assert done.sent_bytes == sum(path.stat().st_size for path in (model, golden, manifest))
    assert again.sent_bytes == 0


def test_a_zip_is_deployed_as_its_folder(home, bundles, tmp_path):
    packed = shutil.make_archive(str(tmp_path / "small"), "zip", bundles[0])
    with local() as device:
        deploy_bundle(device, bundles[0])
        assert deploy_bundle(device, Path(packed)).sent_bytes == 0


def test_the_last_releases_are_kept_and_one_can_go_back(home, bundles):
    with local() as device:
        for turn in range(5):
            deploy_bundle(device, bundles[turn % 2])
        releases = list_releases(device)
        assert [(release.number, release.scheme) for release in releases] == [
            ("0003", "int8"),
            ("0004", "float32"),
            ("0005", "int8"),
        ]
        assert [release.current for release in releases] == [False, False, True]
        assert roll_back(device).release.number == "0004"
        assert roll_back(device, "small").release.number == "0003"
        with pytest.raises(DeviceError, match="small has no earlier release here"):
            roll_back(device)
        assert deploy_bundle(device, bundles[1]).number == "0006"


def test_what_is_current_already_is_checked_again_and_pushes_nothing_out(home, bundles):
    with local() as device:
        for turn in range(2):
            deploy_bundle(device, bundles[turn])
        for _ in range(3):
            done = deploy_bundle(device, bundles[1])
            assert (done.number, done.golden.samples) == ("0002", 4)
        assert [release.number for release in list_releases(device)] == ["0001", "0002"]
        assert not (home / STORE / "bundles/small/staging").exists()
        assert roll_back(device).release.number == "0001"
        assert deploy_bundle(device, bundles[0], keep=2).number == "0001"
        assert [release.number for release in list_releases(device)] == ["0001", "0002"]
        assert deploy_bundle(device, bundles[0], keep=1).number == "0001"
        assert [release.number for release in list_releases(device)] == ["0001"]


@pytest.mark.parametrize("file", ["bundle/model.tflite", "python"])
def test_what_is_current_but_was_changed_is_deployed_anew(home, bundles, file):
    with local() as device:
        deploy_bundle(device, bundles[0])
        path = home / STORE / "bundles/small/releases/0001" / file
        path.write_bytes(path.read_bytes() + b"\n")
        assert deploy_bundle(device, bundles[0]).number == "0002"
    assert run_current(home) == 4


def test_a_release_that_was_gone_back_to_outlives_the_next_deployment(home, bundles):
    with local() as device:
        for turn in range(3):
            deploy_bundle(device, bundles[turn % 2], keep=2)
        assert roll_back(device).release.number == "0002"
        deploy_bundle(device, bundles[0], keep=2)
        assert [release.number for release in list_releases(device)] == ["0002", "0003", "0004"]
        deploy_bundle(device, bundles[1], keep=1)
        assert [release.number for release in list_releases(device)] == ["0005"]


def test_a_release_that_was_changed_there_is_told_and_not_gone_back_to(home, bundles):
    with local() as device:
        deploy_bundle(device, bundles[0])
        deploy_bundle(device, bundles[1])
        model = home / STORE / "bundles/small/releases/0001/bundle/model.tflite"
        model.write_bytes(b"x" * model.stat().st_size)
        assert [release.changed for release in list_releases(device)] == [("bundle/model.tflite",), ()]
        with pytest.raises(DeviceError, match=r"release 0001 of small was changed .*: bundle/model.tflite") as caught:
            roll_back(device)
        assert "Deploy that bundle again" in caught.value.hint
        assert deploy_bundle(device, bundles[0]).golden.samples == 4  # the damaged file is not taken for it


def test_removing_leaves_nothing_of_the_bundle(home, bundles):
    with local() as device:
        deploy_bundle(device, bundles[0])
        assert remove_releases(device).name == "small"
        assert list_releases(device) == ()
    assert not list((home / STORE).rglob("model.tflite"))


def test_what_is_not_deployed_is_named_with_what_is(home, bundles):
    with local() as device:
        with pytest.raises(UserError, match="nothing is deployed there"):
            roll_back(device)
        with pytest.raises(DeviceError, match="no bundle other is deployed here; deployed: none"):
            roll_back(device, "other")
        deploy_bundle(device, bundles[0])
        with pytest.raises(DeviceError, match="no bundle other is deployed here; deployed: small"):
            remove_releases(device, "other")
        with pytest.raises(DeviceError, match="no name of a bundle"):
            remove_releases(device, "../../..")


def test_of_several_bundles_one_must_be_named(home, bundles, tmp_path):
    other = shutil.copytree(bundles[0], tmp_path / "other")
    with open_bundle(other) as bundle:
        golden = read_golden(bundle.golden_path, bundle.manifest)
        seal(other, replace(bundle.manifest, name="other"), golden)
    with local() as device:
        for each in (bundles[0], other):
            deploy_bundle(device, each)
        with pytest.raises(UserError, match="several bundles are deployed there; name one of: other, small"):
            remove_releases(device)
        assert remove_releases(device, "other").name == "other"
        assert remove_releases(device).name == "small"


def test_a_damaged_bundle_is_not_sent(home, bundles, tmp_path):
    broken = shutil.copytree(bundles[0], tmp_path / "broken")
    (broken / "model.tflite").write_bytes(b"x")
    with local() as device, pytest.raises(BundleError, match="damaged"):
        deploy_bundle(device, broken)


def test_other_outputs_than_the_golden_ones_leave_the_old_release_current(home, bundles, tmp_path):
    wrong = shutil.copytree(bundles[1], tmp_path / "wrong")
    with open_bundle(wrong) as bundle:
        golden = read_golden(bundle.golden_path, bundle.manifest)
        seal(wrong, bundle.manifest, replace(golden, outputs=tuple(output + 1 for output in golden.outputs)))
    with local() as device:
        deploy_bundle(device, bundles[0])
        with pytest.raises(DeviceError, match="golden"):
            deploy_bundle(device, wrong)
    assert current_number() == "0001"
    assert run_current(home) == 4


def test_two_deployments_at_once_do_not_meet(home, bundles):
    with local() as device, local() as other:
        other.session.call("lock")
        with pytest.raises(DeviceError, match="another deployment to this device is under way"):
            deploy_bundle(device, bundles[0])
    with local() as device:  # with the other session, its lock is gone
        assert deploy_bundle(device, bundles[0]).number == "0001"


def test_a_clock_that_is_wrong_by_a_year_changes_nothing(home, bundles, tmp_path):
    slow = tmp_path / "python3"
    lie = "import sys, time; real = time.time; time.time = lambda: real() - 31_536_000"
    code = f"{lie}; code = sys.argv[2]; sys.argv = ['-c', *sys.argv[3:]]; exec(code)"
    slow.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}" "$@"\n')
    slow.chmod(0o755)
    with RemoteDevice(LocalTransport(), str(slow)) as device:
        assert time_off(device) > 31_000_000
        assert deploy_bundle(device, bundles[0]).golden.samples == 4


def time_off(device: RemoteDevice) -> float:
    return time.time() - device.probe().clock_s


def test_an_agent_that_is_killed_for_its_memory_says_so(home, bundles, tmp_path, monkeypatch):
    killer = tmp_path / "killer.pyz"
    killer.write_text("import os; os.kill(os.getpid(), 9)")
    monkeypatch.setattr("edgekit_devices.deployment.build_runtime", lambda target: killer)
    with local() as device, pytest.raises(DeviceError, match="the agent ended with status -9") as caught:
        deploy_bundle(device, bundles[0])
    assert "run out of memory" in caught.value.hint
    assert current_number() == ""


def test_an_interpreter_that_hangs_is_ended_and_told(home, bundles, tmp_path, monkeypatch):
    hanging = tmp_path / "hanging.pyz"
    hanging.write_text("import time; time.sleep(600)")
    monkeypatch.setattr("edgekit_devices.deployment.build_runtime", lambda target: hanging)
    monkeypatch.setattr("edgekit_devices.deployment.CHECK_S", 1.0)
    with local() as device, pytest.raises(DeviceError, match="did not end within 1 s, so it was ended"):
        deploy_bundle(device, bundles[0])
    assert current_number() == ""


def by_a_user(folder: Path) -> RemoteDevice:
    """This machine, as if its user were not root."""
    python = folder / "python3"
    code = "import os, sys; os.geteuid = lambda: 1000; code = sys.argv[2]; sys.argv = ['-c', *sys.argv[3:]]; exec(code)"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}" "$@"\n')
    python.chmod(0o755)
    return RemoteDevice(LocalTransport(), str(python))


def test_without_systemd_the_bundle_is_deployed_but_not_served(home, bundles, tmp_path, monkeypatch):
    (tmp_path / "none").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    with (
        by_a_user(tmp_path) as device,
        pytest.raises(DeviceError, match=r"no systemd .* the bundle itself is deployed"),
    ):
        deploy_bundle(device, bundles[0], service_port=8080)
    assert current_number() == "0001"


def test_a_service_that_fails_later_is_told_beside_what_was_done(home, bundles, tmp_path, monkeypatch):
    with local() as device:
        deploy_bundle(device, bundles[0])
    unit = home / ".config/systemd/user/edgekit-small.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("ExecStart=x serve --port=8080")
    (tmp_path / "systemctl").write_text("#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n")
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with by_a_user(tmp_path) as device:
        done = deploy_bundle(device, bundles[1])
        back = roll_back(device)
        removed = remove_releases(device)
    assert (done.number, back.release.number, removed.name) == ("0002", "0001", "small")
    for warnings in (done.warnings, back.warnings, removed.warnings):
        assert "Failed to connect to bus" in warnings[0]
    assert "its service does not serve it" in done.warnings[0]
    assert not unit.exists()


def cut_deployment(transport: CutTransport, bundle: Path) -> bool:
    """Whether a deployment got to its end before its connection broke."""
    try:
        with RemoteDevice(transport, sys.executable) as device:
            deploy_bundle(device, bundle)
            return True
    except DeviceError as error:
        if "the connection ended" not in error.message:
            raise
        return False


@pytest.mark.slow
@pytest.mark.parametrize("how", ["drop", "kill"])
def test_a_connection_cut_anywhere_leaves_a_whole_release(home, bundles, tmp_path, how):
    with local() as device:
        deploy_bundle(device, bundles[0])
    assert cut_deployment(CutTransport(count=tmp_path / "count"), changed_bundle(tmp_path, bundles[1], 0))
    done, total = "0002", int((tmp_path / "count").read_text())
    for point in random.Random(how).sample(range(total), CUTS // 2):
        if cut_deployment(CutTransport(how, after_bytes=point), changed_bundle(tmp_path, bundles[1], point)):
            done = current_number()  # the last bytes only close the connection
        with local() as device:
            current = next(release for release in list_releases(device) if release.current)
        assert current.changed == ()
        assert current.number >= done
    assert run_current(home) == 4
    with local() as device:
        assert deploy_bundle(device, bundles[1]).golden.samples == 4


@pytest.mark.slow
@pytest.mark.parametrize("call", ["stage", "run", "switch"])
def test_a_loss_of_power_in_a_step_leaves_a_whole_release(home, bundles, call):
    with local() as device:
        deploy_bundle(device, bundles[0])
    for _ in range(4):
        transport = CutTransport("kill", after_call=call, delay_s=random.Random(call).uniform(0, 0.02))
        cut_deployment(transport, bundles[1])
        with local() as device:
            current = next(release for release in list_releases(device) if release.current)
        assert current.changed == ()
        assert run_current(home) == 4
    assert not list((home / STORE / "sessions").iterdir())


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_moment_leaves_a_whole_release(home, bundles, tmp_path):
    with local() as device:
        deploy_bundle(device, bundles[0])
    with full_disk_device(tmp_path, home, after=sys.maxsize) as device:
        deploy_bundle(device, changed_bundle(tmp_path, bundles[1], 0))
    done, total, failed = "0002", int((tmp_path / "made").read_text()), 0
    for number, point in enumerate(random.Random("disk").choices(range(total), k=CUTS), 1):
        try:
            with full_disk_device(tmp_path, home, after=point) as device:
                done = deploy_bundle(device, changed_bundle(tmp_path, bundles[1], number)).number
        except DeviceError as error:
            if "disk is full" not in error.message and "No space left" not in error.message:
                raise
            failed += 1
        with local() as device:
            current = next(release for release in list_releases(device) if release.current)
        assert current.changed == ()
        assert current.number == done
    assert failed > CUTS / 2  # the others took less than the first
    assert run_current(home) == 4
    with local() as device:
        assert deploy_bundle(device, bundles[1]).golden.samples == 4
    assert not list((home / STORE / "sessions").iterdir())
