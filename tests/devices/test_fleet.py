"""Devices by names of the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit_devices.catalog import find_device, open_device, open_remote
from edgekit_devices.fleet import FleetEntry, fleet_path, load_fleet, read_fleet
from edgekit_runtime.errors import DeviceError, UserError

FLEET = """
[devices.kitchen]
address = "ssh://pi@kitchen.local"
python = "/opt/python3.12/bin/python3"
target = "raspberry-pi-4b"

[devices.twin]
address = "emulated://raspberry-pi-5"
"""


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("EDGEKIT_FLEET", raising=False)


def test_a_name_stands_for_an_address_with_its_settings(tmp_path):
    (tmp_path / "fleet.toml").write_text(FLEET)
    named = find_device("kitchen")
    assert (str(named.address), named.python, named.target) == (
        "ssh://pi@kitchen.local",
        "/opt/python3.12/bin/python3",
        "raspberry-pi-4b",
    )
    assert find_device("ssh://pi@other").target is None
    assert load_fleet()["twin"] == FleetEntry("emulated://raspberry-pi-5")


def test_a_name_that_is_not_there_is_told_with_those_that_are(tmp_path):
    (tmp_path / "fleet.toml").write_text(FLEET)
    with pytest.raises(UserError, match=r"'attic' is no device: .*\(kitchen, twin\)"):
        open_device("attic")


def test_what_keeps_nothing_cannot_be_deployed_to(tmp_path):
    (tmp_path / "fleet.toml").write_text(FLEET)
    with pytest.raises(DeviceError, match="nothing can be deployed to emulated devices"):
        open_remote("twin")


def test_without_a_file_there_are_no_names():
    assert fleet_path() is None
    assert load_fleet() == {}


def test_the_file_of_this_folder_comes_before_the_users_and_the_named_one_before_both(tmp_path, monkeypatch):
    users = tmp_path / "config/edgekit/fleet.toml"
    users.parent.mkdir(parents=True)
    users.write_text(FLEET)
    assert fleet_path() == users
    (tmp_path / "fleet.toml").write_text("")
    assert fleet_path() == Path("fleet.toml")
    (tmp_path / "mine.toml").write_text(FLEET)
    monkeypatch.setenv("EDGEKIT_FLEET", "mine.toml")
    assert fleet_path() == Path("mine.toml")


def test_a_named_file_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setenv("EDGEKIT_FLEET", "none.toml")
    with pytest.raises(UserError, match=r"EDGEKIT_FLEET is 'none\.toml': no such file"):
        load_fleet()


def test_every_fault_is_told_at_once(tmp_path):
    path = tmp_path / "fleet.toml"
    path.write_text('[devices.all]\naddress = "x"\nport = 3\n[devices.b]\npython = "-c"\naddress = 4\n')
    with pytest.raises(UserError) as caught:
        read_fleet(path)
    lines = caught.value.message.splitlines()
    assert len(lines) == 5
    assert all(line.startswith(f"{path}: devices") for line in lines)
    for part in ("devices.all.port", "devices.b.address", "'all' is no name", "'x' is no device's address", "'-c'"):
        assert any(part in line for line in lines), part


@pytest.mark.parametrize("content", [b"[devices", b"\xff", b"devices = 3", b"[device.a]\naddress='local'"])
def test_what_is_no_fleet_file_is_told_with_its_name(tmp_path, content):
    (tmp_path / "fleet.toml").write_bytes(content)
    with pytest.raises(UserError, match=r"fleet\.toml: "):
        load_fleet()
