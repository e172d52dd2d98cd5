"""Deployed bundles: numbered releases, and a link that names the current one.

    bundles/NAME/releases/0003/{bundle/, runtime.pyz, python, release.json}
    bundles/NAME/current -> releases/0003

A release is staged in the session's own folder, and goes with it where it does not become current. The link is
replaced in one step, after everything behind it is on the disk: whenever the device loses its power, the link names a
whole release, the old one or the new one.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Optional

from edgekit_devices.onboard.environments import forget_environments, write_launcher
from edgekit_devices.onboard.frames import Payload, RefusedError
from edgekit_devices.onboard.store import Store, digest_of, refused, sync_folder

RECORD, LAUNCHER = "release.json", "python"
STAGED, LINK = "staged", "current.new"
NAME = re.compile(r"[A-Za-z0-9_][\w.-]*", re.ASCII)


class Releases:
    """The releases of one bundle.

    Args:
        store: Where they are.
        name: The bundle's name.
    """

    def __init__(self, store: Store, name: str) -> None:
        if not NAME.fullmatch(name):
            raise RefusedError(f"{name!r} is no name of a bundle; allowed: letters, digits, '.', '_', '-'")
        self._store = store
        self._folder = store.root / "bundles" / name
        self._name = name

    def stage(self, files: Mapping[str, str], runtime: str, environment: str, told: Payload) -> Payload:
        """Lay a release out beside the others, verified, and on the disk.

        Args:
            files: The bundle's files, from path to checksum.
            runtime: Checksum of the runtime.
            environment: Name of its environment; empty for the device's own Python.
            told: What the host wants kept with it.

        Raises:
            RefusedError: There is no room, or a file is damaged.
        """
        try:
            staging = self._staged()
            shutil.rmtree(staging, ignore_errors=True)
            self._store.lay_out(staging / "bundle", files)
            self._store.lay_out(staging / "program", {"runtime.pyz": runtime})
            site = self._store.root / "environments" / environment / "site" if environment else None
            write_launcher(staging / LAUNCHER, site)
            record = {**told, "files": dict(files), "runtime": runtime, "environment": environment}
            (staging / RECORD).write_text(json.dumps(record))
            _sync_tree(staging)
        except OSError as error:
            raise refused(error) from error
        return _paths(staging)

    def switch(self, keep: int) -> Payload:
        """Make the staged release the current one, and remove the oldest beyond `keep`, but not the one before it.

        Where the current one is the same, and whole, it stays, so that it pushes out none that one could go back to.

        Raises:
            RefusedError: The system said no; the old one is current still.
        """
        before = self._current()
        try:
            if before is not None and self._is_staged(before):
                number = before
                shutil.rmtree(self._staged())
            else:
                number = self._take_staged()
        except OSError as error:
            raise refused(error) from error
        others = [other for other in self._numbers() if other != number]
        for old in others[: max(0, len(others) - keep + 1)]:
            if old == before and keep > 1:
                continue
            shutil.rmtree(self._folder / "releases" / old, ignore_errors=True)
        forget_environments(self._store, needed_environments(self._store))
        self._store.forget()
        return {"number": number, **_paths(self._folder / "current")}

    def rollback(self) -> Payload:
        """Make the release before the current one the current one.

        Raises:
            RefusedError: There is no such bundle, none before it, or that was changed since it was deployed.
        """
        self._require_deployed()
        current = self._current()
        earlier = [number for number in self._numbers() if current is None or number < current]
        if not earlier:
            raise RefusedError(f"{self._name} has no earlier release here")
        changed = self._changed(earlier[-1])
        if changed:
            raise RefusedError(
                f"release {earlier[-1]} of {self._name} was changed after it was deployed: {', '.join(changed)}",
                "Deploy that bundle again.",
            )
        self._make_current(self._link_to(earlier[-1]))
        return {"number": earlier[-1], **_paths(self._folder / "current")}

    def remove(self) -> Payload:
        """Remove every release.

        Raises:
            RefusedError: There is none.
        """
        self._require_deployed()
        self._store.discard(self._folder)
        self._store.forget()
        return {}

    def state(self) -> list[Payload]:
        """What is kept of each release, from the oldest on: whether it is current, and what was changed of it."""
        current = self._current()
        return [
            {
                "name": self._name,
                "number": number,
                "current": number == current,
                "changed": self._changed(number),
                "told": {key: value for key, value in self._record(number).items() if key not in ("files", "runtime")},
            }
            for number in self._numbers()
        ]

    def environments(self) -> set[str]:
        """The environments that its releases need."""
        return {str(self._record(number).get("environment", "")) for number in self._numbers()}

    def _require_deployed(self) -> None:
        if not self._folder.exists():
            raise RefusedError(f"no bundle {self._name} is deployed here; deployed: {_listed(self._store)}")

    def _staged(self) -> Path:
        return self._store.session / STAGED

    def _take_staged(self) -> str:
        """Make what is staged the current release; whatever needs room is done before it is among the others."""
        number = f"{max([0, *map(int, self._numbers())]) + 1:04d}"
        releases = self._folder / "releases"
        try:
            releases.mkdir(parents=True, exist_ok=True)
            link = self._link_to(number)
            self._staged().rename(releases / number)
        except OSError:
            self._clear_away()
            raise
        sync_folder(releases)
        self._make_current(link)
        return number

    def _clear_away(self) -> None:
        """Leave nothing of a switch that failed; folders go only where they are empty."""
        with contextlib.suppress(OSError):
            (self._folder / LINK).unlink()
        with contextlib.suppress(OSError):
            (self._folder / "releases").rmdir()
            self._folder.rmdir()

    def _is_staged(self, number: str) -> bool:
        """Whether a release is what was staged, with all that was told of it, and nothing was changed since."""
        release, staging = self._folder / "releases" / number, self._staged()
        try:
            same = all((release / name).read_bytes() == (staging / name).read_bytes() for name in (RECORD, LAUNCHER))
        except OSError:
            return False
        return same and not self._changed(number)

    def _numbers(self) -> list[str]:
        folder = self._folder / "releases"
        return sorted(name for name in os.listdir(folder) if name.isdigit()) if folder.exists() else []

    def _current(self) -> Optional[str]:
        try:
            return os.path.basename(os.readlink(self._folder / "current"))
        except OSError:
            return None

    def _record(self, number: str) -> Payload:
        try:
            return dict(json.loads((self._folder / "releases" / number / RECORD).read_text()))
        except (OSError, ValueError):
            return {}

    def _changed(self, number: str) -> list[str]:
        folder, record = self._folder / "releases" / number, self._record(number)
        if not record:
            return [RECORD]
        files = {f"bundle/{name}": sha256 for name, sha256 in record["files"].items()}
        files["program/runtime.pyz"] = record["runtime"]
        return sorted(name for name, sha256 in files.items() if not _is_whole(folder / name, sha256))

    def _link_to(self, number: str) -> Path:
        link = self._folder / LINK
        link.unlink(missing_ok=True)
        link.symlink_to(f"releases/{number}")
        return link

    def _make_current(self, link: Path) -> None:
        link.replace(self._folder / "current")
        sync_folder(self._folder)


def lock_deployment(store: Store) -> Payload:
    """Keep other deployments out for as long as this session lives.

    Raises:
        RefusedError: Another one is under way.
    """
    if not store.keep_out("deploy.lock"):
        raise RefusedError("another deployment to this device is under way", "Try again when it is over.")
    return {}


def list_releases(store: Store) -> Payload:
    """Every release of every bundle."""
    return {"releases": [state for name in _names(store) for state in Releases(store, name).state()]}


def needed_environments(store: Store) -> set[str]:
    """The environments that some release needs."""
    return {needed for name in _names(store) for needed in Releases(store, name).environments()}


def _names(store: Store) -> list[str]:
    folder = store.root / "bundles"
    return sorted(name for name in os.listdir(folder) if NAME.fullmatch(name)) if folder.exists() else []


def _listed(store: Store) -> str:
    return ", ".join(_names(store)) or "none"


def _paths(folder: Path) -> Payload:
    return {
        "python": str(folder / LAUNCHER),
        "runtime": str(folder / "program/runtime.pyz"),
        "bundle": str(folder / "bundle"),
    }


def _is_whole(path: Path, sha256: str) -> bool:
    try:
        return digest_of(path) == sha256
    except OSError:
        return False


def _sync_tree(folder: Path) -> None:
    for place, _, files in os.walk(folder):
        for name in files:
            with open(os.path.join(place, name), "rb") as file:
                os.fsync(file.fileno())
        sync_folder(Path(place))
