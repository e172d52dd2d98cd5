"""What tests of emulated boards share: what they need, and conversions and reports that are made once for all of them.

A report costs seconds; kept in a folder of the whole run, it is made once even where several processes run the tests.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from edgekit.benching import bench
from edgekit.pipeline.convert import convert
from edgekit.pipeline.request import Request
from edgekit.reports.report import Report, read_report, write_report
from edgekit_devices.emulated.store import build_once
from edgekit_runtime.counts import Counts

PI_3, PI_4, PI_5 = "raspberry-pi-3b-plus", "raspberry-pi-4b", "raspberry-pi-5"
NEEDS = [pytest.mark.slow, pytest.mark.usefixtures("emulator")]
BUNDLE, REPORT = "bundle", "report.json"


@dataclass(frozen=True)
class Kept:
    """What was made once.

    Attributes:
        folder: Where it lies, for every process of the run.
    """

    folder: Path

    def bundle(self, name: str, request: Request) -> Path:
        """What a request, whose output is left open, is converted to."""

        def make(folder: Path) -> None:
            convert(replace(request, output=folder / BUNDLE, force=True))

        return build_once(self.folder / name, make) / BUNDLE

    def report(self, model: Path, board: str) -> Report:
        """The report of a bundle or a bare model file on a board."""

        def measure(folder: Path) -> None:
            write_report(bench(model, device=f"emulated://{board}", target=board), folder / REPORT)

        return read_report(build_once(self.folder / f"{model.parent.name}-{model.name}-{board}", measure) / REPORT)


def kept_by(factory: pytest.TempPathFactory, name: str) -> Kept:
    """What is kept under a name, for all processes of the run."""
    base = factory.getbasetemp()
    return Kept((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name)


def counts_of(report: Report) -> Counts:
    """The counts of a report on an emulated board."""
    assert report.record.counts is not None
    return report.record.counts
