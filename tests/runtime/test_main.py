"""`python3 -m edgekit_runtime` as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

COMMAND = [sys.executable, "-m", "edgekit_runtime"]


def soon(condition):
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def processes_with(text):
    """Processes that have a text in their command line or their environment, which children inherit."""
    listing = subprocess.run(["ps", "axeww"], capture_output=True, text=True, check=True).stdout
    return [line for line in listing.splitlines() if text in line]


def test_the_exit_status_is_the_agents():
    done = subprocess.run([*COMMAND, "bench", "none.tflite"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "none.tflite: no such file or directory." in done.stderr


def test_without_a_command_it_says_what_is_allowed():
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "bench|check" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_it_with_its_children_and_temporary_files(dense, tmp_path, number):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [*COMMAND, "bench", "--warmup=600", str(dense)], env=environment, stderr=subprocess.PIPE, text=True
    )
    for line in process.stderr:
        if line.startswith("progress: measure"):
            break
    assert list(tmp_path.glob("edgekit-bench-*"))
    assert soon(lambda: len(processes_with(str(tmp_path))) >= 2)  # the measuring process is there, too
    process.send_signal(number)
    assert process.wait(timeout=30) == 130
    assert "interrupted" in process.stderr.read()
    process.stderr.close()
    assert not list(tmp_path.glob("edgekit-bench-*"))
    assert soon(lambda: not processes_with(str(tmp_path)))
