"""A systemd unit that serves the current release of a bundle: the user's own, or the system's where root deploys."""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Optional

from edgekit_devices.onboard.frames import Payload, RefusedError
from edgekit_devices.onboard.store import refused

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
SERVED = "served"  # beside the link: the number of the release that the service was started with
HOST = "127.0.0.1"  # as the agent listens by default
WAIT_S = 60.0
READY_S = 180.0  # until it answers: it checks golden outputs first
ANSWER_S, POLL_S = 5.0, 0.5  # shorter than RestartSec: a unit that waits for its next try is seen
DEPLOYED = "the bundle itself is deployed"
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
        self._served = self._current.with_name(SERVED)
        self._name = name
        self._unit = f"edgekit-{name}.service"
        self._root = os.geteuid() == 0 if by_root is None else by_root
        self._path = Path(os.path.expanduser(SYSTEM_FOLDER if self._root else USER_FOLDER)) / self._unit
        self._wanted_by = "multi-user.target" if self._root else "default.target"

    def install(self, port: int) -> Payload:
        """Write the unit, start it now and whenever the device starts, and wait until it serves.

        A service that serves the current release already, by the same unit, is left running.

        Raises:
            RefusedError: There is no systemd, it says no, the port is taken, or the unit does not come to serve; what
                was there before is there again.
        """
        self._require_systemd()
        before = self._path.read_text() if self._path.exists() else None
        if before is None or _port(before) != port:
            _require_free(port)
        try:
            left_running = self._put_up(port, before)
        except (RefusedError, OSError) as error:
            self._take_back(before)
            fault = error if isinstance(error, RefusedError) else refused(error)
            raise RefusedError(f"no service was installed, though {DEPLOYED}: {fault}", fault.hint) from error
        starts_at_boot = self._root or _linger()
        return {
            "unit": self._unit,
            "url": f"http://{HOST}:{port}",
            "starts_at_boot": starts_at_boot,
            "left_running": left_running,
            "warnings": [] if starts_at_boot else [self._no_linger()],
        }

    def refresh(self) -> Payload:
        """Restart the unit where there is one, so that it serves what is current now; one that does is left running.

        Raises:
            RefusedError: systemd says no, or the unit does not come to serve.
        """
        if self._path.exists():
            port = _port(self._path.read_text())
            if not self._serves_current(port):
                self._restart(port)
        return {}

    def remove(self) -> Payload:
        """Stop the unit and remove it, where there is one, whatever systemd says to that; warnings tell."""
        if not self._path.exists():
            return {"warnings": []}
        stopped = self._tried("disable", "--now", self._unit)
        (self._path.parent / f"{self._wanted_by}.wants" / self._unit).unlink(missing_ok=True)
        self._path.unlink()
        faults = [*stopped, *self._tried("daemon-reload")]
        return {"warnings": [f"{self._unit} is removed, but may run until the next start: {fault}" for fault in faults]}

    def _text(self, port: int) -> str:
        return UNIT.format(
            name=self._name,
            python=_quoted(self._current / "python"),
            runtime=_quoted(self._current / "program/runtime.pyz"),
            bundle=_quoted(self._current / "bundle"),
            port=port,
            interrupted=INTERRUPTED,
            wanted_by=self._wanted_by,
        )

    def _write(self, text: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".new")
        try:
            partial.write_text(text)
            partial.replace(self._path)
        finally:
            partial.unlink(missing_ok=True)

    def _put_up(self, port: int, before: Optional[str]) -> bool:
        """Have the unit serve; whether it did so already, and was left running."""
        if before == self._text(port) and self._serves_current(port):
            self._systemctl("enable", self._unit)
            return True
        self._write(self._text(port))
        self._systemctl("daemon-reload")
        self._systemctl("enable", self._unit)
        self._restart(port)
        return False

    def _take_back(self, before: Optional[str]) -> None:
        """Leave no unit of an installation that failed, or the one that was there before."""
        if before is None:
            self.remove()
        elif self._path.read_text() != before:
            self._write(before)
            self._tried("daemon-reload")
            self._tried("restart", self._unit)

    def _restart(self, port: int) -> None:
        """Have it serve what is current now, and write down what that is."""
        self._served.unlink(missing_ok=True)
        self._systemctl("restart", self._unit)
        self._await_ready(port)
        with contextlib.suppress(OSError):  # else it is restarted once more than it need be
            self._served.write_text(self._release())

    def _serves_current(self, port: int) -> bool:
        """Whether it was started with the release that is current, and answers; equal bundles may differ in runtime."""
        try:
            same = self._served.read_text() == self._release()
        except OSError:
            return False
        return same and not self._ended() and self._serves(port)

    def _release(self) -> str:
        return os.path.basename(os.readlink(self._current))

    def _await_ready(self, port: int) -> None:
        deadline_s = time.monotonic() + READY_S
        while not self._serves(port):
            if self._ended():
                raise RefusedError(f"{self._unit} does not start: {self._reason()}", self._look())
            if time.monotonic() > deadline_s:
                raise RefusedError(f"{self._unit} does not serve at port {port} after {READY_S:g} s", self._look())
            time.sleep(POLL_S)

    def _serves(self, port: int) -> bool:
        """Whether what answers there is this bundle's current release."""
        connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_S)
        try:
            connection.request("GET", "/ready")
            answer = connection.getresponse()
            model = json.loads(answer.read())["model"] if answer.status == 200 else {}
            return model.get("name") == self._name and self._digest().startswith(model["digest"])
        except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError, AttributeError):
            return False
        finally:
            connection.close()

    def _digest(self) -> str:
        return str(json.loads((self._current / "release.json").read_text())["digest"])

    def _ended(self) -> bool:
        """Whether systemd saw it end; a moment later it may try again, which would end as well."""
        told = self._systemctl("show", "--property=ActiveState,SubState", self._unit)
        state = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
        ended = state.get("ActiveState") in ("failed", "inactive")
        return ended or state.get("SubState", "").startswith("auto-restart")

    def _reason(self) -> str:
        """What it said last, by the journal: its last error, else the last line of what it started."""
        own = f"{'_SYSTEMD_UNIT' if self._root else '_SYSTEMD_USER_UNIT'}={self._unit}"  # none of systemd's own lines
        try:
            argv = ["journalctl", *self._scope(), own, "--lines=30", "--output=cat", "--no-pager"]
            log = subprocess.run(argv, capture_output=True, text=True, timeout=WAIT_S, check=False).stdout
        except (OSError, subprocess.TimeoutExpired):
            log = ""
        lines = [line.strip() for line in log.splitlines() if line.strip()]
        errors = [line.partition("error: ")[2] for line in lines if line.startswith("error: ")]
        return (errors or lines or ["it ended"])[-1]

    def _require_systemd(self) -> None:
        if shutil.which("systemctl") is None:
            raise RefusedError(
                f"there is no systemd here, so no service was installed; {DEPLOYED}",
                f"Start it by the device's own means: {self._current}/python {self._current}/program/runtime.pyz serve",
            )

    def _tried(self, *arguments: str) -> list[str]:
        """What systemctl says where it fails; nothing else."""
        try:
            self._systemctl(*arguments)
        except RefusedError as error:
            return [str(error)]
        return []

    def _systemctl(self, *arguments: str) -> str:
        env = {"XDG_RUNTIME_DIR": f"/run/user/{os.getuid()}", **os.environ}
        argv = ["systemctl", *self._scope(), *arguments]
        try:
            done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=WAIT_S, check=False)
        except OSError as error:
            raise RefusedError(f"{argv[0]} cannot be started: {os.strerror(error.errno or 0).lower()}") from error
        except subprocess.TimeoutExpired:
            raise RefusedError(f"{' '.join(argv)} did not end within {WAIT_S:g} s") from None
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines() or [f"status {done.returncode}"]
            raise RefusedError(f"{' '.join(argv)}: {lines[-1]}", self._look())
        return done.stdout

    def _scope(self) -> tuple[str, ...]:
        return () if self._root else ("--user",)

    def _look(self) -> str:
        return f"See: {' '.join(('journalctl', *self._scope(), '-u', self._unit))}"

    def _no_linger(self) -> str:
        user = pwd.getpwuid(os.getuid()).pw_name
        return (
            f"{self._unit} runs only while {user} is logged in, and does not start with the device; "
            f"an administrator allows it there: sudo loginctl enable-linger {user}"
        )


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


def _port(unit: str) -> int:
    """The port at which a unit serves."""
    found = re.search(r"--port=(\d+)", unit)
    return int(found[1]) if found else 0


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            taken = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be taken ({error.strerror})"
            raise RefusedError(
                f"port {port} {taken} there, so no service was installed; {DEPLOYED}", "Choose another with --port."
            ) from error
