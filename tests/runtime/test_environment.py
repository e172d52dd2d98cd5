"""The environment and the conditions, read from made trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit_runtime.environment import read_conditions, read_environment

PI_CPUINFO = (
    "processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm crc32 cpuid\nCPU implementer\t: 0x41\n"
    "CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd08\nCPU revision\t: 3\n\n"
    "Revision\t: c03111\nModel\t\t: Raspberry Pi 4 Model B Rev 1.1\n"
)
PI_FILES = {
    "sys/firmware/devicetree/base/model": "Raspberry Pi 4 Model B Rev 1.1\0",
    "proc/cpuinfo": PI_CPUINFO,
    "proc/meminfo": "MemTotal:        3884376 kB\nMemFree:         3000000 kB\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1500000\n",
    "sys/class/thermal/thermal_zone0/type": "gpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "40000\n",
    "sys/class/thermal/thermal_zone1/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone1/temp": "45277\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def environment_of(root: Path, files: dict[str, str]):
    write(root, files)
    return read_environment("ai-edge-litert 2.3.0", "xnnpack", root)


def conditions_of(root: Path, files: dict[str, str], programs: Path | None = None):
    write(root, files)
    return read_conditions(root, str(programs or root / "no-programs"))


def vcgencmd(folder: Path, script: str) -> Path:
    folder.mkdir()
    program = folder / "vcgencmd"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return folder


def test_a_raspberry_pi_is_read_in_full(tmp_path):
    environment = environment_of(tmp_path, PI_FILES)
    assert environment.board.value == "Raspberry Pi 4 Model B Rev 1.1"
    assert environment.cpu.value == "ARM Cortex-A72"
    assert environment.memory_bytes.value == 3884376 * 1024
    assert environment.interpreter == "ai-edge-litert 2.3.0"
    assert environment.kernels == "xnnpack"
    conditions = conditions_of(tmp_path, PI_FILES)
    assert conditions.governor.value == "ondemand"
    assert conditions.clock_mhz.value == pytest.approx(1500)
    assert conditions.temperature_c.value == pytest.approx(45.277)
    assert "cpu-thermal" in conditions.temperature_c.method
    assert conditions.throttling.bits == 0x50005


def test_what_is_missing_is_unavailable_with_the_file_that_lacks(tmp_path):
    environment, conditions = environment_of(tmp_path, {}), conditions_of(tmp_path, {})
    for fact, part in [
        (environment.board, "devicetree"),
        (environment.cpu, "/proc/cpuinfo"),
        (conditions.governor, "scaling_governor"),
    ]:
        assert fact.value is None
        assert part in fact.reason
    assert conditions.throttling.bits is None
    assert "vcgencmd" in conditions.throttling.reason
    for figure, part in [
        (environment.memory_bytes, "/proc/meminfo"),
        (conditions.clock_mhz, "scaling_cur_freq"),
        (conditions.temperature_c, "thermal_zone"),
    ]:
        assert figure.mode == "unavailable"
        assert part in figure.reason


def test_a_pc_is_named_by_its_firmware_and_its_processor(tmp_path):
    files = {
        "sys/class/dmi/id/product_name": "ThinkPad X1\n",
        "proc/cpuinfo": "processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: fpu\n",
    }
    environment = environment_of(tmp_path, files)
    assert environment.board.value == "ThinkPad X1"
    assert environment.cpu.value == "AMD EPYC"


@pytest.mark.parametrize(
    ("cpuinfo", "shown"),
    [
        ("CPU implementer\t: 0x41\nCPU part\t: 0xd0b\n", "ARM Cortex-A76"),
        ("CPU implementer\t: 0x41\nCPU part\t: 0xd03\n", "ARM Cortex-A53"),
        ("CPU implementer\t: 0x51\nCPU part\t: 0xd03\n", "implementer 0x51, part 0xd03"),
    ],
)
def test_an_arm_processor_is_named_by_its_part(tmp_path, cpuinfo, shown):
    assert environment_of(tmp_path, {"proc/cpuinfo": cpuinfo}).cpu.value == shown


def test_a_processor_without_name_says_so(tmp_path):
    assert "names no processor" in environment_of(tmp_path, {"proc/cpuinfo": "processor : 0\n"}).cpu.reason


def test_the_first_zone_serves_where_none_is_the_processors(tmp_path):
    files = {
        "sys/class/thermal/thermal_zone0/type": "battery\n",
        "sys/class/thermal/thermal_zone0/temp": "30000\n",
    }
    figure = conditions_of(tmp_path, files).temperature_c
    assert figure.value == pytest.approx(30)
    assert "battery" in figure.method


@pytest.mark.parametrize("text", ["", "hot\n"])
def test_a_reading_that_is_no_number_is_unavailable(tmp_path, text):
    figure = conditions_of(tmp_path, {"sys/class/thermal/thermal_zone0/temp": text}).temperature_c
    assert figure.mode == "unavailable"
    assert "thermal_zone0/temp" in figure.reason


def test_vcgencmd_is_asked_before_the_driver(tmp_path):
    programs = vcgencmd(tmp_path / "bin", 'test "$1" = get_throttled && echo throttled=0x80008')
    assert conditions_of(tmp_path, PI_FILES, programs).throttling.bits == 0x80008


@pytest.mark.parametrize(
    ("script", "part"),
    [
        ("echo VCHI initialization failed >&2; exit 255", "VCHI initialization failed"),
        ("exit 1", "no answer"),
        ("echo throttled=zz", "'zz'"),
    ],
)
def test_a_vcgencmd_that_fails_gives_its_own_words_as_the_reason(tmp_path, script, part):
    throttling = conditions_of(tmp_path, {}, vcgencmd(tmp_path / "bin", script)).throttling
    assert throttling.bits is None
    assert part in throttling.reason


@pytest.mark.parametrize("text", ["?", "-5"])
def test_a_driver_that_gives_no_number_is_unavailable(tmp_path, text):
    files = {"sys/devices/platform/soc/soc:firmware/get_throttled": f"{text}\n"}
    assert "hexadecimal" in conditions_of(tmp_path, files).throttling.reason


def test_an_empty_answer_of_the_driver_is_unavailable(tmp_path):
    files = {"sys/devices/platform/soc/soc:firmware/get_throttled": "\n"}
    assert "empty" in conditions_of(tmp_path, files).throttling.reason
