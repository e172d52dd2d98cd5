"""The device, and the conditions on it; what cannot be read says why."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import Optional

from edgekit_runtime.conditions import Conditions, Fact, Throttling
from edgekit_runtime.figure import Figure, measured, unavailable
from edgekit_runtime.pinning import usable_cores
from edgekit_runtime.record import Environment
from edgekit_runtime.runs import CLOCK_FILE

BOARD_FILES = ("sys/firmware/devicetree/base/model", "sys/class/dmi/id/product_name")
GOVERNOR_FILE = "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
THROTTLE_FILES = "sys/devices/platform/*/*firmware/get_throttled"  # the Raspberry Pi's firmware driver
THERMAL_ZONES = "sys/class/thermal/thermal_zone*"
PROCESSOR_ZONES = ("cpu", "soc", "x86_pkg_temp", "k10temp")  # how the zones of processors begin

ARM_PARTS = {"0xd03": "Cortex-A53", "0xd05": "Cortex-A55", "0xd08": "Cortex-A72", "0xd0b": "Cortex-A76"}
ARM_IMPLEMENTER = "0x41"

VCGENCMD_TIMEOUT_S = 5.0


def read_environment(library: str, kernels: str, root: Path = Path("/")) -> Environment:
    """Read what stays the same.

    Args:
        library: Library that runs the model, with version.
        kernels: The kernels it takes.
        root: Where procfs and sysfs begin.
    """
    return Environment(
        board=_board(root),
        machine=platform.machine(),
        cpu=_processor(root),
        cores=usable_cores(),
        memory_bytes=_memory(root),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        interpreter=library,
        kernels=kernels,
    )


def read_conditions(root: Path = Path("/"), search_path: Optional[str] = None) -> Conditions:
    """Read what may change from one process to the next.

    Args:
        root: Where sysfs begins.
        search_path: Where to look for `vcgencmd`; `None` for the `PATH`.
    """
    return Conditions(
        governor=_fact(root, GOVERNOR_FILE),
        clock_mhz=_number(root, CLOCK_FILE, 1e-3, "MHz"),
        temperature_c=_temperature(root),
        throttling=_throttling(root, search_path),
    )


def _board(root: Path) -> Fact:
    facts = [_fact(root, name) for name in BOARD_FILES]
    return next((fact for fact in facts if fact.value), Fact(reason="; ".join(fact.reason for fact in facts)))


def _processor(root: Path) -> Fact:
    text = _fact(root, "proc/cpuinfo")
    if text.value is None:
        return text
    fields = dict(re.findall(r"^([^\n:]*?)\s*:[ \t]*(.*)$", text.value, flags=re.MULTILINE))
    if "model name" in fields:
        return Fact(fields["model name"])
    implementer, part = fields.get("CPU implementer"), fields.get("CPU part")
    if implementer is None or part is None:
        return Fact(reason="/proc/cpuinfo names no processor")
    if implementer == ARM_IMPLEMENTER and part in ARM_PARTS:
        return Fact(f"ARM {ARM_PARTS[part]}")
    return Fact(f"implementer {implementer}, part {part}")


def _memory(root: Path) -> Figure:
    text = _fact(root, "proc/meminfo")
    found = re.search(r"^MemTotal:\s*(\d+) kB$", text.value or "", flags=re.MULTILINE)
    if found is None:
        return unavailable("byte", text.reason or "/proc/meminfo has no MemTotal")
    return measured(int(found[1]) * 1024, "byte", "MemTotal of /proc/meminfo")


def _temperature(root: Path) -> Figure:
    zones = sorted(root.glob(THERMAL_ZONES))
    if not zones:
        return unavailable("°C", f"/{THERMAL_ZONES}: no such zone")
    kinds = {zone: _fact(root, f"{zone.relative_to(root)}/type").value or "" for zone in zones}
    zone = next((zone for zone in zones if kinds[zone].startswith(PROCESSOR_ZONES)), zones[0])
    return _number(root, f"{zone.relative_to(root)}/temp", 1e-3, "°C", f"thermal zone {kinds[zone]}")


def _throttling(root: Path, search_path: Optional[str]) -> Throttling:
    program = shutil.which("vcgencmd", path=search_path)
    if program is not None:
        return _ask_firmware(program)
    path = next(iter(sorted(root.glob(THROTTLE_FILES))), None)
    if path is None:
        return Throttling(reason="no vcgencmd, and no firmware driver that tells")
    text = _fact(root, str(path.relative_to(root)))
    return Throttling(reason=text.reason) if text.value is None else _throttle_bits(text.value)


def _ask_firmware(program: str) -> Throttling:
    try:
        answer = subprocess.run(
            [program, "get_throttled"], capture_output=True, text=True, timeout=VCGENCMD_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Throttling(reason=f"vcgencmd: {error}")
    found = re.match(r"throttled=(\w+)$", answer.stdout.strip())
    if found is None:
        lines = (answer.stdout + answer.stderr).strip().splitlines() or ["no answer"]
        return Throttling(reason=f"vcgencmd get_throttled: {lines[0]}")
    return _throttle_bits(found[1])


def _throttle_bits(text: str) -> Throttling:
    try:
        return Throttling(int(text, 16))
    except ValueError:
        return Throttling(reason=f"the throttle bits read {text!r}; allowed: a hexadecimal number")


def _fact(root: Path, name: str) -> Fact:
    try:
        # A device tree ends its texts with a zero byte.
        text = (root / name).read_bytes().decode("utf-8", "replace").strip("\0 \n")
    except OSError as error:
        return Fact(reason=f"/{name}: {os.strerror(error.errno or 0).lower()}")
    return Fact(text) if text else Fact(reason=f"/{name}: empty")


def _number(root: Path, name: str, factor: float, unit: str, source: str = "") -> Figure:
    fact = _fact(root, name)
    if fact.value is None:
        return unavailable(unit, fact.reason)
    try:
        return measured(int(fact.value) * factor, unit, source or f"/{name}")
    except ValueError:
        return unavailable(unit, f"/{name}: reads {fact.value!r}; allowed: a whole number")
