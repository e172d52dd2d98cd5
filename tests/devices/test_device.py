"""What a device says of itself."""

from __future__ import annotations

import json

import pytest

from edgekit_devices.device import Completed, DeviceInfo, last_line, probe_by_python
from edgekit_runtime.errors import DeviceError

ANSWER = {"machine": "aarch64", "system": "Linux 6.6", "python": "3.11.2", "interpreters": ["ai-edge-litert 2.3.0"]}


class AnsweringDevice:
    address = "ssh://pi@host"
    python = "python3"

    def __init__(self, status, stdout, stderr=""):
        self.completed = Completed((), status, stdout, stderr)

    def run(self, argv, *, timeout_s, on_stderr=None):
        return self.completed


def test_the_probe_reads_what_the_devices_python_says():
    info = probe_by_python(AnsweringDevice(0, json.dumps(ANSWER)))
    assert info == DeviceInfo("aarch64", "Linux 6.6", "3.11.2", ("ai-edge-litert 2.3.0",))


def test_a_device_without_python_says_so_in_its_own_words():
    device = AnsweringDevice(127, "", "sh: 1: python3: not found\n")
    with pytest.raises(DeviceError, match=r"ssh://pi@host: .*status 127: sh: 1: python3: not found") as caught:
        probe_by_python(device)
    assert "Python 3.9" in caught.value.hint


@pytest.mark.parametrize("stdout", ["", "Welcome!\n", "{}", json.dumps({**ANSWER, "python": 3})])
def test_an_answer_that_cannot_be_read_is_a_device_error(stdout):
    with pytest.raises(DeviceError, match="the probe's answer cannot be read"):
        probe_by_python(AnsweringDevice(0, stdout))


@pytest.mark.parametrize(("text", "line"), [("a\n b \n\n", "b"), ("", "it wrote nothing"), ("\n", "it wrote nothing")])
def test_the_last_line_of_a_log_is_the_last_that_says_something(text, line):
    assert last_line(text) == line
