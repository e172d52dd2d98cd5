"""The systemd unit on a device."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NoReturn

import pytest

from edgekit_devices.onboard import service as onboard_service
from edgekit_devices.onboard.frames import RefusedError
from edgekit_devices.onboard.service import Service
from edgekit_runtime.agent import INTERRUPTED

UNITS = ".config/systemd/user"


DIGEST = "0123456789abcdef" * 4
JOURNAL = "golden outputs: 4 samples\nerror: 127.0.0.1, port 8181: address already in use. Choose another with --port."


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >> "{folder}/told"\n{script}\n')
    (folder / name).chmod(0o755)


@pytest.fixture
def programs(tmp_path, monkeypatch) -> Path:
    """systemctl, loginctl and journalctl, which write down what they were told, and say yes."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("systemctl", "loginctl", "journalctl"):
        program(folder, name, "exit 0")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


@pytest.fixture
def told(programs) -> Path:
    """What they were told."""
    return programs / "told"


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def bus_is_gone(programs) -> None:
    program(programs, "systemctl", "echo 'Failed to connect to bus' >&2; exit 1")


@contextlib.contextmanager
def serving(port: int, told: Path, name: str = "small", digest: str = DIGEST[:16]) -> Iterator[None]:
    """An agent that serves from when systemctl is told to restart its unit."""

    class Ready(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"state": "ready", "model": {"name": name, "digest": digest}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    over = threading.Event()

    def serve() -> None:
        while not (told.exists() and " restart " in told.read_text()):
            if over.wait(0.01):
                return
        with HTTPServer(("127.0.0.1", port), Ready) as server:
            server.timeout = 0.05
            while not over.is_set():
                server.handle_request()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def service(home, by_root=False, number="0001", digest=DIGEST) -> Service:
    folder = home / "a %b/bundles/small"
    release, current = folder / "releases" / number, folder / "current"
    release.mkdir(parents=True, exist_ok=True)
    (release / "release.json").write_text(json.dumps({"digest": digest}))
    current.unlink(missing_ok=True)
    current.symlink_to(f"releases/{number}")
    return Service(home / "a %b", "small", by_root)


def installed(home, told, port) -> Path:
    with serving(port, told):
        service(home).install(port)
    return home / UNITS / "edgekit-small.service"


def test_it_serves_what_is_current_from_now_on(home, told, port):
    with serving(port, told):
        assert service(home).install(port) == {
            "unit": "edgekit-small.service",
            "url": f"http://127.0.0.1:{port}",
            "starts_at_boot": True,
            "left_running": False,
            "warnings": [],
        }
    unit = (home / UNITS / "edgekit-small.service").read_text()
    current = f"{home}/a %%b/bundles/small/current"
    assert (
        f'ExecStart=/bin/sh "{current}/python" "{current}/program/runtime.pyz" serve --port={port} "{current}/bundle"'
        in unit
    )
    assert "WantedBy=default.target" in unit
    assert [line for line in told.read_text().splitlines() if " show " not in line] == [
        "systemctl --user daemon-reload",
        "systemctl --user enable edgekit-small.service",
        "systemctl --user restart edgekit-small.service",
        "loginctl enable-linger",
    ]


def test_a_stop_while_it_starts_is_no_failure(home, told, port):
    unit = installed(home, told, port).read_text()
    assert f"SuccessExitStatus={INTERRUPTED}\n" in unit
    assert "KillMode=mixed\n" in unit  # else the check of golden outputs ends first, and looks like a crash


def test_where_it_may_not_start_by_itself_it_says_so_with_the_remedy(home, programs, told, port):
    program(programs, "loginctl", "exit 1")
    with serving(port, told):
        done = service(home).install(port)
    assert done["starts_at_boot"] is False
    assert "does not start with the device" in done["warnings"][0]
    assert "sudo loginctl enable-linger " in done["warnings"][0]


def test_it_is_restarted_only_where_there_is_one(home, told, port):
    service(home).refresh()
    assert not told.exists()
    installed(home, told, port)
    told.unlink()
    with serving(port, told):
        service(home).refresh()
    done = [line for line in told.read_text().splitlines() if " show " not in line]
    assert done == ["systemctl --user restart edgekit-small.service"]


def test_where_nothing_changed_it_is_left_running(home, told, port):
    with serving(port, told):
        service(home).install(port)
        first = told.read_text()
        assert service(home).install(port)["left_running"] is True
        service(home).refresh()
    assert " restart " not in told.read_text().removeprefix(first)


@pytest.mark.parametrize("change", ["release", "unit", "served"])
def test_where_something_changed_it_is_restarted(home, told, port, change):
    with serving(port, told):
        service(home).install(port)
        first = told.read_text()
        if change == "unit":
            unit = home / UNITS / "edgekit-small.service"
            unit.write_text(unit.read_text() + "# by hand\n")
        if change == "served":
            (home / "a %b/bundles/small/served").unlink()
        number = "0002" if change == "release" else "0001"  # of an equal bundle: another runtime, say
        assert service(home, number=number).install(port)["left_running"] is False
    assert "systemctl --user restart edgekit-small.service" in told.read_text().removeprefix(first)


@pytest.mark.parametrize("state", ["failed", "inactive"])
def test_one_that_was_stopped_is_started_whatever_answers_there(home, programs, told, port, state):
    with serving(port, told):
        service(home).install(port)
        show = f'[ "$2" = show ] && ! grep -q again {programs}/told && echo ActiveState={state}'
        program(programs, "systemctl", f'{show}; [ "$2" = restart ] && echo again >> {programs}/told; exit 0')
        assert service(home).install(port)["left_running"] is False


def test_a_restart_that_failed_is_tried_again(home, programs, told, port, monkeypatch):
    with serving(port, told):
        service(home).install(port)
        monkeypatch.setattr(onboard_service, "READY_S", 0.0)
        with pytest.raises(RefusedError, match="does not serve"):
            service(home, number="0002", digest="f" * 64).refresh()
        first = told.read_text()
        service(home).refresh()  # back again
    assert " restart " in told.read_text().removeprefix(first)


def test_a_disk_without_room_for_the_unit_is_told_as_what_it_is(home, told, port, monkeypatch):
    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    fresh = Service(home, "small", by_root=False)
    with pytest.raises(RefusedError, match=r"no service was installed, .* the bundle itself is deployed: the disk is"):
        fresh.install(port)
    assert list((home / UNITS).iterdir()) == []


def test_it_is_removed_whole(home, told, port):
    installed(home, told, port)
    assert service(home).remove() == {"warnings": []}
    assert list((home / UNITS).iterdir()) == []
    assert "systemctl --user disable --now edgekit-small.service" in told.read_text()


def test_what_systemd_refuses_is_told_in_its_words_and_leaves_no_unit(home, bus_is_gone, port):
    with pytest.raises(RefusedError) as caught:
        service(home).install(port)
    assert str(caught.value) == (
        "no service was installed, though the bundle itself is deployed: "
        "systemctl --user daemon-reload: Failed to connect to bus"
    )
    assert "journalctl --user -u edgekit-small.service" in caught.value.hint
    assert list((home / UNITS).iterdir()) == []
    service(home).refresh()  # nothing of it is in the way


def test_root_is_shown_the_systems_journal(home, bus_is_gone, port, monkeypatch):
    monkeypatch.setattr(onboard_service, "SYSTEM_FOLDER", str(home / "system"))
    with pytest.raises(RefusedError) as caught:
        service(home, by_root=True).install(port)
    assert caught.value.hint == "See: journalctl -u edgekit-small.service"


def test_it_is_removed_also_where_systemd_fails(home, told, port, programs):
    unit = installed(home, told, port)
    wanted = unit.parent / "default.target.wants/edgekit-small.service"
    wanted.parent.mkdir()
    wanted.symlink_to(unit)
    program(programs, "systemctl", "echo 'Failed to connect to bus' >&2; exit 1")
    warnings = service(home).remove()["warnings"]
    assert "may run until the next start: systemctl --user disable --now" in warnings[0]
    assert not unit.exists()
    assert not wanted.is_symlink()


def test_a_port_that_is_taken_is_told_before_anything_is_installed(home, told):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(RefusedError, match=f"port {taken} is taken there.*the bundle itself is deployed") as caught:
            service(home).install(taken)
    assert "--port" in caught.value.hint
    assert not told.exists()


@pytest.mark.parametrize(
    ("journal", "words"),
    [
        (JOURNAL, "127.0.0.1, port 8181: address already in use"),
        (
            "/bin/sh: 0: cannot open /home/pi/python: Permission denied",
            "/bin/sh: 0: cannot open /home/pi/python: Permission",
        ),
        ("", "it ended"),
    ],
)
def test_a_unit_that_ends_is_told_with_its_last_words_and_removed(home, programs, port, journal, words):
    show = 'case "$*" in *show*) printf "ActiveState=activating\nSubState=auto-restart\n";; esac'
    program(programs, "systemctl", show)
    program(programs, "journalctl", f"cat <<'END'\n{journal}\nEND")
    with pytest.raises(RefusedError, match=re.escape(f"edgekit-small.service does not start: {words}")):
        service(home).install(port)
    assert list((home / UNITS).iterdir()) == []


@pytest.mark.parametrize("other", [{"name": "other"}, {"digest": "f" * 16}])
def test_what_answers_for_another_bundle_is_not_taken_for_it(home, told, port, monkeypatch, other):
    monkeypatch.setattr(onboard_service, "READY_S", 1.0)
    with serving(port, told, **other), pytest.raises(RefusedError, match=f"does not serve at port {port} after 1 s"):
        service(home).install(port)


def test_another_port_that_fails_leaves_the_service_as_it_was(home, told, port, monkeypatch):
    unit = installed(home, told, port)
    before = unit.read_text()
    monkeypatch.setattr(onboard_service, "READY_S", 0.0)
    with pytest.raises(RefusedError, match="no service was installed"):
        service(home).install(port - 1 if port > 1025 else port + 1)
    assert unit.read_text() == before
    assert told.read_text().splitlines()[-1] == "systemctl --user restart edgekit-small.service"


def test_without_systemd_it_says_how_to_start_it(home, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RefusedError, match="no systemd here") as caught:
        service(home).install(8181)
    assert "program/runtime.pyz serve" in caught.value.hint


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (package systemd)"
)
@pytest.mark.parametrize("by_root", [False, True])
@pytest.mark.parametrize("folder", ["plain", "a b", "50 %b %% of", "a$HOME ${x}", 'a "quoted" one', "a\\ b\\x20"])
def test_systemd_itself_finds_no_fault_in_the_unit(home, told, port, monkeypatch, folder, by_root):
    monkeypatch.setattr(onboard_service, "SYSTEM_FOLDER", str(home / "system"))
    current = home / folder / "bundles/small/current"
    current.mkdir(parents=True)
    (current / "release.json").write_text(json.dumps({"digest": DIGEST}))
    with serving(port, told):
        Service(home / folder, "small", by_root=by_root).install(port)
    unit = home / ("system" if by_root else UNITS) / "edgekit-small.service"
    assert verified(unit, by_root) == (0, "")
    unit.write_text(unit.read_text().replace("/bin/sh", "/bin/no-such-shell"))
    status, said = verified(unit, by_root)
    assert status == 1
    assert "Command /bin/no-such-shell is not executable" in said


def verified(unit: Path, by_root: bool) -> tuple[int, str]:
    """What systemd says of a unit: its status, and its words on this one among all that it looks at."""
    argv = ("systemd-analyze", "verify", "--man=no", "--system" if by_root else "--user", unit)
    variables = {"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": "/run"}
    done = subprocess.run(argv, env=variables, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, "".join(line for line in done.stderr.splitlines(keepends=True) if unit.stem in line)
