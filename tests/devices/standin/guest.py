"""A machine of ARM with a kernel of its own, under qemu-system: what its kernel tells of memory is true."""

from __future__ import annotations

import contextlib
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.devices.standin.newc import NewcWriter
from tests.devices.standin.server import end_group, free_port, write_client
from tests.devices.standin.userland import ARM64, UnavailableError, build_userland

INIT = Path(__file__).with_name("guest_init.sh")
WITH_SSHD, WITH_SYSTEMD = (Path(__file__).with_name(name) for name in ("guest_sshd.sh", "guest_systemd.sh"))
CPU = "cortex-a72"
MEMORY_MIB = 2048
START_S = 300.0
POLL_S = 0.2
KERNEL = "linux-image-cloud-arm64"
GUEST = replace(
    ARM64,
    packages=("iproute2", "kmod", "mount", "openssh-server", KERNEL),
    programs=(("qemu-system-aarch64", "qemu-system-arm"),),
    variant="-guest",
)
GUESTS = {
    WITH_SSHD: GUEST,
    WITH_SYSTEMD: replace(GUEST, packages=(*GUEST.packages, "dbus", "systemd"), variant="-guest-systemd"),
}
MODULES = ("virtio_ring", "virtio", "virtio_mmio", "failover", "net_failover", "virtio_net")  # as one needs another
SSHD_CONFIG = """\
HostKey /etc/ssh/host_key
AuthorizedKeysFile /etc/ssh/authorized_keys
PidFile none
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
AllowUsers pi root
Subsystem sftp internal-sftp
"""
FILE, PRIVATE_FILE, PROGRAM = (stat.S_IFREG | permissions for permissions in (0o644, 0o600, 0o755))


@dataclass(frozen=True)
class Guest:
    """A running guest.

    Attributes:
        config: An OpenSSH configuration with the host `board`, its key and its host key.
    """

    config: Path


@contextlib.contextmanager
def run_guest(start: Path = WITH_SSHD) -> Iterator[Guest]:
    """Start a guest in factory state, which reaches nothing but this machine's loopback; it ends with the block.

    Args:
        start: What it runs: one of `GUESTS`.

    Raises:
        UnavailableError: It cannot run on this machine.
    """
    userland = build_userland(GUESTS[start])
    with tempfile.TemporaryDirectory(prefix="edgekit-guest-") as name:
        folder, port = Path(name), free_port()
        write_client(folder, port)
        _write_initramfs(folder, userland, start)
        process = _start(folder, userland, port)
        try:
            yield Guest(folder / "config")
        finally:
            end_group(process)  # all that it wrote was in its memory


def _write_initramfs(folder: Path, userland: Path, start: Path) -> None:
    """Write the userland with this run's keys as `initramfs`, where the kernel looks for its first program."""
    with open(folder / "initramfs", "wb") as stream:
        archive = NewcWriter(stream)
        archive.add_tree(userland, lambda name: name in ("boot", "usr/lib/modules"))
        archive.add("init", PROGRAM, INIT.read_bytes())
        archive.add("run/start", FILE, start.read_bytes())
        archive.add("run/modules", stat.S_IFDIR | 0o755)
        for number, name in enumerate(MODULES):
            module = _only(userland, f"usr/lib/modules/*/**/{name}.ko")
            archive.add(f"run/modules/{number}.ko", FILE, module.read_bytes())
        archive.add("etc/ssh/sshd_config", FILE, SSHD_CONFIG.encode())
        archive.add("etc/ssh/authorized_keys", FILE, (folder / "key.pub").read_bytes())
        archive.add("etc/ssh/host_key", PRIVATE_FILE, (folder / "host_key").read_bytes())
        archive.close()


def _only(userland: Path, pattern: str) -> Path:
    found = sorted(userland.glob(pattern))
    if len(found) != 1:
        raise UnavailableError(f"{KERNEL} has {len(found)} files {pattern}, not one")
    return found[0]


def _argv(folder: Path, userland: Path, port: int) -> list[str]:
    options = {
        "machine": "virt",
        "cpu": CPU,
        "m": str(MEMORY_MIB),
        "kernel": str(_only(userland, "boot/vmlinuz-*")),
        "initrd": str(folder / "initramfs"),
        "append": "console=ttyAMA0 quiet panic=-1",
        "netdev": f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22",
        "device": "virtio-net-device,netdev=net",
        "display": "none",
        "monitor": "none",
        "serial": f"file:{folder / 'console'}",
    }
    given = [part for name, value in options.items() for part in (f"-{name}", value)]
    return ["setpriv", "--pdeathsig", "KILL", "qemu-system-aarch64", "-nodefaults", "-no-reboot", *given]


def _start(folder: Path, userland: Path, port: int) -> subprocess.Popen[bytes]:
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            _argv(folder, userland, port), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    deadline = time.monotonic() + START_S
    while not _greets(port):
        if process.poll() is not None or time.monotonic() > deadline:
            end_group(process)
            raise UnavailableError(f"the guest did not start: {_reason(folder)}")
        time.sleep(POLL_S)
    return process


def _greets(port: int) -> bool:
    """Whether its sshd answers; qemu itself takes connections from the beginning."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=POLL_S * 10) as client:
            return client.recv(4) == b"SSH-"
    except OSError:
        return False


def _reason(folder: Path) -> str:
    """What its first program, or qemu, wrote last; the kernel's lines, which begin with a time, tell nothing of it."""
    files = [folder / "console", folder / "log"]
    lines = [line for file in files if file.exists() for line in file.read_text(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line and not line.startswith("[")), "it wrote nothing")
