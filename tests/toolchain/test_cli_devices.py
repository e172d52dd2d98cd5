"""`edgekit devices`, the whole fleet in `edgekit bench`, and addresses in the shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from edgekit.cli.bench import bench
from edgekit.cli.console import Volume
from edgekit.cli.devices import devices
from edgekit.fleet import Probe
from edgekit.reports.render.probes import print_probe
from edgekit.reports.report import read_report
from edgekit_devices.device import DeviceInfo
from tests.tflite_files import write_dense

FLEET = """
[devices.here]
address = "local"
target = "raspberry-pi-4b"

[devices.gone]
address = "ssh://nobody@127.0.0.1:1"
"""
QUICK = ("--max-runs=5", "--energy=0")


@pytest.fixture(autouse=True)
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "fleet.toml").write_text(FLEET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGEKIT_FLEET", raising=False)
    return tmp_path


def run(*argv: str) -> Result:
    return CliRunner().invoke(devices, argv, obj=Volume(quiet=True))


def test_the_fleet_is_listed() -> None:
    assert run("list").stdout == "here: local, target raspberry-pi-4b\ngone: ssh://nobody@127.0.0.1:1\n"
    listed = json.loads(run("list", "--json").stdout)
    assert listed["devices"]["here"] == {"address": "local", "python": "python3", "target": "raspberry-pi-4b"}


def test_a_probe_tells_what_a_device_is_and_what_can_run_there() -> None:
    lines = dict(line.split(maxsplit=1) for line in run("probe", "here").stdout.splitlines())
    assert lines["Python"].startswith(".".join(map(str, sys.version_info[:2])))
    assert lines[".tflite"].startswith("ai-edge-litert ")
    told = json.loads(run("probe", "local", "--json").stdout)
    assert (told["schema"], told["info"]["bits"]) == ("edgekit/probe", 64)


def test_what_an_emulated_board_has_not_is_told_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    info = DeviceInfo("aarch64", "Linux", "3.11.2", (), reason="emulated")
    print_probe(Probe("twin", info, {}))
    print_probe(Probe("other", replace(info, reason=""), {}))
    rows = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    told = [text for key, text in rows if key in {"memory", "disk"}]
    assert told == ["emulated", "emulated", "the system does not tell", "the system does not tell"]


@pytest.mark.parametrize("verb", ["create", "remove"])
def test_only_emulated_boards_are_made_and_removed(verb: str) -> None:
    result = run(verb, "local")
    assert result.exit_code == 2
    assert "local is not emulated; allowed: emulated://NAME" in result.stderr


def test_all_are_measured_and_one_that_fails_does_not_stop_the_rest(fleet: Path) -> None:
    model = str(write_dense(fleet / "dense.tflite"))
    (fleet / "out").mkdir()  # such as from an earlier run
    result = CliRunner().invoke(bench, [model, "--device=all", "-o", "out", *QUICK], obj=Volume())
    assert result.exit_code == 3
    assert result.stdout.startswith("here: latency_p50 ")
    assert "gone: error: ssh://nobody@127.0.0.1:1: nothing listens there" in result.stderr
    assert "here: measure: 100 %" in result.stderr
    assert [path.name for path in (fleet / "out").iterdir()] == ["here.json"]
    assert read_report(fleet / "out/here.json").target == "raspberry-pi-4b"


TWO_HERE = '[devices.here]\naddress = "local"\n[devices.too]\naddress = "local"\n'


@pytest.mark.parametrize(("quiet", "told"), [(False, "Compare them: edgekit compare reports/*.json\n"), (True, "")])
def test_how_to_compare_them_is_told_unless_it_is_to_be_quiet(
    fleet: Path, made: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, quiet: bool, told: str
) -> None:
    monkeypatch.setattr("edgekit.fleet.bench", lambda model, **asked: made.report())
    (fleet / "fleet.toml").write_text(TWO_HERE)
    result = CliRunner().invoke(bench, ["m.tflite", "--device=all"], obj=Volume(quiet))
    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == ["here", "too"]
    assert result.stderr == told


def test_of_devices_that_all_fail_nothing_but_the_errors_is_told(fleet: Path) -> None:
    (fleet / "fleet.toml").write_text(FLEET[FLEET.index("[devices.gone]") :])
    model = str(write_dense(fleet / "dense.tflite"))
    result = CliRunner().invoke(bench, [model, "--device=all", *QUICK], obj=Volume())
    assert (result.exit_code, result.stdout) == (3, "")
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == ["gone"]


def test_one_report_goes_into_no_folder(fleet: Path) -> None:
    result = CliRunner().invoke(bench, ["m.tflite", "-o", str(fleet)], obj=Volume(quiet=True))
    assert result.exit_code == 2
    assert "is a folder; allowed: a file" in result.stderr


def test_for_machines_the_fleets_result_is_json(fleet: Path) -> None:
    model = str(write_dense(fleet / "dense.tflite"))
    result = CliRunner().invoke(bench, [model, "--device=all", "--json", *QUICK], obj=Volume(quiet=True))
    rows = json.loads(result.stdout)["devices"]
    assert [(row["device"], row["report"]) for row in rows] == [("here", "reports/here.json"), ("gone", None)]
    assert rows[1]["error"]["code"] == "device"


@pytest.mark.parametrize("content", [None, ""])
def test_without_a_fleet_all_is_nothing(fleet: Path, content: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(fleet / "none"))
    (fleet / "fleet.toml").unlink() if content is None else (fleet / "fleet.toml").write_text(content)
    result = CliRunner().invoke(bench, ["m.tflite", "--device=all"], obj=Volume(quiet=True))
    assert "fleet.toml" in str(result.exception)


def test_a_shell_completes_addresses_and_names() -> None:
    words = {"COMP_WORDS": "edgekit bench --device ", "COMP_CWORD": "3", "_EDGEKIT_COMPLETE": "bash_complete"}
    argv = [sys.executable, "-m", "edgekit"]
    done = subprocess.run(argv, env={**os.environ, **words}, capture_output=True, text=True, check=False)
    offered = [line.split(",")[1] for line in done.stdout.splitlines()]
    assert {"here", "gone", "all", "local", "emulated://raspberry-pi-5", "ssh://"} <= set(offered)
