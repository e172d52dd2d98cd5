"""Emulated boards, as far as they need no emulator: what they show, which commands run, and wrong set-ups."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_devices.catalog import open_device
from edgekit_devices.emulated import create, tools, userland
from edgekit_devices.emulated.boards import BOARDS, cpuinfo, find_board, system_files
from edgekit_devices.emulated.counter import compile_argv, counter
from edgekit_devices.emulated.create import create_board, remove_board
from edgekit_devices.emulated.known import KNOWN
from edgekit_devices.emulated.machine import Machine
from edgekit_devices.emulated.store import build_once, remove, store_folder
from edgekit_devices.emulated.tools import Qemu, error_line, find_qemu, find_tool, run_tool
from edgekit_devices.emulated.userland import apt_argv, pip_argv, unpack_argv
from edgekit_runtime.emulation import VARIABLE, read_emulation
from edgekit_runtime.environment import read_environment
from edgekit_runtime.errors import DeviceError, OutputError, UserError
from edgekit_targets.catalog import load_profile
from tests.devices.known_model import known_model

MACHINE = Machine(BOARDS["raspberry-pi-5"], Qemu("/usr/bin/qemu-aarch64", "7.2.22"), Path("/s/tree"), Path("/s/c.so"))


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes a program that the tools find in place of this machine's; without any, they find none."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("EDGEKIT_QEMU", raising=False)

    def make(name: str, script: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return make


# ---- boards ----


@pytest.mark.parametrize("name", BOARDS)
def test_each_board_is_one_of_the_targets_with_its_processor(name):
    board, profile = BOARDS[name], load_profile(name).profile
    assert board.model.startswith(profile.boards)
    assert profile.cpu.model.value.lower() == board.cpu
    assert profile.cpu.cores.value == board.cores
    dot_products = "dotprod" in profile.cpu.features.value
    assert ("asimddp" in board.features.split()) == dot_products == bool(KNOWN[board.cpu][1])


@pytest.mark.parametrize("name", BOARDS)
def test_the_agent_recognizes_the_board_by_its_files(name, tmp_path):
    for path, text in system_files(BOARDS[name]).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    environment = read_environment("litert", "xnnpack", tmp_path)
    assert environment.board.value == f"{BOARDS[name].model}, emulated"
    assert environment.cpu.value == f"ARM {BOARDS[name].cpu.title()}"


def test_a_processor_stands_in_cpuinfo_once_for_each_core():
    text = cpuinfo(BOARDS["raspberry-pi-5"])
    assert [line for line in text.splitlines() if line.startswith("processor")] == [
        f"processor\t: {i}" for i in range(4)
    ]
    assert "asimddp\nCPU implementer\t: 0x41\n" in text


def test_an_unknown_board_is_the_users_error():
    with pytest.raises(UserError, match=r"emulated://raspberry-pi-9: no such board; allowed: raspberry-pi-3b-plus, .*"):
        open_device("emulated://raspberry-pi-9")
    with pytest.raises(UserError, match="no such board"):
        remove_board("raspberry-pi-9")


def test_the_known_model_is_what_its_maker_makes():
    assert (files("edgekit_devices.emulated") / "known.tflite").read_bytes() == known_model()


# ---- commands, as data ----


def test_a_program_of_the_board_gets_none_of_this_machines_variables():
    here = {"PATH": "/bin", "HOME": "/home/me", "LD_PRELOAD": "x.so", "PYTHONSTARTUP": "y.py", "OMP_NUM_THREADS": "8"}
    argv = MACHINE.argv(("/s/tree/usr/bin/python3.11", "agent.pyz"), here)
    assert argv[1] == "-i"
    assert argv[-7:] == ("/usr/bin/qemu-aarch64", "-L", "/s/tree", "-cpu", "cortex-a76", *argv[-2:])
    given = dict(part.split("=", 1) for part in argv[2:-7])
    assert given.keys() & here.keys() == {"PATH", "HOME", "OMP_NUM_THREADS"}
    assert (given["OMP_NUM_THREADS"], given["PYTHONHASHSEED"]) == ("1", "0")
    assert read_emulation(given) == MACHINE.emulation
    assert VARIABLE in given


def test_counting_names_the_processor_and_the_file():
    argv = MACHINE.emulation.counting("/tmp/marks")
    assert argv[-2:] == ("-plugin", "/s/c.so,cpu=76,out=/tmp/marks")


def test_apt_has_a_state_of_its_own():
    argv = apt_argv(Path("/x"), "update")
    options = dict(part.split("=", 1) for part in argv if "=" in part)
    assert options["Dir::State"].startswith("/x")
    assert options["Dir::State::status"] == "/x/status"
    assert options["Dir::Cache"].startswith("/x")
    assert options["APT::Architecture"] == "arm64"
    assert argv[-1] == "update"


def test_pip_takes_wheels_of_the_boards_python_alone():
    argv = pip_argv(Path("/x/site"))
    assert argv[0] == sys.executable
    assert {"--only-binary=:all:", "--python-version=3.11", "--target=/x/site"} <= set(argv)
    assert all("aarch64" in part for part in argv if part.startswith("--platform="))
    assert "ai-edge-litert==2.3.0" in argv


def test_a_package_is_unpacked_without_its_scripts_and_its_owners():
    reader, writer = unpack_argv(Path("/x/a.deb"), Path("/x/root"))
    assert reader[1:] == ("--fsys-tarfile", "/x/a.deb")
    assert {"--no-same-owner", "--keep-directory-symlink", "--directory=/x/root"} <= set(writer)


# ---- what is missing on this machine ----


@pytest.mark.parametrize(
    ("program", "package"),
    [("qemu-aarch64", "qemu-user"), ("gcc", "gcc"), ("apt-get", "apt"), ("dpkg-deb", "dpkg")],
)
def test_a_missing_program_is_named_with_the_package_that_brings_it(programs, program, package):
    with pytest.raises(DeviceError, match=f"{program} is not installed") as error:
        find_tool(program)
    assert error.value.hint == f"Run: sudo apt install {package}"


QEMU = 'case "$1" in --version) echo "qemu-aarch64 version 7.2.22 (Debian)";; -h) echo "-plugin x"; exit 1;; esac'


def test_without_qemu_no_board_is_made(programs, tmp_path):
    with pytest.raises(DeviceError, match="qemu-aarch64 is not installed"):
        create_board("raspberry-pi-5", store=tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_without_a_compiler_no_board_is_made(programs, tmp_path):
    programs("qemu-aarch64", QEMU)
    with pytest.raises(DeviceError, match="gcc is not installed"):
        create_board("raspberry-pi-5", store=tmp_path / "store")


def test_qemu_is_known_by_what_it_says(programs):
    path = programs("qemu-aarch64", QEMU)
    assert find_qemu() == Qemu(str(path), "7.2.22")
    assert str(find_qemu()) == "qemu-aarch64 7.2.22"


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ('echo "qemu-aarch64 version 11.1.3 (Debian)"', "it is version 11.1.3; allowed: 7.2 to 8.2, and 9.1 to 10"),
        ('echo "qemu-aarch64 version 9.0.4"', "it is version 9.0.4; allowed: 7.2 to 8.2, and 9.1 to 10"),
        ('echo "qemu-aarch64 version 6.2.0 (Ubuntu)"', "it is version 6.2.0; allowed: 7.2 to 8.2"),
        (QEMU.replace("-plugin", "-singlestep"), "it takes no plugins"),
        ("echo hello", "it is no qemu-aarch64"),
        ("true", "it is no qemu-aarch64"),
        ("echo 'error: no' >&2; exit 1", "starting qemu: error: no"),
    ],
)
def test_another_qemu_is_refused(programs, monkeypatch, script, fault):
    monkeypatch.setenv("EDGEKIT_QEMU", str(programs("mine", script)))
    with pytest.raises(DeviceError, match=fault):
        find_qemu()


@pytest.mark.parametrize(("version", "interface"), [("7.2.22", 1), ("8.2.2", 1), ("9.1.0", 3), ("10.0.13", 3)])
def test_the_interface_for_plugins_goes_by_the_version(programs, version, interface):
    path = programs("qemu-aarch64", QEMU.replace("7.2.22", version))
    assert find_qemu() == Qemu(str(path), version, interface)


def test_a_qemu_without_plugins_is_told_where_it_comes_from(programs):
    programs("qemu-aarch64", QEMU.replace("-plugin", "-singlestep").replace("7.2.22", "10.0.13"))
    with pytest.raises(DeviceError, match="it takes no plugins") as error:
        find_qemu()
    assert "statically" in error.value.hint


def test_a_named_qemu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setenv("EDGEKIT_QEMU", "/no/such/qemu")
    with pytest.raises(DeviceError, match="/no/such/qemu cannot be started"):
        find_qemu()


def test_without_debians_keys_nothing_is_downloaded(monkeypatch, tmp_path):
    monkeypatch.setattr(userland, "KEYRING", tmp_path / "missing.gpg")
    with pytest.raises(DeviceError, match="cannot be verified") as error:
        userland.userland(tmp_path / "store", lambda *_: None)
    assert "debian-archive-keyring" in error.value.hint


def test_without_a_network_the_first_build_says_so(programs, monkeypatch, tmp_path):
    programs("apt-get", 'echo "W: some\nE: Failed to fetch http://deb.debian.org/x  Could not resolve" >&2; exit 100')
    key = tmp_path / "key.gpg"
    key.touch()
    monkeypatch.setattr(userland, "KEYRING", key)
    with pytest.raises(DeviceError, match=r"Failed to fetch http://deb\.debian\.org/x") as error:
        userland.userland(tmp_path / "store", lambda *_: None)
    assert "check the network" in error.value.hint


def test_a_full_disk_is_told_with_what_to_do(programs):
    programs("pip", "echo 'ERROR: Could not install: [Errno 28] No space left on device' >&2; exit 1")
    with pytest.raises(DeviceError, match="No space left") as error:
        run_tool((find_tool("pip"),), "fetching wheels", hint="check the network")
    assert "Free some space" in error.value.hint


def test_a_cache_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written") as error:
        build_once(tmp_path / "file/folder", lambda folder: None)
    assert "EDGEKIT_CACHE_DIR" in error.value.hint


def test_a_damaged_package_is_told(tmp_path, monkeypatch):
    package = tmp_path / "a.deb"
    package.write_bytes(b"no package")
    monkeypatch.setattr(userland, "find_tool", lambda name: name)
    with pytest.raises(DeviceError, match=r"unpacking a\.deb"):
        userland._unpack(package, tmp_path)


# ---- what is kept ----


def test_what_was_built_is_not_built_again(tmp_path):
    built = []

    def build(folder: Path) -> None:
        built.append(folder)
        (folder / "file").write_text("x")

    for _ in range(2):
        assert (build_once(tmp_path / "a/target", build) / "file").read_text() == "x"
    assert len(built) == 1


def test_a_build_that_was_cut_off_goes_on_where_it_was_and_shows_nothing_half_done(tmp_path):
    def cut_off(folder: Path) -> None:
        (folder / "first").write_text("1")
        raise KeyboardInterrupt

    target = tmp_path / "target"
    with pytest.raises(KeyboardInterrupt):
        build_once(target, cut_off)
    assert not target.exists()

    def go_on(folder: Path) -> None:
        assert (folder / "first").read_text() == "1"
        (folder / "second").write_text("2")

    assert sorted(path.name for path in build_once(target, go_on).iterdir()) == ["first", "second"]


def test_two_at_once_build_once(tmp_path):
    built = []

    def build(folder: Path) -> None:
        built.append(folder)
        time.sleep(0.2)

    threads = [threading.Thread(target=build_once, args=(tmp_path / "target", build)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1


def test_what_is_removed_is_gone_with_what_was_left_half_done(tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "target.partial/deep").mkdir(parents=True)
    assert remove(tmp_path / "target")
    assert not remove(tmp_path / "target")
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_removing_the_last_board_removes_what_the_boards_shared(tmp_path):
    for name in ("raspberry-pi-5-0123456789ab", "raspberry-pi-4b-0123456789ab.partial"):
        (tmp_path / "boards" / name).mkdir(parents=True)
    (tmp_path / "userland-0123456789ab/root").mkdir(parents=True)
    assert remove_board("raspberry-pi-5", tmp_path)
    assert (tmp_path / "userland-0123456789ab").exists()
    assert remove_board("raspberry-pi-4b", tmp_path)
    assert not (tmp_path / "userland-0123456789ab").exists()
    assert not remove_board("raspberry-pi-4b", tmp_path)


def test_the_cache_is_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("EDGEKIT_CACHE_DIR", str(tmp_path))
    assert store_folder() == tmp_path / "emulated"
    monkeypatch.delenv("EDGEKIT_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert store_folder() == tmp_path / "edgekit/emulated"


def test_another_emulator_has_boards_of_its_own():
    board, paths = BOARDS["raspberry-pi-5"], (Path("/s"), Path("/c.so"), Path("/u"))
    folders = {
        create._folder(paths[0], board, Qemu("/q", version), paths[1], paths[2]) for version in ("7.2.22", "8.2.0")
    }
    assert len(folders) == 2


# ---- logs ----


@given(st.text(max_size=400))
def test_any_log_gives_one_line(log):
    line = error_line(log)
    assert "\n" not in line
    assert bool(line) == bool(log.strip())


def test_the_first_error_of_a_log_is_told():
    assert error_line("W: x\nE: first\nE: second\n") == "E: first"
    assert error_line("hello\nbye\n") == "bye"
    assert error_line("ERROR: conflicts\nERROR: [Errno 28] No space left on device\n").endswith("device")


def test_a_program_that_does_not_end_is_ended(programs):
    with pytest.raises(DeviceError, match=r"did not end within 0\.2 s"):
        run_tool((sys.executable, "-c", "import time; time.sleep(60)"), "waiting", timeout_s=0.2)


# ---- the counter ----


@pytest.mark.parametrize("interface", [1, 3])
def test_the_counter_is_compiled_once_for_each_interface(tmp_path, interface):
    argv = compile_argv(Path("a.c"), Path("a.so"), interface)
    assert argv[-4:] == (f"-DAPI={interface}", "-o", "a.so", "a.c")
    library = counter(tmp_path, interface)
    before = library.stat().st_mtime_ns
    assert counter(tmp_path, interface) == library != counter(tmp_path, 4 - interface)
    assert library.stat().st_mtime_ns == before
    symbols = subprocess.run(["nm", "-D", library], capture_output=True, text=True, check=True).stdout
    assert "qemu_plugin_install" in symbols


def test_find_board_names_the_core_for_the_counter():
    assert [find_board(name).core for name in ("raspberry-pi-zero-2w", "raspberry-pi-4b")] == ["53", "72"]


def test_the_environment_of_a_tool_is_this_machines(programs):
    programs("say", 'echo "$MINE $LC_ALL"')
    os.environ["MINE"] = "x"
    try:
        assert run_tool((tools.find_tool("say"),), "saying").split() == ["x", "C.UTF-8"]
    finally:
        del os.environ["MINE"]
