"""edgekit.cli.main and edgekit.cli.console: whatever goes wrong, the user gets one message and the right status."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr

import click
import pytest

from edgekit.cli import console
from edgekit.cli.console import Volume
from edgekit.cli.main import VERBS, Verb, main
from edgekit_runtime.child import ChildError, UnexpectedError
from edgekit_runtime.errors import BundleError, DeviceError, EdgekitError, ModelError

COLOUR, SHOW_CURSOR = "\x1b[3", "\x1b[?25h"
PLANT = """
import click, sys, time
from edgekit.cli.main import VERBS, Verb, main

@click.command()
def planted():
    {body}

VERBS["planted"] = Verb(lambda: planted, "")
sys.exit(main(["planted"]))
"""


@pytest.fixture(autouse=True)
def keep_sigterm():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def plant(monkeypatch):
    """Put a verb `planted` into the table that does what a test wants."""

    def put(work: Callable[[], object]) -> None:
        command = click.Command("planted", callback=lambda as_json: work(), params=[_json_option()])
        monkeypatch.setitem(VERBS, "planted", Verb(lambda: command, ""))

    return put


def _json_option() -> click.Option:
    return click.Option(["--json", "as_json"], is_flag=True)


def raising(error: BaseException) -> Callable[[], object]:
    def work() -> None:
        raise error

    return work


def start(body: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PLANT.format(body=body)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_help_lists_every_verb_with_its_line(capsys):
    assert main(["--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert all(f"{name} {verb.help}" in text for name, verb in VERBS.items())


def test_version_tells_the_package_version(capsys):
    assert main(["--version"]) == 0
    assert "edgekit" in capsys.readouterr().out


@pytest.mark.parametrize("argv", [["frobnicate"], ["--frobnicate"], ["planted", "--frobnicate"], ["planted", "extra"]])
def test_wrong_usage_is_status_2_and_says_what_is_wrong(argv, plant, capsys):
    plant(lambda: None)
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert argv[-1] in captured.err


def test_a_verb_that_succeeds_is_status_0(plant, capsys):
    plant(lambda: click.echo("the result"))
    assert main(["planted"]) == 0
    assert capsys.readouterr().out == "the result\n"


def test_a_verb_chooses_its_status(plant):
    plant(lambda: click.get_current_context().exit(1))
    assert main(["planted"]) == 1


@pytest.mark.parametrize(("error", "status"), [(BundleError, 2), (ModelError, 2), (DeviceError, 3), (EdgekitError, 70)])
def test_an_error_on_purpose_is_one_line_and_its_status(error, status, plant, capsys):
    plant(raising(error("x: it is damaged.", hint="Copy it again.")))
    assert main(["planted"]) == status
    captured = capsys.readouterr()
    assert captured.err == "error: x: it is damaged. Copy it again.\n"
    assert not captured.out


def test_an_error_for_machines_is_one_json_line_on_stdout(plant, capsys):
    plant(raising(BundleError("x: it is damaged.", hint="Copy it again.")))
    assert main(["planted", "--json"]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {
        "error": {"code": "bundle", "message": "x: it is damaged.", "hint": "Copy it again."}
    }
    assert captured.out.count("\n") == 1
    assert captured.err.startswith("error: ")


def test_wrong_usage_for_machines_is_json_too(plant, capsys):
    plant(lambda: None)
    assert main(["planted", "--json", "--frobnicate"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"


@pytest.mark.parametrize(
    "error", [KeyError("lost"), UnexpectedError("Traceback of the child: lost"), RecursionError("lost")]
)
def test_a_bug_shows_its_traceback_and_where_to_report_it(error, plant, capsys):
    plant(raising(error))
    assert main(["planted", "--json"]) == 70
    captured = capsys.readouterr()
    assert "Traceback" in captured.err
    assert "lost" in captured.err
    assert "please report it with the text above" in captured.err.splitlines()[-1]
    assert json.loads(captured.out)["error"]["code"] == "bug"


def test_verbose_shows_where_an_error_comes_from_and_the_log_of_a_child(plant, capsys):
    plant(raising(ChildError("loading the model: the process was ended by SIGSEGV.", log="the child's log")))
    assert main(["planted"]) == 2
    assert capsys.readouterr().err == "error: loading the model: the process was ended by SIGSEGV.\n"
    assert main(["-v", "planted"]) == 2
    err = capsys.readouterr().err
    assert "the child's log" in err
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("error: ")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interruption_is_status_130_without_a_traceback(error, plant, capsys):
    plant(raising(error))
    assert main(["planted"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_an_interruption_tells_how_to_go_on(plant, capsys):
    error = KeyboardInterrupt()
    error.add_note("the same command goes on")
    plant(raising(error))
    assert main(["planted"]) == 130
    assert capsys.readouterr().err == "interrupted; the same command goes on\n"


@pytest.mark.parametrize(
    ("argv", "volume"),
    [
        (["planted"], Volume(quiet=False, verbose=False)),
        (["-q", "planted"], Volume(quiet=True, verbose=False)),
        (["--verbose", "planted"], Volume(quiet=False, verbose=True)),
    ],
)
def test_a_verb_learns_how_much_to_say(argv, volume, plant):
    seen = []
    plant(lambda: seen.append(click.get_current_context().find_object(Volume)))
    assert main(argv) == 0
    assert seen == [volume]


def test_sigterm_ends_a_verb_after_it_has_cleaned_up():
    body = (
        "try:\n        print('ready', flush=True); time.sleep(600)\n"
        "    finally:\n        print('cleaned up', flush=True)"
    )
    with start(body) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert (out, err, process.returncode) == ("cleaned up\n", "", 143)


def test_a_reader_that_goes_away_ends_the_verb_quietly():
    with start("for i in range(10**6): click.echo(i)") as process:
        assert process.stdout.readline() == "0\n"
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141


def test_a_reader_that_goes_away_before_the_last_flush_is_quiet_too():
    reader, writer = os.pipe()
    os.close(reader)
    body = "sys.stdout.write('the result')"
    done = subprocess.run(
        [sys.executable, "-c", PLANT.format(body=body)], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (done.stderr, done.returncode) == ("", 141)


def test_python_m_edgekit_is_the_same_command():
    done = subprocess.run([sys.executable, "-m", "edgekit", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: edgekit ")


def report_steps(quiet: bool, verbose: bool) -> None:
    with console.progress(quiet, verbose) as progress:
        for done in range(101):
            progress("calibrating", done, 100)
        progress("loading", 0, 0)
        progress("loading", 1, 0)


def test_progress_without_a_terminal_is_a_line_per_ten_percent(capsys):
    report_steps(quiet=False, verbose=False)
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [f"calibrating: {10 * i} %" for i in range(11)] + ["loading ..."]
    assert not captured.out


def test_quiet_progress_says_nothing(capsys):
    report_steps(quiet=True, verbose=True)
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch, term: str = "xterm-256color", **environment: str) -> Iterator[Terminal]:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in {"TERM": term, **environment}.items():
        monkeypatch.setenv(name, value)
    with redirect_stderr(Terminal()) as stream:
        yield stream


def test_a_terminal_gets_bars_with_stage_and_percentage(monkeypatch):
    with terminal(monkeypatch) as stream:
        report_steps(quiet=False, verbose=False)
    assert "calibrating" in stream.getvalue()
    assert "100%" in stream.getvalue()
    assert COLOUR in stream.getvalue()


def test_no_color_takes_the_colour_off_the_bars(monkeypatch):
    with terminal(monkeypatch, NO_COLOR="1") as stream:
        report_steps(quiet=False, verbose=False)
    assert "100%" in stream.getvalue()
    assert COLOUR not in stream.getvalue()


@pytest.mark.parametrize(("verbose", "term"), [(True, "xterm"), (False, "dumb")])
def test_a_verbose_run_and_a_dumb_terminal_get_lines(verbose, term, monkeypatch):
    with terminal(monkeypatch, term) as stream:
        report_steps(quiet=False, verbose=verbose)
    assert "calibrating: 50 %" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_bars_are_closed_when_the_work_fails(monkeypatch):
    def fail() -> None:
        with console.progress() as progress:
            progress("calibrating", 1, 2)
            raise ModelError("it is damaged.")

    with terminal(monkeypatch) as stream, pytest.raises(ModelError):
        fail()
    assert SHOW_CURSOR in stream.getvalue()
