"""The device's side of a session: answers the host's calls until the host is gone."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Callable, NoReturn, Optional

from edgekit_devices.onboard.commands import run_command
from edgekit_devices.onboard.environments import find_environment, install_environment
from edgekit_devices.onboard.frames import CHUNK_BYTES, ClosedError, Frames, Payload, RefusedError
from edgekit_devices.onboard.releases import Releases, list_releases, lock_deployment
from edgekit_devices.onboard.service import Service
from edgekit_devices.onboard.store import Store, refused
from edgekit_devices.onboard.survey import survey

Answer = Callable[[Payload], Payload]


class Keeper:
    """Answers calls.

    Args:
        frames: The way to the host.
        token: The session's own name.
    """

    def __init__(self, frames: Frames, token: str) -> None:
        self._frames = frames
        self._token = token
        self._opened: Optional[Store] = None
        self._answers: dict[str, Answer] = {
            "survey": lambda _: survey(),
            "missing": lambda asked: self._store.missing(asked["sizes"]),
            "put": lambda asked: self._store.put(self._frames, asked["files"]),
            "scratch": lambda asked: {"path": str(self._store.scratch(asked["name"], asked["files"]))},
            "get": self._get,
            "run": lambda asked: run_command(self._frames, asked["argv"], asked["timeout_s"]),
            "environment": lambda asked: find_environment(self._store, asked["name"]),
            "install": lambda asked: install_environment(self._store, asked["name"], asked["wheels"]),
            "lock": lambda _: lock_deployment(self._store),
            "stage": self._stage,
            "switch": lambda asked: Releases(self._store, asked["name"]).switch(asked["keep"]),
            "rollback": lambda asked: Releases(self._store, asked["name"]).rollback(),
            "remove": lambda asked: Releases(self._store, asked["name"]).remove(),
            "service": self._service,
            "releases": lambda _: list_releases(self._store),
        }

    def serve(self) -> None:
        """Answer one call after the other, until the host is gone."""
        try:
            while True:
                self._frames.send(self._answer(self._frames.receive()))
        except ClosedError:
            pass
        finally:
            if self._opened is not None:
                self._opened.close()

    @property
    def _store(self) -> Store:
        if self._opened is None:
            self._opened = Store(self._token)
        return self._opened

    def _answer(self, asked: Payload) -> Payload:
        try:
            return {"result": self._answers[asked["call"]](asked)}
        except RefusedError as error:
            return {"refused": str(error), "hint": error.hint}
        except OSError as error:
            refusal = refused(error)
            return {"refused": str(refusal), "hint": refusal.hint}
        except ClosedError:
            raise
        except Exception:  # noqa: BLE001  # a bug must reach the host as a traceback, not as silence
            return {"bug": traceback.format_exc()}

    def _stage(self, asked: Payload) -> Payload:
        releases = Releases(self._store, asked["name"])
        return releases.stage(asked["files"], asked["runtime"], asked["environment"], asked["told"])

    def _service(self, asked: Payload) -> Payload:
        service = Service(self._store.root, asked["name"])
        if asked["do"] == "install":
            return service.install(asked["port"])
        return service.remove() if asked["do"] == "remove" else service.refresh()

    def _get(self, asked: Payload) -> Payload:
        path = Path(asked["path"])
        with open(path, "rb") as file:
            while piece := file.read(CHUNK_BYTES):
                self._frames.send({"data": len(piece)}, piece)
        return {}


def main() -> None:
    """Serve the host of this session; the last arguments are how long it may be silent, and its token."""
    silence_s, token = float(sys.argv[-2]), sys.argv[-1]
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    os.umask(0o077)
    with contextlib.suppress(KeyboardInterrupt):
        Keeper(Frames(token, silence_s), token.rpartition(":")[2]).serve()


def _leave(*_: object) -> NoReturn:
    raise SystemExit(1)
