"""Reports of emulated boards: what they predict, how they are shown, compared and gated."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from rich.console import Console

from edgekit import benching, fleet
from edgekit.cli.bench import bench as bench_command
from edgekit.cli.console import Volume
from edgekit.pipeline.write_bundle import list_files, write_document
from edgekit.reports.compare import compare
from edgekit.reports.gate import judge, parse_gate
from edgekit.reports.render.markdown import comparison_markdown
from edgekit.reports.render.terminal import print_comparison, print_report
from edgekit.reports.report import Report, make_report, read_report, write_report
from edgekit_runtime.bundle import open_bundle
from edgekit_runtime.conditions import BEGIN, Moment
from edgekit_runtime.counts import UNTIMED, Counts
from edgekit_runtime.errors import ReportError
from edgekit_runtime.manifest import MANIFEST_FILE, PROFILE_FILE
from edgekit_targets.catalog import load_profile
from tests.bundle_files import dense_bundle

# MobileNetV1 1.0 with 224 x 224 pixels, float32 and int8, on a Cortex-A72.
FLOAT = Counts("cortex-a72", 210_000_000, 41_300_000, 830_000, 146_000_000, 0, 154_000_000, 385_000_000, 82_000_000, 31)
INT8 = Counts("cortex-a72", 175_000_000, 27_700_000, 660_000, 124_000_000, 0, 82_000_000, 52_000_000, 12_000_000, 31)
TINY = Counts("cortex-a72", 4_320_000, 660_000, 26_000, 2_800_000, 0, 2_100_000, 784_000, 0, 16)


@pytest.fixture
def counted(made: SimpleNamespace):
    def report(counts: Counts, target: str = "raspberry-pi-4b") -> Report:
        record = made.report(10.0).record
        moments = (Moment(BEGIN, record.before),)
        record = replace(record, runs=(), precise=False, moments=moments, counts=counts)
        return make_report(record, load_profile(target).profile)

    return report


def shown(draw, *what) -> str:
    console = Console(file=io.StringIO(), width=80)
    draw(*what, console)
    return console.file.getvalue()


def test_the_latency_is_predicted_with_an_interval_and_nothing_else_is_made_up(counted):
    report = counted(FLOAT)
    latency = report.figure("latency_p50")
    assert latency.mode == "predicted"
    assert latency.interval.low < latency.value < latency.interval.high
    for metric in ("latency_p90", "latency_p99", "load_time", "first_inference", "cpu_time", "peak_rss"):
        assert report.figure(metric).reason == UNTIMED


@pytest.mark.parametrize(
    ("counts", "target", "reason"),
    [
        (TINY, "raspberry-pi-4b", "under 5 ms"),
        (FLOAT, "raspberry-pi-5", "counted on an emulated cortex-a72"),
        (FLOAT, "host", "not predicted either"),
    ],
)
def test_a_latency_that_cannot_be_predicted_says_why(counted, counts, target, reason):
    figure = counted(counts, target).figure("latency_p50")
    assert figure.value is None
    assert reason in figure.reason


def bundle_for(target: str, folder: Path) -> Path:
    bundle = dense_bundle(folder)
    with open_bundle(bundle) as opened:
        manifest = opened.manifest
    (bundle / PROFILE_FILE).write_bytes(load_profile(target).toml)
    write_document(bundle, MANIFEST_FILE, replace(manifest, files=list_files(bundle)))
    return bundle


@pytest.fixture
def emulated(counted, monkeypatch: pytest.MonkeyPatch):
    """What an emulated board gives: made counts, without an emulator."""
    monkeypatch.setattr(benching, "open_device", contextlib.nullcontext)
    monkeypatch.setattr(benching, "bench_on", lambda *_: counted(FLOAT).record)


@pytest.mark.parametrize(
    ("board", "target"),
    [("raspberry-pi-4b", "raspberry-pi-4b"), ("raspberry-pi-5", "raspberry-pi-5")],
)
def test_a_board_of_another_processor_than_the_bundles_target_is_held_against_its_own(
    emulated, tmp_path, board, target
):
    bundle = bundle_for("raspberry-pi-4b", tmp_path)
    assert benching.bench(bundle, device=f"emulated://{board}").target == target
    assert benching.bench(bundle, device=f"emulated://{board}", target="cortex-a55").target == "cortex-a55"


@pytest.mark.parametrize(("counts", "shown_first"), [(FLOAT, "latency_p50 "), (TINY, "instructions 4320000 ± 432 ")])
def test_in_a_fleet_the_line_of_an_emulated_board_shows_what_it_counted(
    counted, tmp_path, monkeypatch, counts, shown_first
):
    (tmp_path / "fleet.toml").write_text('[devices.twin]\naddress = "emulated://raspberry-pi-4b"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGEKIT_FLEET", "fleet.toml")
    monkeypatch.setattr(fleet, "bench", lambda *_, **__: counted(counts))
    result = CliRunner().invoke(bench_command, ["m.tflite", "--device=all"], obj=Volume(quiet=True))
    assert result.stdout.startswith(f"twin: {shown_first}")
    assert len(result.stdout) < 80


def test_equal_counts_pass_the_gate_and_more_instructions_fail_it(counted):
    more = replace(FLOAT, instructions=round(FLOAT.instructions * 1.02))
    comparison = compare([counted(FLOAT), counted(FLOAT), counted(more)])
    rows = {row.metric: row for row in comparison.rows}
    assert [change.verdict for change in rows["instructions"].changes] == ["no significant difference", "worse"]
    assert [change.verdict for change in rows["dot_products"].changes] == ["equal", "equal"]
    result = judge(parse_gate("instructions > 1.01x"), comparison)
    assert [judgement.outcome for judgement in result.judgements] == ["passed", "failed"]


def test_a_gate_on_counts_of_measured_reports_says_how_to_count(made):
    comparison = compare([made.report(10.0), made.report(10.0)])
    assert "instructions" not in {row.metric for row in comparison.rows}
    with pytest.raises(ReportError, match="which no report has"):
        judge(parse_gate("instructions > 1.01x"), comparison)


def test_a_measured_report_beside_a_counted_one_has_no_ratio_of_counts(made, counted):
    rows = {row.metric: row for row in compare([made.report(10.0), counted(FLOAT)]).rows}
    assert rows["instructions"].changes[0].verdict == "unknown"
    assert rows["latency_p50"].changes[0].verdict == "unknown"


def test_no_one_is_told_that_a_count_was_not_precise(counted):
    assert not [text for text in compare([counted(FLOAT), counted(INT8)]).warnings if "precise" in text]


def test_a_report_shows_counts_in_full_at_80_columns(counted):
    text = shown(print_report, counted(INT8))
    assert "175000000 ± 17500 instructions simulated" in text
    assert "0 processes" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_comparison_shows_counts_in_a_terminal_and_in_markdown(counted):
    comparison = compare([counted(FLOAT), counted(INT8)])
    assert "0.83" in shown(print_comparison, comparison)
    assert "instructions" in comparison_markdown(comparison)


def test_a_report_with_counts_survives_its_file(counted, tmp_path):
    write_report(counted(INT8), tmp_path / "report.json")
    assert read_report(tmp_path / "report.json") == counted(INT8)
