"""The agent's command line: what it prints where, and its exit statuses."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from edgekit_runtime import agent
from edgekit_runtime.agent import run_agent, settings_arguments
from edgekit_runtime.codec import loads_document
from edgekit_runtime.progress import parse_progress
from edgekit_runtime.record import Record
from edgekit_runtime.runs import BenchSettings

SHORT = BenchSettings(max_runs=5, warmup_s=0.0, sample_s=0.0, min_samples=3, seed=7, energy_s=0.0)


def test_for_the_host_stdout_is_the_record_and_stderr_the_progress(dense, capsys):
    assert run_agent(["bench", "--json", *settings_arguments(SHORT), str(dense)]) == 0
    out, err = capsys.readouterr()
    record = loads_document(Record, out)
    assert record.settings == SHORT
    assert [parse_progress(line) for line in err.splitlines()][-1] == ("measure", 5, 5)


def test_for_a_person_stdout_is_a_table(dense, capsys):
    assert run_agent(["bench", *settings_arguments(SHORT), str(dense)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("model               dense (tflite, unknown)\n")
    assert "\nlatency_p50 " in out


def test_what_is_asked_for_beside_the_runs_is_measured(dense, capsys):
    asked = replace(SHORT, weight_cache=True)
    assert run_agent(["bench", "--json", *settings_arguments(asked), str(dense)]) == 0
    record = loads_document(Record, capsys.readouterr().out)
    assert record.settings == asked
    assert len(record.weight_cache.cached_ns) == 5
    assert record.throughput is None


def test_a_check_says_how_far_the_outputs_are(make_bundle, capsys):
    assert run_agent(["check", str(make_bundle())]) == 0
    assert capsys.readouterr().out.startswith("golden outputs: 4 samples, largest difference 0 range, allowed ")


def test_a_check_for_the_host_is_a_document(make_bundle, capsys):
    assert run_agent(["check", "--json", str(make_bundle())]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["schema"], answer["version"], answer["samples"]) == ("edgekit/golden-check", 1, 4)


def test_outputs_that_differ_are_the_devices_failure(make_bundle, capsys):
    assert run_agent(["check", str(make_bundle(shift=0.5))]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "differs from the golden one" in err


def test_a_wrong_model_is_one_line_on_stderr(tmp_path, capsys):
    assert run_agent(["bench", str(tmp_path / "none.tflite")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line for line in err.splitlines() if parse_progress(line) is None] == [
        f"error: {tmp_path}/none.tflite: no such file or directory. Check the path."
    ]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["bench", "m", "--threads", "two"], "--threads"),
        (["bench", "m", "--threads", "0"], "threads is 0; allowed: 1 or more"),
        (["bench", "m", "--precision=nan"], "precision is nan"),
        (["bench"], "BUNDLE|MODEL"),
        (["run", "m"], "PICTURE|ARRAYS"),
        (["fly", "m"], "fly"),
        (["bench", "m", "--thread", "1"], "--thread"),
        ([], "bench|check"),
    ],
)
def test_a_wrong_command_line_is_the_users_error(arguments, part, capsys):
    assert run_agent([*arguments, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "user"
    assert part in error["message"]


def test_an_unexpected_failure_is_a_bug_with_its_traceback(monkeypatch, capsys):
    def broken(*_):
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(agent, "check", broken)
    assert run_agent(["check", "m", "--json"]) == 70
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "bug"
    assert "ZeroDivisionError: planted" in error["message"]


def test_an_interruption_is_told_as_the_devices(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(agent, "check", interrupted)
    assert run_agent(["check", "m", "--json"]) == 130
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "device"


def test_help_names_every_setting(capsys):
    with pytest.raises(SystemExit) as ended:
        run_agent(["bench", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    settings = BenchSettings(throughput=True, weight_cache=True, operators=True, counters=True, windows=True)
    settings = replace(settings, operating_points=True)
    every = settings_arguments(settings)
    assert all(argument.partition("=")[0] in text for argument in every)
