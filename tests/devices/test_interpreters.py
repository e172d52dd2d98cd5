"""Which interpreter a device can have, and what would do where none fits."""

from __future__ import annotations

import hashlib

import pytest

from edgekit_devices.device import DeviceInfo
from edgekit_devices.interpreters import OFFERS, choose_offer, machine_of, offers_for, own_interpreter
from edgekit_devices.wheelhouse import download_argv, fetch_wheels
from edgekit_runtime.errors import DeviceError


def info(machine="aarch64", python="3.11.2", glibc="2.36", bits=64, numpy="", interpreters=()):
    return DeviceInfo(machine, "Linux 6.6", python, tuple(interpreters), bits, glibc, numpy)


def chosen(model_format="tflite", **about):
    return choose_offer(info(**about), model_format, "ssh://pi@board")


@pytest.mark.parametrize(
    ("about", "model_format", "requirements"),
    [
        ({}, "tflite", {"ai-edge-litert==2.3.0", "numpy==2.4.6"}),
        ({}, "onnx", {"onnxruntime==1.31.1", "numpy==2.4.6"}),
        ({"machine": "x86_64", "python": "3.13.1"}, "tflite", {"ai-edge-litert==2.3.0", "numpy==2.4.6"}),
        ({"python": "3.10.4", "glibc": "2.31"}, "tflite", {"ai-edge-litert==2.3.0", "numpy==2.2.6"}),
        ({"python": "3.9.18", "glibc": "2.34"}, "tflite", {"tflite-runtime==2.14.0", "numpy==1.26.4"}),
        ({"machine": "armv7l", "bits": 32, "numpy": "1.24.2"}, "tflite", {"tflite-runtime==2.14.0"}),
        ({"bits": 32, "numpy": "1.24.2"}, "tflite", {"tflite-runtime==2.14.0"}),  # a 64-bit kernel below 32 bits
    ],
)
def test_the_first_that_fits_is_taken(about, model_format, requirements):
    assert requirements <= set(chosen(model_format, **about).requirements)


@pytest.mark.parametrize(
    ("about", "model_format", "told", "hint"),
    [
        ({"python": "3.9.2", "glibc": "2.31"}, "tflite", "aarch64, Python 3.9.2, glibc 2.31", "Python 3.11 to 3.14"),
        ({"python": "3.10.4"}, "onnx", "no interpreter for .onnx models", "Python 3.11 to 3.14 with glibc 2.28"),
        ({"glibc": ""}, "tflite", "a C library that is not glibc", "glibc 2.27"),
        ({"machine": "armv7l", "bits": 32}, "onnx", "armv7l", "a 64-bit system, or converting to .tflite"),
        ({"machine": "armv6l", "bits": 32}, "tflite", "armv6l", "a 64-bit system"),
        ({"machine": "riscv64"}, "tflite", "riscv64", "a 64-bit system (aarch64 or x86_64)"),
    ],
)
def test_where_none_fits_it_says_what_would(about, model_format, told, hint):
    with pytest.raises(DeviceError) as caught:
        chosen(model_format, **about)
    assert told in caught.value.message
    assert hint in caught.value.hint


def test_on_32_bits_numpy_comes_from_the_system():
    with pytest.raises(DeviceError, match=r"numpy is missing, .* armv7l") as caught:
        chosen(machine="armv7l", bits=32)
    assert "apt install python3-numpy" in caught.value.hint


def test_a_32_bit_system_on_a_64_bit_kernel_is_a_32_bit_one():
    assert [machine_of(info(bits=bits)) for bits in (64, 32)] == ["aarch64", "armv7l"]


def test_a_probe_can_tell_all_that_fit():
    assert {offer.interpreter for offer in offers_for(info())} == {"ai-edge-litert", "onnxruntime"}


def test_what_the_devices_own_python_has_is_taken_if_numpy_is_there():
    own = info(numpy="2.0", interpreters=("onnxruntime 1.2", "ai-edge-litert 2.0"))
    assert own_interpreter(own, "tflite") == "ai-edge-litert 2.0"
    assert own_interpreter(own, "onnx") == "onnxruntime 1.2"
    assert own_interpreter(info(interpreters=("ai-edge-litert 2.0",)), "tflite") is None


def test_pip_is_asked_for_the_devices_platform_and_nothing_is_built():
    argv = download_argv(OFFERS[0], info(glibc="2.19"))
    assert {"--only-binary=:all:", "--no-deps", "--python-version=3.11", "--platform=manylinux_2_18_aarch64"} < set(
        argv
    )
    assert "--platform=manylinux_2_20_aarch64" not in argv
    assert argv[-3:] == OFFERS[0].requirements


def test_versions_are_those_that_edgekit_was_tried_with(repository):
    lines = (repository / "constraints.txt").read_text().splitlines()
    tried = dict(line.split("==") for line in lines if "==" in line)
    pinned = dict(requirement.split("==") for requirement in OFFERS[0].requirements)
    assert pinned == {name: tried[name] for name in pinned}


def test_without_an_index_it_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(DeviceError, match="ai-edge-litert could not be fetched by pip: ERROR: No matching") as caught:
        fetch_wheels(OFFERS[0], info(), tmp_path)
    assert "package index" in caught.value.hint
    assert not list((tmp_path / "wheels").iterdir())


def test_wheels_in_the_cache_are_taken_without_an_index(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(DeviceError):
        fetch_wheels(OFFERS[0], info(), tmp_path)
    key = hashlib.sha256("\n".join(download_argv(OFFERS[0], info())).encode()).hexdigest()[:16]
    (tmp_path / "wheels" / key).mkdir()
    (tmp_path / "wheels" / key / "a.whl").touch()
    assert [path.name for path in fetch_wheels(OFFERS[0], info(), tmp_path)] == ["a.whl"]
