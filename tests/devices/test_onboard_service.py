"""The systemd unit on a device."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from edgekit_devices.onboard import service as onboard_service
from edgekit_devices.onboard.frames import RefusedError
from edgekit_devices.onboard.service import Service
from edgekit_runtime.agent import INTERRUPTED

UNITS = ".config/systemd/user"


@pytest.fixture
def told(tmp_path, monkeypatch) -> Path:
    """What systemctl and loginctl were told, written down by programs of that name."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("systemctl", "loginctl"):
        (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >> "{tmp_path}/told"\n')
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return tmp_path / "told"


def service(home) -> Service:
    return Service(home / "a %b", "small", by_root=False)


def test_it_serves_what_is_current_from_now_on(home, told):
    assert service(home).install(8181) == {"unit": "edgekit-small.service", "starts_at_boot": True}
    unit = (home / UNITS / "edgekit-small.service").read_text()
    current = f"{home}/a %%b/bundles/small/current"
    assert (
        f'ExecStart=/bin/sh "{current}/python" "{current}/program/runtime.pyz" serve --port=8181 "{current}/bundle"'
        in unit
    )
    assert "WantedBy=default.target" in unit
    assert told.read_text().splitlines() == [
        "systemctl --user daemon-reload",
        "systemctl --user enable edgekit-small.service",
        "systemctl --user restart edgekit-small.service",
        "loginctl enable-linger",
    ]


def test_a_stop_while_it_starts_is_no_failure(home, told):
    service(home).install(8181)
    unit = (home / UNITS / "edgekit-small.service").read_text()
    assert f"SuccessExitStatus={INTERRUPTED}\n" in unit
    assert "KillMode=mixed\n" in unit  # else the check of golden outputs ends first, and looks like a crash


def test_it_is_restarted_only_where_there_is_one(home, told):
    assert service(home).refresh() == {"unit": ""}
    assert not told.exists()
    service(home).install(8181)
    assert service(home).refresh() == {"unit": "edgekit-small.service"}
    assert told.read_text().splitlines()[-1] == "systemctl --user restart edgekit-small.service"


def test_it_is_removed_whole(home, told):
    service(home).install(8181)
    service(home).remove()
    assert list((home / UNITS).iterdir()) == []
    assert "systemctl --user disable --now edgekit-small.service" in told.read_text()


def test_what_systemd_refuses_is_told_in_its_words(home, told, tmp_path):
    (tmp_path / "programs/systemctl").write_text("#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n")
    with pytest.raises(RefusedError, match="systemctl --user daemon-reload: Failed to connect to bus") as caught:
        service(home).install(8181)
    assert "journalctl --user -u edgekit-small.service" in caught.value.hint


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
def test_systemd_itself_finds_no_fault_in_the_unit(home, told, monkeypatch, folder, by_root):
    monkeypatch.setattr(onboard_service, "SYSTEM_FOLDER", str(home / "system"))
    Service(home / folder, "small", by_root=by_root).install(8181)
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
