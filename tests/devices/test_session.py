"""A session with a device: what may stand in its way, and what it leaves."""

from __future__ import annotations

import sys
import time

import pytest

from edgekit_devices.device import DeviceInfo
from edgekit_devices.local_transport import LocalTransport
from edgekit_devices.remote import RemoteDevice
from edgekit_devices.session import Session
from edgekit_runtime.child import UnexpectedError
from edgekit_runtime.errors import DeviceError
from tests.devices.conftest import STORE
from tests.devices.fakes import CutTransport, ShellTransport, python_that_is


def running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().split()[2] != "Z"
    except FileNotFoundError:
        return False


def sessions(home):
    return list((home / STORE / "sessions").iterdir())


def test_a_device_tells_what_it_is(device):
    info = device.probe()
    assert isinstance(info, DeviceInfo)
    assert info.python == ".".join(map(str, sys.version_info[:3]))
    assert (info.bits, info.cores > 0, info.executable) == (64, True, sys.executable)
    assert any(name.startswith("ai-edge-litert ") for name in info.interpreters)


def test_a_command_gives_its_status_and_both_outputs(device):
    script = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(5)"
    lines = []
    completed = device.run((sys.executable, "-c", script), timeout_s=60, on_stderr=lines.append)
    assert (completed.status, completed.stdout, completed.stderr, lines) == (5, "out\n", "err\n", ["err\n"])


def test_words_of_a_command_stay_as_they_are(device):
    words = ("a b", "$HOME", "'", '"', ";ls", "-n", "ü", "*", "\\", "")
    script = "import sys; print(sys.argv[1:])"
    assert device.run((sys.executable, "-c", script, *words), timeout_s=60).stdout == f"{list(words)}\n"


def test_a_command_that_a_signal_ends_has_a_negative_status(device):
    script = "import os; os.kill(os.getpid(), 9)"
    assert device.run((sys.executable, "-c", script), timeout_s=60).status == -9


def test_a_program_that_is_not_there_is_a_device_error(device):
    with pytest.raises(DeviceError, match="none cannot be started: no such file"):
        device.run(("/none",), timeout_s=60)


def test_a_command_that_does_not_end_is_ended_and_the_session_goes_on(device, tmp_path):
    script = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    with pytest.raises(DeviceError, match="did not end within 1 s"):
        device.run((sys.executable, "-c", script), timeout_s=1)
    assert not running(int((tmp_path / "pid").read_text()))
    assert device.run(("true",), timeout_s=60).status == 0


def test_the_end_of_the_connection_ends_what_runs_there_and_removes_scratch_files(home, tmp_path):
    script = (
        "import os, sys, time\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "print('x', file=sys.stderr, flush=True)\n"
        "time.sleep(600)\n"
    )
    (tmp_path / "file").write_text("content")

    def interrupted(line: str) -> None:
        raise KeyboardInterrupt

    with RemoteDevice(LocalTransport(), sys.executable) as device:
        device.push(tmp_path / "file", "file")
        with pytest.raises(KeyboardInterrupt):
            device.run((sys.executable, "-c", script), timeout_s=600, on_stderr=interrupted)
    deadline = time.monotonic() + 10
    while sessions(home) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not running(int((tmp_path / "pid").read_text()))
    assert sessions(home) == []


def test_what_a_killed_session_left_goes_with_the_next_one(home, tmp_path):
    (tmp_path / "file").write_text("content")
    with RemoteDevice(CutTransport("kill", after_call="run"), sys.executable) as device:
        device.push(tmp_path / "file", "file")
        with pytest.raises(DeviceError, match="local: the connection ended"):
            device.run(("sleep", "60"), timeout_s=100)
    assert len(sessions(home)) == 1
    with RemoteDevice(LocalTransport(), sys.executable) as device:
        device.push(tmp_path / "file", "file")
        assert len(sessions(home)) == 1  # its own


@pytest.mark.parametrize(
    "first", ["echo Welcome", "printf 'no end of line'", 'echo {\\"result\\": {}}; echo oops >&2', "seq 5000"]
)
def test_what_a_login_shell_prints_changes_nothing(home, first):
    with RemoteDevice(ShellTransport(first), sys.executable) as device:
        assert device.run(("echo", "x"), timeout_s=60).stdout == "x\n"


def test_a_device_without_python_says_so(home, tmp_path):
    with pytest.raises(DeviceError, match=r"local: there is no python3\.") as caught:
        Session(ShellTransport(search_path=str(tmp_path)))
    assert "Python 3.9 or newer" in caught.value.hint


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 8, 10)])
def test_a_python_that_is_too_old_is_named_with_what_would_do(home, tmp_path, version):
    python = python_that_is(tmp_path, version)
    text = ".".join(map(str, version))
    with pytest.raises(DeviceError, match=f"its Python {text} is too old") as caught:
        Session(LocalTransport(), str(python))
    assert "Python 3.9 or newer" in caught.value.hint


def test_a_device_that_hangs_is_given_up(home, monkeypatch):
    monkeypatch.setattr("edgekit_devices.session.START_S", 0.5)
    with pytest.raises(DeviceError, match=r"it did not answer within 0\.5 s"):
        Session(ShellTransport("sleep 60"), sys.executable)


def test_a_device_that_stops_answering_is_given_up(home):
    with Session(LocalTransport(), sys.executable) as session:
        script = "import os, signal; os.kill(os.getppid(), signal.SIGSTOP)"
        with pytest.raises(DeviceError, match="it stopped answering within 1 s"):
            session.call("run", {"argv": [sys.executable, "-c", script], "timeout_s": 600}, timeout_s=1)


def test_a_host_that_is_silent_for_too_long_counts_as_gone(home, tmp_path, monkeypatch):
    monkeypatch.setattr("edgekit_devices.session.SILENCE_S", 1.0)
    script = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    with (
        RemoteDevice(LocalTransport(), sys.executable) as device,
        pytest.raises(DeviceError, match="the connection ended"),
    ):
        device.run((sys.executable, "-c", script), timeout_s=600)
    assert not running(int((tmp_path / "pid").read_text()))


def test_a_host_that_shows_that_it_is_there_may_wait(home, monkeypatch):
    monkeypatch.setattr("edgekit_devices.session.SILENCE_S", 2.0)
    monkeypatch.setattr("edgekit_devices.session.BEAT_S", 0.1)
    with RemoteDevice(LocalTransport(), sys.executable) as device:
        assert device.run(("sleep", "3"), timeout_s=60).status == 0
        time.sleep(3)
        assert device.run(("echo", "x"), timeout_s=60).stdout == "x\n"


def test_a_failure_of_the_devices_side_is_a_bug(home):
    with Session(LocalTransport(), sys.executable) as session:
        with pytest.raises(UnexpectedError, match="local: Traceback"):
            session.call("frobnicate")
        assert session.call("survey")["bits"] == 64


def test_a_client_that_is_not_installed_is_told(home):
    class Missing(LocalTransport):
        def argv(self, command):
            return ("/none/ssh", *command)

    with pytest.raises(DeviceError, match="/none/ssh cannot be started: no such file or directory"):
        Session(Missing())


def test_a_home_that_cannot_be_written_is_the_devices_fault(home, tmp_path):
    (home / ".local").write_text("a file is in the way")
    (tmp_path / "file").touch()
    with (
        RemoteDevice(LocalTransport(), sys.executable) as device,
        pytest.raises(DeviceError, match=r"\.local/share/edgekit cannot be written: Not a directory"),
    ):
        device.push(tmp_path / "file", "file")


def test_a_file_goes_there_and_comes_back(device, tmp_path):
    (tmp_path / "here").write_bytes(bytes(range(256)) * 3000)
    there = device.push(tmp_path / "here", "there")
    device.pull(there, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "here").read_bytes()


def test_a_folder_goes_there_whole(device, tmp_path):
    (tmp_path / "tree/deep").mkdir(parents=True)
    (tmp_path / "tree/deep/a").write_text("1")
    (tmp_path / "tree/b").write_text("1")  # the same content
    there = device.push(tmp_path / "tree", "tree")
    assert device.run(("find", there, "-type", "f", "-size", "1"), timeout_s=60).stdout.count("\n") == 2


def test_a_file_that_is_not_there_cannot_be_pulled_and_leaves_nothing(device, tmp_path):
    with pytest.raises(DeviceError, match="none: no such file or directory"):
        device.pull("/none", tmp_path / "back")
    assert not list(tmp_path.glob("*back*"))
