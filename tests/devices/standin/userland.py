"""A Debian userland of ARM in a folder, made of the distribution's packages without running their scripts."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGES = (
    *("bash", "ca-certificates", "coreutils", "dash", "findutils", "grep", "gzip", "hostname", "libc-bin", "libgomp1"),
    *("libstdc++6", "mawk", "procps", "python3", "python3-venv", "sed", "tar"),
)
HOST_PROGRAMS = {
    "qemu-aarch64-static": "qemu-user-static",
    "/usr/sbin/sshd": "openssh-server",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
BINFMT = Path("/proc/sys/fs/binfmt_misc")
BINFMT_ENTRIES = Path("/usr/lib/binfmt.d")
LEFT_OUT = ("./usr/share/doc/*", "./usr/share/man/*", "./usr/share/locale/*")
USERS = {"pi": 1000, "noisy": 1001, "small": 1002, "frozen": 1003}
QUIET_SERVICES = {"RUNLEVEL": "1", "DEBIAN_FRONTEND": "noninteractive"}  # the sshd that is installed is not started


@dataclass(frozen=True)
class Architecture:
    """An instruction set.

    Attributes:
        debian: Debian's name.
        qemu: QEMU's name.
        libraries: Folder of its libraries.
        packages: Packages beside those that every userland has.
        programs: Programs of this machine beside those that every stand-in needs, and the package of each.
        variant: What the userland's folder is named by besides.
    """

    debian: str
    qemu: str
    libraries: str
    packages: tuple[str, ...] = ()
    programs: tuple[tuple[str, str], ...] = ()
    variant: str = ""


DEBIAN_13 = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main\n"
ARM64 = Architecture("arm64", "aarch64", "aarch64-linux-gnu")
ARMHF = Architecture("armhf", "arm", "arm-linux-gnueabihf", ("python3-numpy",))  # no wheel of numpy exists for it


class UnavailableError(Exception):
    """There can be no stand-in on this machine; the text says why."""


def cache_folder() -> Path:
    """Where the userland and the packages stay from one run to the next."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "edgekit-standin"


def build_userland(architecture: Architecture) -> Path:
    """Make a userland, or find it ready, and return its folder.

    Raises:
        UnavailableError: Not root, no Debian, or its packages cannot be fetched.
    """
    with preparing({**HOST_PROGRAMS, **dict(architecture.programs)}):
        _register_binfmt(architecture.qemu)
        return _userland(architecture)


@contextlib.contextmanager
def preparing(programs: Mapping[str, str]) -> Iterator[None]:
    """Let one process at a time prepare what stand-ins need, and install programs that are missing.

    Args:
        programs: From a program to its package.

    Raises:
        UnavailableError: Not root, no Debian, or a package cannot be fetched.
    """
    if os.geteuid() != 0:
        raise UnavailableError("the stand-in needs root, for a mount namespace and a chroot")
    if shutil.which("apt-get") is None or shutil.which("unshare") is None:
        raise UnavailableError("the stand-in needs a Debian, for its packages")
    with _one_at_a_time():
        _install_programs(programs)
        yield


def require_programs(programs: Mapping[str, str]) -> None:
    """Install what is missing of the programs that tests start.

    Args:
        programs: From a program to its packages.

    Raises:
        UnavailableError: One is missing, and not root, no Debian, or a package cannot be fetched.
    """
    missing = _missing(programs)
    if missing and (os.geteuid() != 0 or shutil.which("apt-get") is None):
        raise UnavailableError(f"{', '.join(missing)} is not installed; root on a Debian installs it by itself")
    with _one_at_a_time():
        _install_programs(programs)


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    cache_folder().mkdir(parents=True, exist_ok=True)
    with open(cache_folder() / "lock", "ab") as lock:  # tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _userland(architecture: Architecture) -> Path:
    packages = (*PACKAGES, *architecture.packages)
    root, stamp = cache_folder() / f"userland-{architecture.debian}{architecture.variant}", " ".join(packages)
    if (root / ".made-of").exists() and (root / ".made-of").read_text() == stamp:
        return root
    partial = root.with_suffix(".partial")
    for old in (partial, root):
        if old.exists():
            _run("rm", "-rf", "--one-file-system", str(old))
    _fill(partial, download(architecture.debian, packages), architecture.libraries)
    (partial / ".made-of").write_text(stamp)
    partial.rename(root)
    return root


def _install_programs(programs: Mapping[str, str]) -> None:
    missing = _missing(programs)
    if not missing:
        return
    print(f"installing {', '.join(missing)}", file=sys.stderr)
    env = {**os.environ, **QUIET_SERVICES}
    _run("apt-get", "-q", "update", env=env)
    _run("apt-get", "-q", "-y", "--no-install-recommends", "install", *missing, env=env)


def _missing(programs: Mapping[str, str]) -> list[str]:
    """The packages of the programs that are not here."""
    return sorted({name for program in programs if shutil.which(program) is None for name in programs[program].split()})


def _register_binfmt(qemu: str) -> None:
    """Let the kernel start programs of ARM by qemu; the entry does not survive a restart of the machine."""
    if not (BINFMT / "register").exists():
        _run("mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT))
    if (BINFMT / f"qemu-{qemu}").exists():
        return
    try:
        (BINFMT / "register").write_text((BINFMT_ENTRIES / f"qemu-{qemu}.conf").read_text().splitlines()[0])
    except OSError as error:  # such as in a container, which shares the kernel's table with others
        raise UnavailableError(f"the kernel takes no programs of ARM: {error}") from error


def download(architecture: str, packages: Sequence[str], source: str = "") -> list[Path]:
    """The packages with all that they need, by an apt state of their own: the machine's stays as it is.

    Args:
        architecture: Debian's name of it.
        packages: Their names.
        source: A line for apt, in place of the machine's own sources.

    Raises:
        UnavailableError: They cannot be fetched.
    """
    state = cache_folder() / (f"apt-{architecture}" + ("-other" if source else ""))
    archives = state / "cache/archives"
    for folder in ("lists/partial", "cache/archives/partial", "state"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    for old in archives.glob("*.deb"):
        old.unlink()
    settings = {
        "Dir::State": state / "state",
        "Dir::State::lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Install-Recommends": "false",
        "Acquire::Languages": "none",
    }
    if source:
        (state / "sources.list").write_text(source)
        settings.update({"Dir::Etc::sourcelist": state / "sources.list", "Dir::Etc::sourceparts": "/dev/null"})
    options = [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]
    with contextlib.suppress(
        UnavailableError
    ):  # some lists may be broken at the moment; those that are needed show below
        _run("apt-get", "-q", *options, "update")
    _run("apt-get", "-q", *options, "-y", "--download-only", "install", *packages)
    return sorted(archives.glob("*.deb"))


def _fill(root: Path, packages: Sequence[Path], libraries: str) -> None:
    merge_usr(root)
    for name in ("proc", "sys", "dev", "tmp", "root", "run", "etc"):
        (root / name).mkdir()
    (root / "tmp").chmod(0o1777)
    for package in packages:
        unpack(package, root)
    (root / "usr/bin/awk").symlink_to("mawk")
    _add_users(root)
    (root / "etc/hosts").write_text("127.0.0.1 localhost raspberrypi\n")
    _compile_library(root)
    search = "".join(f"/usr/lib/{libraries}/{name}\n" for name in ("blas", "lapack"))
    (root / "etc/ld.so.conf.d/alternatives.conf").write_text(search)  # which the packages' scripts would have linked
    _run("chroot", str(root), "/sbin/ldconfig")


def merge_usr(root: Path) -> None:
    """Make the links of Debian's merged /usr, which its packages expect."""
    for name in ("bin", "sbin", "lib"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")


def unpack(package: Path, root: Path) -> None:
    """Unpack a package without running its scripts."""
    left_out = [f"--exclude={pattern}" for pattern in LEFT_OUT]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as archive:
        subprocess.run(
            ["tar", "-x", "-C", str(root), "--keep-directory-symlink", *left_out], stdin=archive.stdout, check=True
        )


def _add_users(root: Path) -> None:
    lines = [f"{name}:x:{number}:{number}:{name}:/home/{name}:/bin/bash\n" for name, number in USERS.items()]
    groups = [f"{name}:x:{number}:\n" for name, number in USERS.items()]
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n" + "".join(lines))
    (root / "etc/group").write_text("root:x:0:\n" + "".join(groups))
    for name, number in USERS.items():
        home = root / "home" / name
        home.mkdir(parents=True)
        os.chown(home, number, number)
    (root / "home/noisy/.bashrc").write_text(
        'echo "Welcome! {\\"error\\": 1}"; printf "no end of line"; echo oops >&2\n'
    )


def _compile_library(root: Path) -> None:
    """Compile Python's library here where this Python is of the same version: emulated, it takes ten times as long."""
    folders = [folder for folder in (root / "usr/lib").glob("python3*") if folder.is_dir()]
    if f"python3.{sys.version_info.minor}" in {folder.name for folder in folders}:
        argv = [sys.executable, "-m", "compileall", "-q", "-s", str(root), *map(str, folders)]
        subprocess.run(argv, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _run(*argv: str, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["it wrote nothing"])[-1]
        raise UnavailableError(f"{' '.join(argv[:2])} ended with status {done.returncode}: {last}")
