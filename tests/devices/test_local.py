"""This machine as a device."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgekit_devices.local import LocalDevice
from edgekit_runtime.errors import DeviceError


def python(script: str) -> tuple[str, ...]:
    return (sys.executable, "-c", script)


def running(pid: int) -> bool:
    listing = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(listing.strip()) and not listing.startswith("Z")


def test_it_tells_what_it_is():
    info = LocalDevice().probe()
    assert info.machine == platform.machine()
    assert info.python == platform.python_version()


def test_a_command_gives_its_status_and_what_it_wrote():
    script = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(5)"
    completed = LocalDevice().run(python(script), timeout_s=60)
    assert (completed.status, completed.stdout, completed.stderr) == (5, "out\n", "err\n")


def test_lines_of_stderr_come_while_the_command_runs(tmp_path):
    script = (
        "import os, sys, time\n"
        "print('first', file=sys.stderr, flush=True)\n"
        "while not os.path.exists(sys.argv[1]): time.sleep(0.01)\n"
        "print('second', file=sys.stderr)\n"
    )
    lines = []

    def listen(line: str) -> None:
        lines.append(line)
        (tmp_path / "seen").touch()  # without it, the command never ends

    LocalDevice().run((*python(script), str(tmp_path / "seen")), timeout_s=60, on_stderr=listen)
    assert lines == ["first\n", "second\n"]


def test_output_larger_than_a_pipe_is_kept_whole():
    script = "import sys; sys.stderr.write('e' * 300_000); sys.stdout.write('o' * 300_000)"
    completed = LocalDevice().run(python(script), timeout_s=60)
    assert (len(completed.stdout), len(completed.stderr)) == (300_000, 300_000)


def test_a_command_reads_nothing_from_the_terminal():
    completed = LocalDevice().run(python("import sys; print(repr(sys.stdin.read()))"), timeout_s=60)
    assert completed.stdout == "''\n"


def test_a_command_ended_by_a_signal_has_a_negative_status():
    completed = LocalDevice().run(python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"), timeout_s=60)
    assert completed.status == -9


def test_a_command_that_does_not_end_is_ended_with_all_that_it_started(tmp_path):
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open(sys.argv[1], 'w').write(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    with pytest.raises(DeviceError, match="did not end within 2 s"):
        LocalDevice().run((*python(script), str(tmp_path / "pid")), timeout_s=2)
    child = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while running(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not running(child)


def test_a_failure_of_the_listener_ends_the_command(tmp_path):
    script = (
        "import os, sys, time\n"
        "open(sys.argv[1], 'w').write(str(os.getpid()))\n"
        "print('x', file=sys.stderr, flush=True)\n"
        "time.sleep(600)\n"
    )

    def interrupted(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LocalDevice().run((*python(script), str(tmp_path / "pid")), timeout_s=60, on_stderr=interrupted)
    assert not running(int((tmp_path / "pid").read_text()))


def test_a_program_that_is_not_there_is_a_device_error(tmp_path):
    with pytest.raises(DeviceError, match="cannot be started"):
        LocalDevice().run((str(tmp_path / "none"),), timeout_s=60)


def test_a_file_stays_where_it_is_under_its_full_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.tflite").touch()
    assert LocalDevice().push(Path("m.tflite"), "other") == os.path.join(tmp_path, "m.tflite")


def test_a_file_is_brought_from_there(tmp_path):
    (tmp_path / "there").write_text("content")
    LocalDevice().pull(str(tmp_path / "there"), tmp_path / "here")
    assert (tmp_path / "here").read_text() == "content"


def test_a_file_that_is_not_there_is_a_device_error(tmp_path):
    with pytest.raises(DeviceError, match="none cannot be copied"):
        LocalDevice().pull(str(tmp_path / "none"), tmp_path / "here")
