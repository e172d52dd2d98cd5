"""Fixtures that many tests share, and the list of skipped tests for continuous integration."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

# A busy machine makes any example late; what is asserted is never a duration. The examples are the same in every run,
# so that a failure is about the change; `--hypothesis-profile explore` looks for new ones.
hypothesis.settings.register_profile("edgekit", deadline=None, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.load_profile("edgekit")

# Whoever runs the tests may ignore these, as nohup and shells in the background do; what the tests start would, too.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: on busy cores its waiting threads would spin

REPOSITORY = Path(__file__).parents[1]
# What is told of a skipped test, by the fixtures that it takes.
KINDS = {"assets": "assets", "emulator": "programs", "prometheus": "programs"}


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root folder of this repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of real models and data; whatever asks for it is marked `assets`, and skipped where it is missing."""
    folder = Path(os.environ.get("EDGEKIT_ASSETS") or REPOSITORY / "../shared/assets").resolve()
    if not folder.is_dir():
        pytest.skip(f"real models and data are not here: no folder {folder}; name another with EDGEKIT_ASSETS")
    return folder


@pytest.fixture(scope="session")
def emulator() -> None:
    """The programs of emulated boards."""
    _require({"qemu-aarch64": "qemu-user", "gcc": "gcc libc6-dev"})


@pytest.fixture(scope="session")
def prometheus() -> None:
    """The program `prometheus`."""
    _require({"prometheus": "prometheus"})


def _require(programs: dict[str, str]) -> None:
    """Have programs installed, by root on a Debian; else what asks for them is skipped where one is missing."""
    from tests.devices.standin.userland import UnavailableError, require_programs  # which Windows cannot import

    try:
        require_programs(programs)
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def keras_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small Keras models and their data; see tests/keras_models.py."""
    folder = tmp_path_factory.mktemp("keras-models")
    subprocess.run([sys.executable, REPOSITORY / "tests/keras_models.py", folder], check=True, capture_output=True)
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in KINDS.keys() & getattr(item, "fixturenames", ()):
            item.keywords[KINDS[fixture]] = True
        if "assets" in item.keywords:
            item.add_marker("assets")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Add the skipped tests to the file EDGEKIT_SKIPPED names: `assets`, `programs` or `-`, test, reason, by tabs."""
    if "EDGEKIT_SKIPPED" not in os.environ or hasattr(terminalreporter.config, "workerinput"):
        return  # nobody asked, or this is one of the parallel workers, whose reports the main process has
    with open(os.environ["EDGEKIT_SKIPPED"], "a", encoding="utf-8") as file:
        for report in terminalreporter.stats.get("skipped", ()):
            kind = next((kind for kind in KINDS.values() if kind in getattr(report, "keywords", ())), "-")
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            print(kind, report.nodeid, " ".join(reason.split()), sep="\t", file=file)
