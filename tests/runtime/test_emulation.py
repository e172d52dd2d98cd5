"""What a process is told of its emulator."""

from __future__ import annotations

import pytest

from edgekit_runtime.bench import bench
from edgekit_runtime.codec import FormatError
from edgekit_runtime.emulation import VARIABLE, Emulation, emulation_variable, read_emulation
from edgekit_runtime.errors import UserError
from edgekit_runtime.runs import BenchSettings

EMULATION = Emulation("qemu-aarch64 7.2.22", "cortex-a72", 4, ("/usr/bin/qemu-aarch64", "-L", "/a b"), "/c.so,cpu=72")


def test_what_is_told_is_what_was_said() -> None:
    assert read_emulation({VARIABLE: emulation_variable(EMULATION)}) == EMULATION


def test_on_a_real_processor_there_is_no_emulator() -> None:
    assert read_emulation({}) is None


def test_another_text_is_refused() -> None:
    with pytest.raises(FormatError, match="launcher: missing"):
        read_emulation({VARIABLE: '{"emulator": "qemu"}'})


def test_a_counting_launcher_has_the_plugin_before_the_program() -> None:
    assert EMULATION.counting("/marks") == (*EMULATION.launcher, "-plugin", "/c.so,cpu=72,out=/marks")


def test_threads_are_refused_where_nothing_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, emulation_variable(EMULATION))
    with pytest.raises(UserError, match="threads is 2; allowed: 1"):
        bench("model.tflite", BenchSettings(threads=2))
