"""What deploying a changed bundle costs beside copying the same files: on a plain sshd on loopback."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from figures import Row, Section, Target, skipped
from models import convert, mobilenet
from pairs import Pair, interleave, ratio_row

from edgekit_devices.address import SshAddress
from edgekit_devices.deployment import deploy_bundle
from edgekit_devices.device import Completed
from edgekit_devices.remote import RemoteDevice
from edgekit_devices.ssh import SshTransport
from edgekit_runtime.figure import measured

LIMIT, COMMANDS = Target(2.0), Target(4)
PAIRS, QUICK_PAIRS = 11, 3
TITLE = "Deploying a changed bundle"
METHOD = (
    "A MobileNetV2 of another scheme than the one deployed, to an sshd on loopback that has the runtime; beside it "
    "`scp -r` of the same bundle and one `ssh true`, each with a connection of its own. The golden run on the device, "
    "which takes as long as the device does, is left out. The Python of edgekit itself has started already."
)
SSHD = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile none
StrictModes no
UsePAM no
Subsystem sftp internal-sftp
SetEnv HOME={folder}/home
"""
CLIENT = """\
Host board
    HostName 127.0.0.1
    Port {port}
    IdentityFile {folder}/key
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known_hosts
"""


@dataclass(frozen=True)
class Server:
    """An sshd on loopback.

    Attributes:
        folder: Its keys, the configuration of its clients, and the home of its user.
        client: An `ssh` with that configuration.
    """

    folder: Path
    client: Path

    def transport(self) -> SshTransport:
        """A way to it for edgekit."""
        return SshTransport(SshAddress(getpass.getuser(), "board"), str(self.client))

    def commands(self) -> int:
        """How many commands edgekit has run there so far."""
        return len((self.folder / "commands").read_text().splitlines())


def deploying(quick: bool) -> Section:
    """Deploy two bundles in turn, and copy them in turn."""
    commands = ("edgekit deploy BUNDLE --device ssh://board", "scp -r BUNDLE board:copy && ssh board true")
    if os.geteuid() != 0 or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin") is None:
        row = skipped("time from start to end", "s", LIMIT, "it needs root and OpenSSH's server")
        return Section(TITLE, METHOD, commands, (row,))
    with tempfile.TemporaryDirectory() as name, _server(Path(name)) as server:
        bundles = [convert(mobilenet(), scheme, Path(name, scheme)).parent for scheme in ("float16", "float32")]
        ours, theirs = _Turns(server, bundles), _Turns(server, bundles)
        ours.deploy()  # brings the interpreter
        before = server.commands()
        pairs = interleave(ours.deploy, theirs.copy, QUICK_PAIRS if quick else PAIRS)
        used = (server.commands() - before) / len(pairs)
    count = measured(used, "commands", "calls of ssh, each with its own connection, for one deployment")
    rows = (
        ratio_row("time from start to end", "s", [Pair(*pair) for pair in pairs], LIMIT),
        Row("remote commands", count, None, count, COMMANDS, len(pairs)),
    )
    return Section(TITLE, METHOD, commands, rows)


class _TimedDevice(RemoteDevice):
    """Takes the time of what runs on the device: the golden run, for a deployment."""

    run_s = 0.0

    def run(
        self, argv: Sequence[str], *, timeout_s: float, on_stderr: Callable[[str], None] | None = None
    ) -> Completed:
        """Run a command, and count its time."""
        begin = time.perf_counter()
        try:
            return super().run(argv, timeout_s=timeout_s, on_stderr=on_stderr)
        finally:
            self.run_s += time.perf_counter() - begin


class _Turns:
    """Takes one bundle and then the other, so that each is a changed one."""

    def __init__(self, server: Server, bundles: Sequence[Path]) -> None:
        self._server = server
        self._bundles = bundles
        self._turn = 0

    def deploy(self) -> float:
        """Seconds of deploying the next one, less the golden run."""
        begin = time.perf_counter()
        with _TimedDevice(self._server.transport()) as device:
            deploy_bundle(device, self._next())
            return time.perf_counter() - begin - device.run_s

    def copy(self) -> float:
        """Seconds of copying the next one, and of running nothing there."""
        bundle, config = self._next(), str(self._server.folder / "config")
        shutil.rmtree(self._server.folder / "copy", ignore_errors=True)
        begin = time.perf_counter()
        subprocess.run(["scp", "-q", "-r", "-F", config, bundle, f"board:{self._server.folder}/copy"], check=True)
        subprocess.run(["ssh", "-F", config, "board", "true"], check=True)
        return time.perf_counter() - begin

    def _next(self) -> Path:
        self._turn += 1
        return self._bundles[self._turn % 2]


@contextmanager
def _server(folder: Path) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for key in ("key", "host_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
    (folder / "home").mkdir()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {(folder / 'host_key.pub').read_text()}")
    (folder / "sshd_config").write_text(SSHD.format(port=port, folder=folder))
    (folder / "config").write_text(CLIENT.format(port=port, folder=folder))
    client = folder / "ssh"
    client.write_text(f'#!/bin/sh\necho command >> {folder}/commands\nexec ssh -F {folder}/config "$@"\n')
    client.chmod(0o755)
    Path("/run/sshd").mkdir(exist_ok=True)  # sshd's own, for what it runs without rights
    with subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", folder / "sshd_config"]) as process:
        try:
            while not _listens(port):
                time.sleep(0.02)
            yield Server(folder, client)
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
