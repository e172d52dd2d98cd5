from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from edgekit.cli.compare import compare
from edgekit.reports.report import write_report
from edgekit_runtime.errors import ReportError


@pytest.fixture
def folder(made: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_report(made.report(10.0), tmp_path / "old.json")
    write_report(made.report(20.0, seed=1), tmp_path / "new.json")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def run(*argv: str) -> Result:
    return CliRunner().invoke(compare, argv)


def test_two_reports_are_compared_under_their_files_names(folder: Path) -> None:
    result = run("old.json", "new.json")

    assert result.exit_code == 0
    assert "A old" in result.stdout
    assert "B new" in result.stdout
    assert "worse" in result.stdout
    assert result.stderr == ""


def test_files_of_one_name_are_called_by_their_paths(folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a" / "old.json").write_bytes((folder / "old.json").read_bytes())

    sides = json.loads(run("old.json", "a/old.json", "--json").stdout)["sides"]

    assert [side["label"] for side in sides] == ["old.json", "a/old.json"]


def test_json_is_one_document_with_the_gate(folder: Path) -> None:
    result = run("old.json", "new.json", "--json", "--fail-if", "latency_p50 > 1.05x")

    tree = json.loads(result.stdout)
    assert tree["schema"] == "edgekit/comparison"
    assert tree["gate"]["outcome"] == "failed"
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("condition", "status"),
    [("latency_p50 > 1.05x", 1), ("latency_p50 > 3x", 0), ("load_time > 1x", 0), ("model_size < 0.9x", 0)],
)
def test_the_exit_status_is_1_only_when_the_gate_fails(folder: Path, condition: str, status: int) -> None:
    result = run("old.json", "new.json", "--fail-if", condition)

    assert result.exit_code == status
    assert f"gate {condition}: " in result.stdout


@pytest.mark.parametrize(
    "argv",
    [
        ("old.json",),
        ("old.json", "gone.json"),
        ("old.json", "new.json", "--fail-if", ""),
        ("old.json", "new.json", "--fail-if", "speed > 1x"),
    ],
)
def test_bad_input_is_an_error_of_the_user(folder: Path, argv: tuple[str, ...]) -> None:
    result = run(*argv)

    assert isinstance(result.exception, ReportError)
    assert result.exception.exit_status == 2
    assert result.stdout == ""


def test_markdown_is_a_table_for_a_pull_request(folder: Path) -> None:
    result = run("old.json", "new.json", "--markdown", "--fail-if", "latency_p50 > 1.05x")

    assert "|  | old | new |" in result.stdout
    assert "**Gate `latency_p50 > 1.05x`: failed**" in result.stdout
    assert result.exit_code == 1


def test_markdown_and_json_exclude_each_other(folder: Path) -> None:
    result = run("old.json", "new.json", "--markdown", "--json")

    assert result.exit_code == 2
    assert "--json and --markdown exclude each other." in result.stderr


def test_no_report_at_all_is_a_usage_error(folder: Path) -> None:
    assert run().exit_code == 2
