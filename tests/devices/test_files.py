"""Files by checksum: what is there is not sent, what broke goes on, what was changed is sent again."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile

import pytest

from edgekit_devices.files import Sendable, send_files, sendable
from edgekit_devices.local_transport import LocalTransport
from edgekit_devices.session import Session
from edgekit_runtime.errors import DeviceError
from tests.devices.conftest import STORE
from tests.devices.fakes import CutTransport

SIZE = 1_000_000


@pytest.fixture
def file(tmp_path) -> Sendable:
    (tmp_path / "file").write_bytes(os.urandom(SIZE))
    return sendable(tmp_path / "file")


@pytest.fixture
def session(home):
    with Session(LocalTransport(), sys.executable) as opened:
        yield opened


def sent(files) -> int:
    with Session(LocalTransport(), sys.executable) as session:
        return send_files(session, files, "send")


def test_what_is_there_is_not_sent_again(home, file):
    assert [sent({"a": file}), sent({"b": file})] == [SIZE, 0]


def test_equal_files_are_sent_once(home, file, tmp_path):
    (tmp_path / "copy").write_bytes(file.path.read_bytes())
    assert sent({"a": file, "b": sendable(tmp_path / "copy")}) == SIZE


def test_progress_ends_at_all_of_it(session, file):
    told = []
    send_files(session, {"a": file}, "send a", lambda *progress: told.append(progress))
    assert told[-1] == ("send a", SIZE, SIZE)


def test_a_broken_transfer_goes_on_where_it_broke(home, file):
    with (
        pytest.raises(DeviceError, match="the connection ended"),
        Session(CutTransport("drop", after_bytes=600_000), sys.executable) as session,
    ):
        send_files(session, {"a": file}, "send")
    rest = sent({"a": file})
    assert 0 < rest < SIZE - 400_000
    assert sent({"a": file}) == 0


def test_a_beginning_that_was_damaged_is_found_and_then_sent_whole(home, file):
    incoming = home / STORE / "incoming"
    incoming.mkdir(parents=True)
    (incoming / f"{file.sha256}.part").write_bytes(bytes(500_000))
    with pytest.raises(DeviceError, match="a file came damaged"):
        sent({"a": file})
    assert sent({"a": file}) == SIZE


def test_a_file_that_was_changed_there_is_sent_again(home, file):
    sent({"a": file})
    (home / STORE / "files" / file.sha256).write_bytes(b"x" * SIZE)
    assert sent({"a": file}) == SIZE


def test_files_that_nobody_holds_go_when_others_come(home, file, tmp_path):
    sent({"a": file})
    (tmp_path / "other").write_text("other")
    other = sendable(tmp_path / "other")
    sent({"a": other})
    assert [path.name for path in (home / STORE / "files").iterdir()] == [other.sha256]


def test_more_than_the_disk_holds_is_refused_before_a_byte_is_sent(session, file):
    huge = Sendable(file.path, "0" * 64, 1 << 60)
    with pytest.raises(DeviceError, match=r"the disk is full: 1152921504606\.8 MB are to come"):
        send_files(session, {"a": huge}, "send")


def test_two_transfers_of_the_same_file_do_not_meet(session, file, home):
    with Session(LocalTransport(), sys.executable) as other:
        for one in (session, other):
            one.call("missing", {"sizes": {file.sha256: SIZE}})
        part = home / STORE / "incoming" / f"{file.sha256}.part"
        part.touch()
        lock = f"import fcntl, time; f = open({str(part)!r}); fcntl.flock(f, fcntl.LOCK_EX); print('x'); time.sleep(60)"
        with subprocess.Popen([sys.executable, "-uc", lock], stdout=subprocess.PIPE) as holder:
            holder.stdout.readline()
            with pytest.raises(DeviceError, match="another transfer of the same file is under way"):
                send_files(session, {"a": file}, "send")
            holder.kill()


@pytest.mark.parametrize("name", ["../out", "/out", "a/../../out", "a\\b", ""])
def test_a_path_that_leads_out_of_its_folder_is_refused(session, file, name, tmp_path):
    send_files(session, {"a": file}, "send")
    with pytest.raises(DeviceError, match="points outside its folder"):
        session.call("scratch", {"name": "tree", "files": {name: file.sha256, "b": file.sha256}})
    assert not (tmp_path / "out").exists()


def wheel(path, files, link=False):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o120777 if link else 0o644) << 16
            archive.writestr(entry, content)
    return sendable(path)


def install(session, file):
    send_files(session, {"wheel": file}, "send")
    return session.call("install", {"name": "e1", "wheels": [file.sha256]})["python"]


def test_a_wheel_is_unpacked_for_a_python_of_its_own(session, tmp_path, home):
    files = {"mine.py": "x = 7", "mine-1.data/purelib/pure.py": "y = 8", "mine-1.data/scripts/tool": "no"}
    python = install(session, wheel(tmp_path / "w.whl", files))
    script = "import mine, pure; print(mine.x, pure.y)"
    completed = session.call("run", {"argv": [python, "-c", script], "timeout_s": 60})
    assert completed["stdout"] == "7 8\n"
    assert session.call("environment", {"name": "e1"})["python"] == python
    assert not list(home.rglob("tool"))
    assert not list((home / STORE / "files").iterdir())  # the wheel itself is not kept


@pytest.mark.parametrize("name", ["../../evil.py", "/evil.py", "a/../../../evil.py", "a\\..\\evil.py"])
def test_a_wheel_that_points_outside_its_folder_is_refused(session, tmp_path, name, home):
    with pytest.raises(DeviceError, match="points outside its folder"):
        install(session, wheel(tmp_path / "w.whl", {name: "evil"}))
    assert not list(home.rglob("evil.py"))
    assert session.call("environment", {"name": "e1"})["python"] is None


def test_an_installation_that_is_cut_off_leaves_nothing_half_and_goes_well_the_next_time(home, tmp_path):
    files = {f"mine/part{number}.py": "x = 7" for number in range(3000)}
    packed = wheel(tmp_path / "w.whl", {"mine/__init__.py": "", **files})
    for delay_s in (0.0, 0.02, 0.05):
        transport = CutTransport("kill", after_call="install", delay_s=delay_s)
        with Session(transport, sys.executable) as session, pytest.raises(DeviceError, match="the connection ended"):
            install(session, packed)
        with Session(LocalTransport(), sys.executable) as session:
            assert session.call("environment", {"name": "e1"})["python"] is None
    with Session(LocalTransport(), sys.executable) as session:
        python = install(session, packed)
        completed = session.call("run", {"argv": [python, "-c", "import mine.part2999"], "timeout_s": 60})
    assert completed["status"] == 0
    assert [path.name for path in (home / STORE / "environments").iterdir()] == ["e1"]


def test_a_wheel_with_a_link_is_refused(session, tmp_path):
    with pytest.raises(DeviceError, match="is a link"):
        install(session, wheel(tmp_path / "w.whl", {"out": "/etc"}, link=True))


def test_a_wheel_that_is_none_is_refused(session, file):
    with pytest.raises(DeviceError, match="a wheel cannot be unpacked"):
        install(session, file)


def test_the_checksum_is_that_of_the_content(file):
    assert file.sha256 == hashlib.sha256(file.path.read_bytes()).hexdigest()
