"""The last epoch's state on disk, whole at every moment, from which an interrupted training goes on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Optional

from edgekit_converters.compress.faces import Trainer
from edgekit_converters.compress.results import Epoch
from edgekit_converters.compress.surgery import Surgery
from edgekit_runtime.codec import FormatError, dumps_document, loads_document
from edgekit_runtime.errors import OutputError

HISTORY_FILE = "training.json"
STATE, STATES = "epoch-{:04d}.state", "epoch-*.state"
FIRST_STATE = STATE.format(0)


@dataclass(frozen=True)
class History:
    """How far a training came.

    Attributes:
        sha256: Of all that it depends on: settings, samples, first weights.
        surgery: What was done to the source's shape before it.
        epochs: Those that are done.
        best: Index of the one with the least validation loss; `None` before the first.
    """

    SCHEMA: ClassVar[str] = "edgekit/training"
    VERSION: ClassVar[int] = 1

    sha256: str
    surgery: Surgery
    epochs: tuple[Epoch, ...] = ()
    best: Optional[int] = None

    @property
    def stale(self) -> int:
        """Epochs since the best."""
        return len(self.epochs) - 1 - self.best if self.best is not None else 0


class Checkpoint:
    """A folder with the states of the last and of the best epoch, and what they belong to.

    Args:
        folder: It is made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder}: no folder for checkpoints can be made: {error.strerror}.") from error

    def begin(self, trainer: Trainer, depends_on: str, surgery: Surgery) -> tuple[History, str]:
        """Write the first state, or go back to the last one that is there.

        Args:
            trainer: Ready, before its first step; it gets the state of the last epoch that is done.
            depends_on: All that the training depends on besides its first weights.
            surgery: What was done to the source's shape.

        Returns:
            How far it is, and why an older state was not taken up: empty without one.

        Raises:
            OSError: The folder is full.
        """
        start = self._state(0)
        fresh = start.with_suffix(".tmp")
        self._write(trainer, fresh)
        digest = hashlib.sha256(depends_on.encode())
        digest.update(fresh.read_bytes())
        history = History(digest.hexdigest(), surgery)
        kept, reason = self._kept(history)
        if kept is not None:
            fresh.unlink()
            self.restore(trainer, kept)
            return kept, ""
        fresh.replace(start)
        self._commit(history)
        return history, reason

    def add(self, trainer: Trainer, history: History) -> None:
        """Write the state after the last epoch of a history; on failure the one before stays.

        Raises:
            OSError: The folder is full.
        """
        state = self._state(len(history.epochs))
        fresh = state.with_suffix(".tmp")
        self._write(trainer, fresh)
        fresh.replace(state)
        self._commit(history)

    def restore(self, trainer: Trainer, history: History) -> None:
        """Bring back the state of a history's last epoch."""
        trainer.restore(self._state(len(history.epochs)))

    def restore_best(self, trainer: Trainer, history: History) -> None:
        """Bring back the state of a history's best epoch."""
        trainer.restore(self._state((history.best or 0) + 1))

    def _write(self, trainer: Trainer, path: Path) -> None:
        try:
            trainer.save(path)
        except OSError as error:
            error.filename = error.filename or path
            path.unlink(missing_ok=True)
            raise

    def _commit(self, history: History) -> None:
        """From here on this history holds; states that it does not name go."""
        fresh = self._folder / f"{HISTORY_FILE}.tmp"
        try:
            fresh.write_text(dumps_document(history), encoding="utf-8")
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
        fresh.replace(self._folder / HISTORY_FILE)
        needed = {self._state(len(history.epochs))}
        if history.best is not None:
            needed.add(self._state(history.best + 1))
        for path in self._folder.glob(STATES):
            if path not in needed:
                path.unlink(missing_ok=True)

    def _kept(self, wanted: History) -> tuple[History | None, str]:
        path = self._folder / HISTORY_FILE
        try:
            kept = loads_document(History, path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None, ""
        except (OSError, FormatError, UnicodeDecodeError):
            return None, f"{path} is damaged, so the training began anew"
        if kept.sha256 != wanted.sha256 or kept.surgery != wanted.surgery:
            return None, "the checkpoint is of other settings, data or weights, so the training began anew"
        numbers = {len(kept.epochs)} | ({kept.best + 1} if kept.best is not None else set())
        if not all(self._state(number).is_file() for number in numbers):
            return None, f"{path} names a state that is gone, so the training began anew"
        return kept, ""

    def _state(self, number: int) -> Path:
        return self._folder / STATE.format(number)
