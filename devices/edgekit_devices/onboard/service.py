"""A systemd unit that serves the current release of a bundle: the user's own, or the system's where root deploys."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Optional

from edgekit_devices.onboard.frames import Payload, RefusedError

# By the shell, whose script `python` is: systemd takes no quotes, backslashes or doubled $ in a program's own name.
# A stop while it still checks the golden outputs is no failure: the agent alone is told, so that it does not take the
# end of its child for a crash, and its status when interrupted counts as success.
UNIT = """\
[Unit]
Description=edgekit serves {name}
After=network.target

[Service]
ExecStart=/bin/sh {python} {runtime} serve --port={port} {bundle}
Restart=on-failure
RestartSec=5
KillMode=mixed
SuccessExitStatus={interrupted}

[Install]
WantedBy={wanted_by}
"""
SYSTEM_FOLDER, USER_FOLDER = "/etc/systemd/system", "~/.config/systemd/user"
WAIT_S = 60.0
INTERRUPTED = 130  # of `edgekit_runtime.agent`, which is not imported here


class Service:
    """The unit of one bundle.

    Args:
        root: The private folder.
        name: The bundle's name.
        by_root: Whether it is the system's; `None` for what this process is.
    """

    def __init__(self, root: Path, name: str, by_root: Optional[bool] = None) -> None:
        self._current = root / "bundles" / name / "current"
        self._name = name
        self._unit = f"edgekit-{name}.service"
        self._root = os.geteuid() == 0 if by_root is None else by_root
        self._path = Path(os.path.expanduser(SYSTEM_FOLDER if self._root else USER_FOLDER)) / self._unit

    def install(self, port: int) -> Payload:
        """Write the unit, and start it now and whenever the device starts.

        Raises:
            RefusedError: There is no systemd, or it says no.
        """
        self._require_systemd()
        text = UNIT.format(
            name=self._name,
            python=_quoted(self._current / "python"),
            runtime=_quoted(self._current / "program/runtime.pyz"),
            bundle=_quoted(self._current / "bundle"),
            port=port,
            interrupted=INTERRUPTED,
            wanted_by="multi-user.target" if self._root else "default.target",
        )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".new")
        partial.write_text(text)
        partial.replace(self._path)
        self._systemctl("daemon-reload")
        self._systemctl("enable", self._unit)
        self._systemctl("restart", self._unit)
        return {"unit": self._unit, "starts_at_boot": self._root or _linger()}

    def refresh(self) -> Payload:
        """Restart the unit where there is one, so that it serves what is current now.

        Raises:
            RefusedError: systemd says no.
        """
        if self._path.exists():
            self._systemctl("restart", self._unit)
        return {"unit": self._unit if self._path.exists() else ""}

    def remove(self) -> Payload:
        """Stop the unit and remove it, where there is one.

        Raises:
            RefusedError: systemd says no.
        """
        if self._path.exists():
            self._systemctl("disable", "--now", self._unit)
            self._path.unlink()
            self._systemctl("daemon-reload")
        return {}

    def _require_systemd(self) -> None:
        if shutil.which("systemctl") is None:
            raise RefusedError(
                "there is no systemd here, so no service was installed; the bundle itself is deployed",
                f"Start it by the device's own means: {self._current}/python {self._current}/program/runtime.pyz serve",
            )

    def _systemctl(self, *arguments: str) -> None:
        scope = () if self._root else ("--user",)
        env = {"XDG_RUNTIME_DIR": f"/run/user/{os.getuid()}", **os.environ}
        argv = ["systemctl", *scope, *arguments]
        try:
            done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=WAIT_S, check=False)
        except subprocess.TimeoutExpired:
            raise RefusedError(f"{' '.join(argv)} did not end within {WAIT_S:g} s") from None
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines() or [f"status {done.returncode}"]
            raise RefusedError(f"{' '.join(argv)}: {lines[-1]}", f"See: journalctl {' '.join(scope)} -u {self._unit}")


def _linger() -> bool:
    """Let the user's units run without a login; whether the system allows it."""
    try:
        argv = ["loginctl", "enable-linger"]
        return subprocess.run(argv, capture_output=True, timeout=WAIT_S, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _quoted(path: Path) -> str:
    """A path as systemd reads it in a command."""
    text = str(path).replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{text}"'
