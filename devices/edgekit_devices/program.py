"""The program that a session sends to the device, and what its first line says of the Python there."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from edgekit_devices import onboard
from edgekit_runtime.errors import DeviceError

PARTS = (
    "frames",
    "store",
    "environments",
    "releases",
    "service",
    "commands",
    "survey",
    "keeper",
)  # each after what it imports
OLDEST = (3, 9)
TOO_OLD = "edgekit: this Python is "
# Readable to any Python from 2.7 on; no backslash and no single quote, for the device's shell.
STUB = (
    "import sys;"
    f'sys.version_info[:2]<(3,9) and sys.exit("{TOO_OLD}"+sys.version.split()[0]);'
    "sys.path[:]=[p for p in sys.path if p];"
    'exec(compile(sys.stdin.buffer.read(int(sys.argv[1])),"edgekit","exec"))'
)
LOADER = """
import sys, types
def load(name, source):
    module = types.ModuleType(name)
    module.__path__ = []
    sys.modules[name] = module
    exec(compile(source, name, "exec"), module.__dict__)
for name, source in {sources!r}:
    load(name, source)
sys.modules["edgekit_devices.onboard.keeper"].main()
"""


def session_program() -> bytes:
    """What a session sends to the device first: a program that answers calls."""
    names = [onboard.__name__.partition(".")[0], onboard.__name__]
    sources = [(name, "") for name in names] + [(name, _source(name)) for name in _modules()]
    return LOADER.format(sources=sources).encode()


def _modules() -> list[str]:
    return [f"{onboard.__name__}.{part}" for part in PARTS]


def _source(name: str) -> str:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).read_text(encoding="utf-8")


def python_fault(address: str, python: str, log: str) -> DeviceError | None:
    """What is wrong with the Python there, by what it or the shell said; `None` where they say nothing of it."""
    hint = f"edgekit needs Python {OLDEST[0]}.{OLDEST[1]} or newer on the device: Raspberry Pi OS 12 and newer has it."
    if TOO_OLD in log:
        found = log.split(TOO_OLD)[1].splitlines()[0]
        return DeviceError(f"{address}: its Python {found} is too old.", hint=hint)
    names = (
        f"{python}: not found",
        f"{python}: command not found",
        f"{python}: No such file",
        f"{python}: inaccessible",
    )
    if any(name in log for name in names) or f"Unknown command: {python}" in log:
        return DeviceError(f"{address}: there is no {python}.", hint=hint)
    return None
