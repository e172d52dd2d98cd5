"""The whole way over true SSH: to a Raspberry Pi stand-in, which runs arm64 code; see tests/devices/standin."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgekit.benching import bench
from edgekit.deploying import deploy, deployed, remove, rollback
from edgekit.pipeline.convert import convert
from edgekit.pipeline.request import Request
from edgekit.reports.report import write_report
from edgekit_converters.source import SourceInfo
from edgekit_devices.address import parse_address
from edgekit_devices.bench import bench_on
from edgekit_devices.catalog import open_device, open_remote
from edgekit_devices.deployment import check_on, deploy_bundle
from edgekit_devices.equip import equip
from edgekit_devices.package import build_runtime
from edgekit_devices.program import session_program
from edgekit_devices.remote import RemoteDevice
from edgekit_devices.ssh import OPTIONS, SshTransport
from edgekit_runtime.errors import DeviceError
from edgekit_runtime.litert import LiteRtInterpreter
from edgekit_runtime.runs import BenchSettings
from edgekit_runtime.tensor import TensorSpec
from tests.bundle_files import dense_bundle, write_bundle
from tests.devices.conftest import STORE, standin_or_skip
from tests.devices.fakes import CutTransport
from tests.devices.standin.boards import BOARDS

pytestmark = pytest.mark.device
SHORT = BenchSettings(max_runs=5, warmup_s=0.0, sample_s=0.0, min_samples=2, energy_s=0.0)
PI = "ssh://pi@board"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    for scheme in ("int8", "float32"):
        (folder / scheme).mkdir()
    return dense_bundle(folder / "int8", "int8"), dense_bundle(folder / "float32", "float32")


@pytest.fixture
def ssh(standin, use_ssh):
    """The stand-in as `board`, by the user's configuration; each test leaves nothing deployed."""
    log = use_ssh(standin)
    yield log
    for release in {release.name for release in deployed(PI)}:
        remove(PI, release)


def test_it_is_a_raspberry_pi(ssh):
    with open_device(PI) as device:
        info = device.probe()
    assert (info.machine, info.bits, info.glibc) == ("aarch64", 64, "2.36")
    assert info.board == BOARDS["pi4"].model
    assert info.interpreters == ()


def test_words_of_a_command_stay_as_they_are(ssh):
    words = ("a b", "$HOME", "'", '"', ";ls", "-n", "ü", "*", "\\", "", "!!")
    with open_device(PI) as device:
        completed = device.run(("python3", "-c", "import sys; print(ascii(sys.argv[1:]))", *words), timeout_s=60)
    assert completed.stdout == f"{list(words)!a}\n"


def test_deploying_takes_one_connection_and_one_remote_command(ssh, bundles):
    deploy(bundles[0], device=PI)
    ssh.write_text("")
    done = deploy(bundles[1], device=PI)
    assert (done.number, done.golden.samples) == ("0002", 4)
    assert len(ssh.read_text().splitlines()) == 1
    assert rollback(PI).release.number == "0001"
    assert [(release.number, release.current) for release in deployed(PI)] == [("0001", True), ("0002", False)]


def test_a_connection_that_drops_leaves_what_was_deployed(ssh, bundles):
    deploy(bundles[0], device=PI)

    class Dropping(SshTransport):
        def argv(self, command):
            return CutTransport("drop", after_bytes=points.pop()).argv(super().argv(command))

    points = [20_000, len(session_program()) + 2_000]
    while points:
        with pytest.raises(DeviceError), RemoteDevice(Dropping(parse_address(PI))) as device:
            deploy_bundle(device, bundles[1])
    assert [(release.number, release.current, release.changed) for release in deployed(PI)] == [("0001", True, ())]


def test_a_report_tells_the_board_and_nothing_secret(ssh, bundles, standin, tmp_path):
    report = bench(bundles[0], device="ssh://noisy@board", target="raspberry-pi-4b", settings=SHORT)
    assert report.record.environment.board.value == BOARDS["pi4"].model
    assert report.record.environment.cpu.value == "ARM Cortex-A72"
    assert report.record.golden.samples == 4
    write_report(report, tmp_path / "r.json")
    text = (tmp_path / "r.json").read_text()
    assert json.loads(text)["schema"] == "edgekit/report"
    for secret in (str(standin.folder), "noisy", "127.0.0.1", (standin.folder / "key").read_text().split("\n")[1]):
        assert secret not in text
    assert list((standin.home("noisy") / STORE / "sessions").iterdir()) == []


MODELS = (
    *("pretrainedResnet.tflite", "kws_ref_model_float32.tflite", "vww_96_float.tflite"),
    *("pretrainedResnet_quant.tflite", "kws_ref_model.tflite", "vww_96_int8.tflite"),
)


# All in one process there, as each costs seconds to start under emulation.
CHECK_ALL = """
import sys
sys.path.insert(0, sys.argv[1])
from edgekit_runtime.bench import check
for path in sys.argv[2:]:
    golden = check(path)
    print(golden.samples, golden.worst, golden.unit)
"""


def model_bundle(folder: Path, model: Path) -> Path:
    """A bundle of a model whose golden outputs were computed here."""
    interpreter = LiteRtInterpreter(str(model))
    names = interpreter.signature()
    specs = {spec.name: spec for spec in (*interpreter.inputs, *interpreter.outputs)}
    inputs, outputs = (
        [TensorSpec(name, (-1, *specs[stored].shape[1:]), "float32") for name, stored in side.items()] for side in names
    )
    generator = np.random.default_rng(7)
    values = {spec.name: generator.random((4, *spec.shape[1:]), np.float32) for spec in inputs}
    info = SourceInfo(tuple(inputs), tuple(outputs), 0, ())
    return write_bundle(folder / model.stem, model, info, "int8", values)


@pytest.mark.parametrize("board", ["pi3", "pi4", "pi5"])
def test_models_give_on_each_processor_what_they_give_here(assets, tmp_path, use_ssh, board):
    with standin_or_skip(board) as running:
        use_ssh(running)
        with open_remote(PI) as device:
            equip(device, "tflite")
            runtime = device.push(build_runtime(tmp_path / "runtime.pyz"), "runtime.pyz")
            bundles = [device.push(model_bundle(tmp_path, assets / "mlperf-tiny" / name), name) for name in MODELS]
            completed = device.run((device.python, "-c", CHECK_ALL, runtime, *bundles), timeout_s=300)
    lines = [line.split() for line in completed.stdout.splitlines()]
    assert [samples for samples, _, _ in lines] == ["4"] * len(MODELS), completed.stderr
    assert all(unit == "range" or float(worst) == 0.0 for _, worst, unit in lines)  # int8 by XNNPACK is exact


def test_onnx_models_run_by_onnxruntime(assets, tmp_path, ssh):
    with open_remote(PI) as device:
        equip(device, "onnx")
        runtime = device.push(build_runtime(tmp_path / "runtime.pyz"), "runtime.pyz")
        model = device.push(assets / "ort-examples/mnist.onnx", "mnist.onnx")
        assert "bare model file" in check_on(device, (device.python, runtime), model).reason


def test_a_32_bit_system_gets_tflite_runtime_and_keeps_its_own_numpy(bundles, use_ssh):
    with standin_or_skip("pi4-32") as running:
        use_ssh(running)
        with open_remote(PI) as device:
            info = device.probe()
            assert (info.machine, info.bits, info.numpy) == ("armv7l", 32, "1.24.2")
            golden = deploy_bundle(device, bundles[0]).golden
            with pytest.raises(DeviceError, match=r"no interpreter for \.onnx models exists for it \(armv7l"):
                equip(device, "onnx")
        assert golden.samples == 4
        assert golden.worst <= 1.0  # its kernels round otherwise than XNNPACK


def test_a_converted_model_gives_on_a_32_bit_system_what_builtin_kernels_give_here(assets, tmp_path, use_ssh):
    request = Request(
        assets / "mlperf-tiny/pretrainedResnet.h5",
        "raspberry-pi-4b",
        "int8",
        calibrate=assets / "data/cifar10_test_0000-0499.npz",
        samples=64,
        output=tmp_path / "resnet8",
    )
    bundle = convert(request).path
    with standin_or_skip("pi4-32") as running:
        use_ssh(running)
        with open_remote(PI) as device:
            golden = deploy_bundle(device, bundle).golden
    assert (golden.samples, golden.unit) == (4, "step")
    assert golden.worst <= 1.0


def test_an_interpreter_that_dies_of_an_unknown_instruction_says_so_and_the_device_lives(assets, use_ssh, tmp_path):
    with standin_or_skip("liar") as running:
        use_ssh(running)
        with open_remote(PI) as device:
            with pytest.raises(DeviceError, match="SIGILL"):
                bench_on(device, assets / "mlperf-tiny" / MODELS[-1], SHORT)
            assert device.run(("true",), timeout_s=60).status == 0


def test_a_full_disk_is_told_before_anything_is_sent(ssh, bundles):
    with pytest.raises(DeviceError, match=r"ssh://small@board: the disk is full: 3\d\.\d MB are to come, 1\.\d MB are"):
        deploy(bundles[0], device="ssh://small@board")


def test_a_disk_that_fills_up_on_the_way_is_told_and_emptied_again(ssh):
    file = {"sha256": "0" * 64, "size": 3_000_000, "offset": 0}
    with open_remote("ssh://small@board") as device:
        device.session.call("missing", {"sizes": {}})
        with pytest.raises(DeviceError, match=r"small@board: the disk is full\. Remove what"):
            device.session.call("put", {"files": [file]}, data=[bytes(3_000_000)])
        listed = device.run(("find", f"/home/small/{STORE}", "-name", "*.part"), timeout_s=60)
        assert (listed.status, listed.stdout) == (0, "")


def test_a_read_only_home_is_told(ssh, bundles):
    with pytest.raises(DeviceError, match=r"/home/frozen/.* cannot be written: Read-only file system"):
        deploy(bundles[0], device="ssh://frozen@board")


def test_an_unknown_host_key_is_refused_with_the_command_to_see_it(ssh, standin):
    with pytest.raises(DeviceError, match="its host key is unknown, so nothing was sent") as caught:
        open_device(f"ssh://pi@127.0.0.1:{standin.port}")
    assert f"ssh-keyscan -p {standin.port} 127.0.0.1 | ssh-keygen -lf -" in caught.value.hint


def test_a_changed_host_key_is_refused_with_the_command_to_see_it(standin, use_ssh, tmp_path):
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{standin.port} {other.with_suffix('.pub').read_text()}")
    use_ssh(standin, f"UserKnownHostsFile={known}")
    with pytest.raises(DeviceError, match="its host key is another one than before, so nothing was sent") as caught:
        open_device(PI)
    assert f"ssh-keyscan -p {standin.port} 127.0.0.1" in caught.value.hint
    assert f"ssh-keygen -R '[127.0.0.1]:{standin.port}'" in caught.value.hint


def test_a_wrong_key_is_refused_with_what_to_do(standin, use_ssh, tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "wrong"], check=True)
    use_ssh(standin, f"IdentityFile={tmp_path / 'wrong'}", "IdentityAgent=none", without_key=True)
    with pytest.raises(DeviceError, match="it refused to let this user in") as caught:
        open_device(PI)
    assert "ssh-copy-id pi@board" in caught.value.hint
    assert str(tmp_path) not in str(caught.value)


def test_a_host_that_hangs_is_given_up(use_ssh, standin, monkeypatch):
    monkeypatch.setitem(OPTIONS, "ConnectTimeout", "1")
    use_ssh(standin)
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, pytest.raises(DeviceError, match=r"it does not answer|the connection broke"):
        open_device(f"ssh://pi@127.0.0.1:{silent.getsockname()[1]}")


def test_nothing_is_left_running_there(ssh):
    with open_device(PI) as device:
        device.run(("sh", "-c", "sleep 300 & sleep 301 &"), timeout_s=60)
    with open_device(PI) as device:
        listed = device.run(("ps", "-eo", "args"), timeout_s=60).stdout
    assert "sleep 30" not in listed


def test_a_device_that_is_gone_in_the_middle_of_a_run_is_told(use_ssh):
    script = "import sys, time; print('x', file=sys.stderr, flush=True); time.sleep(60)"
    with standin_or_skip("pi4") as running:
        use_ssh(running)
        with open_remote(PI) as device, pytest.raises(DeviceError, match="ssh://pi@board: the connection"):
            device.run(("python3", "-c", script), timeout_s=60, on_stderr=lambda _: running.end())
