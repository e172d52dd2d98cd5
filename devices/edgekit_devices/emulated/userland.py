"""The arm64 programs that the boards share: Debian's packages and Python's wheels, unpacked without root."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from edgekit_devices.emulated.store import FREE_SPACE, build_once
from edgekit_devices.emulated.tools import error_line, find_tool, run_tool
from edgekit_runtime.errors import DeviceError
from edgekit_runtime.progress import Progress

LAYOUT = 1  # to be raised where a userland that was built earlier would not do any more
ARCHITECTURE = "arm64"
SUITES = (
    ("http://deb.debian.org/debian", "bookworm"),
    ("http://deb.debian.org/debian-security", "bookworm-security"),
)
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PACKAGES = ("python3", "libstdc++6", "libgomp1")  # Raspberry Pi OS 12 has the same Python
PYTHON = "3.11"
WHEELS = ("ai-edge-litert==2.3.0", "numpy==2.4.6", "onnxruntime==1.31.1")
PLATFORMS = (*(f"manylinux_2_{minor}_aarch64" for minor in range(36, 16, -1)), "manylinux2014_aarch64")
LEFT_OUT = ("./usr/share/doc", "./usr/share/man", "./usr/share/locale")
MERGED = ("bin", "sbin", "lib")  # links into usr, which the packages take for granted
ONLINE = "The first build downloads about 80 MB: check the network, and run it again; what was fetched is kept."
SITE = "site"


def userland_key() -> str:
    """Tells userlands of other contents apart."""
    content = repr((LAYOUT, SUITES, PACKAGES, PYTHON, WHEELS))
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def userland(store: Path, progress: Progress) -> Path:
    """The folder of the userland, built where it is missing.

    Args:
        store: The folder of emulated boards.
        progress: Told of the steps.

    Raises:
        DeviceError: A program is missing or fails, such as without a network.
        OutputError: The folder cannot be written.
    """
    return build_once(store / f"userland-{userland_key()}", lambda folder: _build(folder, progress))


def apt_argv(folder: Path, *command: str) -> tuple[str, ...]:
    """apt-get with a state of its own, which needs no root and knows no package of this machine.

    Args:
        folder: Where that state lies.
        command: What it is to do.
    """
    options = {
        "Dir": folder,
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "APT::Architecture": ARCHITECTURE,
        "APT::Architectures": ARCHITECTURE,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
        "Acquire::Retries": "2",
        "Debug::NoLocking": "true",
    }
    settings = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    return (find_tool("apt-get"), "--quiet", "--yes", *settings, *command)


def pip_argv(target: Path) -> tuple[str, ...]:
    """The command of pip that unpacks the wheels for the boards' Python.

    Args:
        target: The folder to unpack into.
    """
    return (
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"),
        *(
            "--no-warn-conflicts",
            "--only-binary=:all:",
            "--no-compile",
            "--implementation=cp",
            f"--python-version={PYTHON}",
        ),
        *(f"--platform={platform}" for platform in PLATFORMS),
        f"--target={target}",
        *WHEELS,
    )


def unpack_argv(package: Path, root: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The two commands, one piped into the other, that unpack a package; its scripts are not run.

    Args:
        package: The `.deb`.
        root: The folder to unpack into.
    """
    excluded = tuple(f"--exclude={name}" for name in LEFT_OUT)
    tar = (find_tool("tar"), "--extract", f"--directory={root}", "--keep-directory-symlink", "--no-same-owner")
    return (find_tool("dpkg-deb"), "--fsys-tarfile", str(package)), (*tar, *excluded)


def _build(folder: Path, progress: Progress) -> None:
    """Fill the folder; packages that an earlier try fetched are not fetched again."""
    stage = "build the arm64 userland, once"
    progress(stage, 0, 4)
    archives = folder / "apt/cache/archives"
    _fetch_packages(folder / "apt", archives)
    progress(stage, 1, 4)
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    for name in MERGED:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for package in sorted(archives.glob("*.deb")):
        _unpack(package, root)
    progress(stage, 2, 4)
    shutil.rmtree(root / SITE, ignore_errors=True)
    run_tool(pip_argv(root / SITE), "fetching the wheels for the emulated boards", hint=ONLINE)
    progress(stage, 4, 4)
    shutil.rmtree(folder / "apt")


def _fetch_packages(folder: Path, archives: Path) -> None:
    if not KEYRING.exists():
        raise DeviceError(
            f"{KEYRING} is missing, so Debian's packages cannot be verified.",
            hint="Run: sudo apt install debian-archive-keyring",
        )
    for part in (folder / "state/lists/partial", archives / "partial"):
        part.mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    lines = [f"deb [arch={ARCHITECTURE} signed-by={KEYRING}] {place} {suite} main\n" for place, suite in SUITES]
    (folder / "sources.list").write_text("".join(lines), encoding="ascii")
    doing = "fetching Debian's packages for the emulated boards"
    run_tool(apt_argv(folder, "--error-on=any", "update"), doing, hint=ONLINE)
    run_tool(apt_argv(folder, "--download-only", "install", *PACKAGES), doing, hint=ONLINE)


def _unpack(package: Path, root: Path) -> None:
    reader, writer = unpack_argv(package, root)
    status = _pipe(reader, writer)
    if status:
        raise DeviceError(f"unpacking {package.name}: {status}", hint=f"Run it again. {FREE_SPACE}")


def _pipe(reader: Sequence[str], writer: Sequence[str]) -> str:
    """Run one command into the other; empty where both did well, else what one said."""
    with (
        subprocess.Popen(list(reader), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as source,
        subprocess.Popen(list(writer), stdin=source.stdout, stderr=subprocess.PIPE) as sink,
    ):
        assert source.stdout is not None
        source.stdout.close()  # the writer alone holds it now, so that its end ends the reader
        _, said = sink.communicate()
        _, told = source.communicate()
    failed = source.returncode or sink.returncode
    return (error_line((said + told).decode(errors="replace")) or "it failed") if failed else ""
