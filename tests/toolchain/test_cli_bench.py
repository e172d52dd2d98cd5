from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from edgekit import benching
from edgekit.cli.bench import bench
from edgekit.cli.console import Volume
from edgekit.reports.report import read_report
from edgekit_runtime.errors import OutputError
from edgekit_runtime.record import BenchSettings


@pytest.fixture
def asked(made: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> list[BenchSettings]:
    """The settings that measuring is asked for with; what it gives is a made report."""
    settings: list[BenchSettings] = []

    def measure(model: Path, **asked: BenchSettings) -> object:
        settings.append(asked["settings"])
        return made.report()

    monkeypatch.setattr(benching, "bench", measure)
    return settings


SERIES = ("--pin=0-1", "--sustain=1min", "--counters", "--operating-points", "--latency-budget=20ms")


def run(*argv: str, quiet: bool = True) -> Result:
    return CliRunner().invoke(bench, ["m.tflite", *argv], obj=Volume(quiet))


def test_without_options_the_settings_are_the_runtimes_own(asked: list[BenchSettings]) -> None:
    assert run().exit_code == 0
    assert asked == [BenchSettings()]


def test_each_option_reaches_the_settings(asked: list[BenchSettings]) -> None:
    options = ("--threads=2", "--batch=4", "--runs=6", "--max-runs=9", "--timeout=30", "--energy=0")
    assert run(*options, "--throughput", "--weight-cache", "--operators", *SERIES).exit_code == 0
    assert asked == [
        BenchSettings(
            threads=2,
            batch=4,
            min_runs=6,
            max_runs=9,
            timeout_s=30.0,
            energy_s=0.0,
            throughput=True,
            weight_cache=True,
            operators=True,
            pin="0-1",
            sustain_s=60.0,
            counters=True,
            operating_points=True,
            latency_budget_ms=20.0,
        )
    ]


def test_a_meter_asks_for_windows(asked: list[BenchSettings]) -> None:
    assert run("--meter=power.csv").exit_code == 0
    assert asked == [BenchSettings(windows=True)]


def test_more_runs_than_the_most_raise_the_most(asked: list[BenchSettings]) -> None:
    assert run("--runs=30").exit_code == 0
    assert (asked[0].min_runs, asked[0].max_runs) == (30, 30)


@pytest.mark.parametrize(
    "option", ["--threads=0", "--batch=0", "--runs=4", "--energy=-1", "--energy=nan", "--timeout=0"]
)
def test_what_cannot_be_meant_is_refused_with_the_option(asked: list[BenchSettings], option: str) -> None:
    result = run(option)

    assert result.exit_code == 2
    assert option.partition("=")[0] in result.stderr
    assert asked == []


def test_the_report_is_written_and_shown(asked: list[BenchSettings], tmp_path: Path) -> None:
    result = run("-o", str(tmp_path / "r.json"))

    assert read_report(tmp_path / "r.json").record.model.name == "resnet8"
    assert result.stdout.startswith("resnet8, int8, on Raspberry Pi 4 Model B")
    assert result.stderr == ""


def test_a_report_that_could_not_be_written_is_told_before_anything_is_measured(
    asked: list[BenchSettings], tmp_path: Path
) -> None:
    error = run("-o", str(tmp_path / "none/r.json")).exception
    assert isinstance(error, OutputError)
    assert f"{tmp_path}/none: no such folder" in str(error)
    assert asked == []


def test_where_the_report_is_is_told_unless_it_is_to_be_quiet(asked: list[BenchSettings], tmp_path: Path) -> None:
    assert run("-o", str(tmp_path / "r.json"), quiet=False).stderr == f"Report: {tmp_path}/r.json\n"


@pytest.mark.parametrize(
    ("option", "company"),
    [("--meter-offset=1", "--meter"), ("--latency-budget=20ms", "--operating-points")],
)
def test_an_option_that_would_say_nothing_is_refused(asked: list[BenchSettings], option: str, company: str) -> None:
    result = run(option)

    assert result.exit_code == 2
    assert f"{option.partition('=')[0]} says nothing without {company};" in " ".join(result.stderr.split())
    assert asked == []


def test_for_machines_the_report_is_json(asked: list[BenchSettings]) -> None:
    assert json.loads(run("--json").stdout)["schema"] == "edgekit/report"
