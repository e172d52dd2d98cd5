"""What a device is: its processor, system, Python, memory, disk, board, interpreters.

It imports nothing of edgekit: `edgekit_devices.device` sends its text alone, too.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import struct
import sys
import time
from pathlib import Path
from typing import Any, Optional

INTERPRETERS = ("ai-edge-litert", "tflite-runtime", "onnxruntime")
BOARD_FILES = ("/sys/firmware/devicetree/base/model", "/sys/class/dmi/id/product_name")


def survey() -> dict[str, Any]:
    """The fields of `edgekit_devices.device.DeviceInfo`; null where the system does not tell."""
    library, release = platform.libc_ver()
    return {
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "interpreters": [f"{name} {found}" for name in INTERPRETERS if (found := _version(name))],
        "bits": 8 * struct.calcsize("P"),
        "glibc": release if library == "glibc" else "",
        "numpy": _version("numpy"),
        "board": _board(),
        "cores": os.cpu_count() or 1,
        "memory_bytes": _memory_bytes(),
        "disk_free_bytes": shutil.disk_usage(os.path.expanduser("~")).free,
        "clock_s": time.time(),
        "executable": sys.executable,
    }


def _version(name: str) -> str:
    """The version of an installed distribution; empty where there is none."""
    folders = [Path(entry) for entry in sys.path if entry]
    wanted = re.compile(rf"{name.replace('-', '[-_.]')}-([^-]+)\.(dist|egg)-info", re.IGNORECASE)
    for folder in folders:
        names = os.listdir(folder) if folder.is_dir() else []
        found = next((match[1] for entry in names if (match := wanted.fullmatch(entry))), None)
        if found is not None:
            return found
    return "unknown" if name == "numpy" and importlib.util.find_spec("numpy") else ""


def _board() -> str:
    for name in BOARD_FILES:
        try:
            text = Path(name).read_text(errors="replace").strip("\0 \n")
        except OSError:
            continue
        if text:
            return text
    return ""


def _memory_bytes() -> Optional[int]:
    try:
        found = re.search(r"^MemTotal:\s*(\d+) kB$", Path("/proc/meminfo").read_text(), flags=re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
