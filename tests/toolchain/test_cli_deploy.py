"""The options of `edgekit deploy`, on this machine under a home of its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edgekit.cli.console import Volume
from edgekit.cli.deploy import deploy
from edgekit.reports.render.deployments import print_deployment
from edgekit_devices.deployment import Deployment, ServiceUnit
from edgekit_runtime.errors import DeviceError, UserError
from edgekit_runtime.record import GoldenCheck
from tests.bundle_files import dense_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dense_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


def run(*argv: str, device: str = "local", quiet: bool = True) -> Result:
    return CliRunner().invoke(deploy, [*argv, f"--device={device}"], obj=Volume(quiet))


def test_what_was_deployed_is_told_and_listed(bundle: Path) -> None:
    assert run("--list").stdout == "Nothing is deployed on local.\n"
    lines = run(str(bundle)).stdout.splitlines()
    assert lines[0].startswith("small: release 0001 is current on local")
    assert lines[1].startswith("golden outputs: 4 samples")
    assert run("--list").stdout.splitlines()[1].split()[:4] == ["*", "small", "0001", "float32"]


def test_for_machines_the_result_is_json(bundle: Path) -> None:
    done = json.loads(run(str(bundle), "--json").stdout)
    assert (done["schema"], done["device"], done["number"]) == ("edgekit/deployment", "local", "0001")
    releases = json.loads(run("--list", "--json").stdout)["releases"]
    assert [(release["name"], release["current"]) for release in releases] == [("small", True)]


def test_back_and_away(bundle: Path, tmp_path: Path) -> None:
    for each in (bundle, dense_bundle(tmp_path, "int8")):
        run(str(each), "--keep=2")
    assert "*  small   0001" in run("--rollback").stdout
    removed = run("--remove", "small", quiet=False)
    assert removed.stderr == "small: removed from local.\n"
    assert removed.stdout == "Nothing is deployed on local.\n"


def test_quietly_nothing_but_the_result_is_told(bundle: Path) -> None:
    assert run(str(bundle)).stderr == ""
    assert run("--remove").stderr == ""


def test_what_serves_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    golden = GoldenCheck(4, 0.0, "step", 0.0)
    service = ServiceUnit("edgekit-small.service", "http://127.0.0.1:8181", True)
    done = Deployment("local", "small", "0001", "0" * 64, 0, golden, "/bundle", service)
    print_deployment(done)
    print_deployment(replace(done, service=replace(service, starts_at_boot=False)))
    print_deployment(replace(done, service=replace(service, left_running=True)))
    lines = [line for line in capsys.readouterr().out.splitlines() if ".service" in line]
    assert lines == [
        "edgekit-small.service serves it at http://127.0.0.1:8181 on the device, now and after each start.",
        "edgekit-small.service serves it at http://127.0.0.1:8181 on the device, now.",
        f"{lines[0].removesuffix('.')}; nothing changed, so it was left running.",
    ]


@pytest.mark.parametrize("options", [("--list", "--remove"), ("--rollback", "--list"), ("--rollback", "--remove")])
def test_two_things_at_once_are_refused_and_neither_is_done(bundle: Path, options: tuple[str, str]) -> None:
    run(str(bundle))
    result = run(*options, "small")
    assert result.exit_code == 2
    assert "do not go together; allowed: one of --list, --rollback, --remove" in " ".join(result.stderr.split())
    assert "*  small   0001" in run("--list").stdout


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--list", "--service"), "--service goes with deploying a BUNDLE, not with --list"),
        (("--remove", "--keep=2"), "--keep goes with deploying a BUNDLE, not with --remove"),
        (("--rollback", "--port=81"), "--port goes with deploying a BUNDLE, not with --rollback"),
        (("--port=81",), "--port says nothing without --service"),
    ],
)
def test_an_option_that_would_say_nothing_is_refused(bundle: Path, options: tuple[str, ...], told: str) -> None:
    result = run(str(bundle), *options)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())
    assert run("--list").stdout == "Nothing is deployed on local.\n"


def test_without_a_bundle_nothing_is_deployed() -> None:
    result = run()
    assert result.exit_code == 2
    assert "Missing argument 'BUNDLE'" in result.stderr


@pytest.mark.parametrize(
    ("device", "kind", "told"),
    [
        ("emulated://raspberry-pi-5", DeviceError, "nothing can be deployed to emulated devices"),
        ("emulated://raspberry-pi-9", UserError, "no such board; allowed: raspberry-pi-3b-plus"),
        ("raspberry", UserError, "no device's address"),
    ],
)
def test_where_nothing_can_be_deployed_it_says_so(bundle: Path, device: str, kind: type[Exception], told: str) -> None:
    error = run(str(bundle), device=device).exception
    assert isinstance(error, kind)
    assert told in str(error)
