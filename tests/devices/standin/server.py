"""A Raspberry Pi without one: sshd on loopback, whose users live in an arm64 userland under qemu-user."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.devices.standin.boards import BOARDS, cpuinfo, write_sysfs
from tests.devices.standin.userland import USERS, UnavailableError, build_userland

ENTER, SSHD = (Path(__file__).with_name(name) for name in ("enter.sh", "start_sshd.sh"))
START_S = 20.0
NOTHING: Mapping[str, str] = MappingProxyType({})
SSHD_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey /run/board/host_key
AuthorizedKeysFile /run/board/authorized_keys
PidFile none
UsePAM no
PasswordAuthentication no
PermitRootLogin no
AllowUsers {users}
StrictModes no
ChrootDirectory /run/board/root
Subsystem sftp internal-sftp
SetEnv QEMU_CPU={cpu} PATH=/usr/local/bin:/usr/bin:/bin
"""
SYSTEM_FILES = ("nsswitch.conf", "ld.so.cache", "localtime")  # of /etc, all that sshd needs beside the accounts
CLIENT_CONFIG = """\
Host board
    HostName 127.0.0.1
    Port {port}
    IdentityFile {folder}/key
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known_hosts
    GlobalKnownHostsFile none
"""


@dataclass(frozen=True)
class Standin:
    """A running stand-in.

    Attributes:
        port: Where its sshd listens, on loopback.
        config: An OpenSSH configuration with the host `board`, its key and its host key.
        upper: What was changed on it since it started, as the machine's root sees it.
        folder: Keys and logs; gone when it ends.
        process: What all of it hangs on.
    """

    port: int
    config: Path
    upper: Path
    folder: Path
    process: subprocess.Popen[bytes]

    def home(self, user: str = "pi") -> Path:
        """A user's home folder, seen from here: what was written there since the start."""
        return self.upper / "home" / user

    def end(self) -> None:
        """Switch it off."""
        end_group(self.process)


@contextlib.contextmanager
def run_standin(board: str = "pi4") -> Iterator[Standin]:
    """Start a stand-in in factory state; it ends with the block.

    Args:
        board: A name of `BOARDS`.

    Raises:
        UnavailableError: It cannot run on this machine.
    """
    userland = build_userland(BOARDS[board].architecture)
    with tempfile.TemporaryDirectory(prefix="edgekit-standin-") as name:
        folder = Path(name)
        port = free_port()
        write_board(folder, board)
        write_client(folder, port)
        _write_sshd(folder, board, port)
        process = start_board(folder, userland, SSHD, lambda: _listens(port))
        try:
            yield Standin(port, folder / "config", folder / "upper", folder, process)
        finally:
            end_group(process)


def write_board(folder: Path, board: str) -> None:
    """Write what `enter.sh` lays out beside a userland: the board's procfs and sysfs, and room for what is changed."""
    for part in ("upper", "work", "sys", "etc"):
        (folder / part).mkdir()
    for name in SYSTEM_FILES:
        if Path("/etc", name).exists():
            shutil.copy(Path("/etc", name), folder / "etc" / name)
    folder.chmod(0o755)
    write_sysfs(folder / "sys", BOARDS[board])
    files = {
        "cpuinfo": cpuinfo(BOARDS[board]),
        "etc/passwd": _accounts("/etc/passwd", "{name}:*:{number}:{number}:{name}:/home/{name}:/bin/bash\n"),
        "etc/group": _accounts("/etc/group", "{name}:x:{number}:\n"),
    }
    for name, text in files.items():
        (folder / name).write_text(text)


def _write_sshd(folder: Path, board: str, port: int) -> None:
    settings = {"port": port, "cpu": BOARDS[board].qemu_cpu, "users": " ".join(USERS)}
    (folder / "authorized_keys").write_text((folder / "key.pub").read_text())
    (folder / "sshd_config").write_text(SSHD_CONFIG.format(**settings))


def write_client(folder: Path, port: int) -> None:
    """Make `key` and `host_key`, and what a client needs to use them: `config` and `known_hosts`."""
    for key in ("key", "host_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "standin", "-f", folder / key], check=True)
    (folder / "config").write_text(CLIENT_CONFIG.format(port=port, folder=folder))
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {(folder / 'host_key.pub').read_text()}")


def _accounts(file: str, line: str) -> str:
    """The machine's accounts with the board's users in place of those of the same name."""
    others = [kept for kept in Path(file).read_text().splitlines(keepends=True) if kept.split(":")[0] not in USERS]
    privileged = (
        ""
        if any(kept.startswith("sshd:") for kept in others) or "group" in file
        else ("sshd:x:105:65534::/run/sshd:/usr/sbin/nologin\n")
    )
    return (
        "".join(line.format(name=name, number=number) for name, number in USERS.items()) + "".join(others) + privileged
    )


def start_board(
    folder: Path,
    userland: Path,
    daemon: Path,
    is_up: Callable[[], bool],
    settings: Mapping[str, str] = NOTHING,
    namespaces: Sequence[str] = (),
) -> subprocess.Popen[bytes]:
    """Start a board, and wait until it is up.

    Args:
        folder: What `write_board` wrote.
        userland: Its programs.
        daemon: The script that lets others in.
        is_up: Whether it does, asked again and again.
        settings: Further variables for that script.
        namespaces: Options of `unshare` beside those that each board needs.

    Raises:
        UnavailableError: It does not start.
    """
    alone = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child")
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [*alone, "--propagation", "private", *namespaces, "sh", ENTER],
            env={**os.environ, "USERLAND": str(userland), "RUN": str(folder), "DAEMON": str(daemon), **settings},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_S
    while not is_up():
        if process.poll() is not None or time.monotonic() > deadline:
            end_group(process)
            raise UnavailableError(f"the stand-in did not start: {(folder / 'log').read_text().strip()}")
        time.sleep(0.05)
    return process


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a group, and all of the group."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)  # its child is process 1 of the namespace, and all else ends with it
    process.wait()


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
