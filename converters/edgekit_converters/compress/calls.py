"""The calls of a framework session that prune, train and keep checkpoints: the parent's end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgekit_converters.compress.results import Begun, Epoch, Pruned, Trained
from edgekit_converters.compress.settings import PruneSettings, TrainSettings, TransferSettings
from edgekit_converters.settings import DataSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.child import Child
from edgekit_runtime.codec import decode, encode
from edgekit_runtime.progress import Progress


class CompressionCalls:
    """What can be asked of the live model in a session; `prune`, `transfer`, `train` and `restore` change it.

    Args:
        child: The session's child process.
    """

    def __init__(self, child: Child) -> None:
        self._child = child

    def check(self, settings: PruneSettings) -> float | None:
        """Refuse a pruning that cannot be done, and change nothing.

        Returns:
            The share of the MACs that it would take; `None` where only its scan of samples tells.

        Raises:
            RecipeError: The share cannot be reached, or the model is one that cannot be pruned.
        """
        share = self._child.call("check_prune", {"settings": encode(settings)}, stage="pruning")["share"]
        return None if share is None else float(share)

    def check_train(self, settings: TrainSettings) -> None:
        """Refuse a training that cannot be done, as far as settings and a few samples tell, and change nothing.

        Raises:
            RecipeError: The settings do not fit the model.
            DataError: Labels are missing, or do not fit.
        """
        self._child.call("check_train", {"settings": encode(settings)}, stage="looking at the training data")

    def prune(self, settings: PruneSettings, progress: Progress) -> Pruned:
        """Take channels out.

        Raises:
            RecipeError: The share cannot be reached, or the model is one that cannot be pruned.
            DataError: The data does not fit.
        """
        stage = "pruning"
        return decode(Pruned, self._call("prune", settings, stage, progress))

    def transfer(self, settings: TransferSettings) -> SourceInfo:
        """Replace the head.

        Raises:
            RecipeError: The model has no head that can be replaced.
        """
        payload = {"settings": encode(settings)}
        return decode(SourceInfo, self._child.call("transfer", payload, stage="replacing the head"))

    def train(
        self,
        settings: TrainSettings,
        checkpoint: Path,
        progress: Progress,
        on_epoch: Callable[[Epoch], None],
        on_begun: Callable[[Begun], None] = lambda _: None,
    ) -> Trained:
        """Train, and go on from the folder's last checkpoint where it holds one of the same settings.

        Args:
            settings: How.
            checkpoint: A folder for the last epoch's state; it is made.
            progress: Told how many steps are done.
            on_epoch: Takes each epoch as it ends.
            on_begun: Told before the first step how many the checkpoint holds already.

        Raises:
            RecipeError: The settings do not fit the model.
            DataError: The data does not fit.
            ConversionError: The loss became NaN; the weights of the last good epoch are back, and its step is told.
            OutputError: The checkpoint cannot be written.
        """
        tell = _told(progress)

        def on_progress(payload: dict[str, Any]) -> None:
            if "epoch" in payload:
                on_epoch(decode(Epoch, payload["epoch"]))
            elif "begun" in payload:
                on_begun(decode(Begun, payload["begun"]))
            else:
                tell(payload)

        payload = {"settings": encode(settings), "checkpoint": str(checkpoint)}
        return decode(Trained, self._child.call("train", payload, stage="training", on_progress=on_progress))

    def features(self, data: DataSettings, folder: Path, progress: Progress) -> tuple[str, ...]:
        """Write the attention maps of every layer that has one, `.npy` each, and give the layers' names."""
        payload = {"data": encode(data), "folder": str(folder)}
        stage = "asking the teacher"
        answer = self._child.call("features", payload, stage=stage, on_progress=_told(progress))
        return tuple(answer["layers"])

    def checksum(self) -> str:
        """The sha256 of the network as it is: of its weights, and of what was done to its shape."""
        return str(self._child.call("checksum", {}, stage="looking at the weights")["sha256"])

    def checksum_samples(self, data: DataSettings, progress: Progress) -> str:
        """The sha256 of the samples that are drawn.

        Raises:
            DataError: The data does not fit.
        """
        payload, stage = {"data": encode(data)}, "reading the training data"
        answer = self._child.call("checksum_samples", payload, stage=stage, on_progress=_told(progress))
        return str(answer["sha256"])

    def save(self, folder: Path) -> None:
        """Keep weights and surgery, so that `restore` brings the network back."""
        self._child.call("save", {"folder": str(folder)}, stage="saving")

    def restore(self, folder: Path) -> SourceInfo:
        """Load the source anew, repeat the surgery that was saved, and load the weights.

        Raises:
            OutputError: The folder holds nothing of this source.
        """
        return decode(SourceInfo, self._child.call("restore", {"folder": str(folder)}, stage="restoring"))

    def info(self) -> SourceInfo:
        """What the model is now."""
        return decode(SourceInfo, self._child.call("info", {}))

    def _call(self, name: str, settings: object, stage: str, progress: Progress) -> Any:
        return self._child.call(name, {"settings": encode(settings)}, stage=stage, on_progress=_told(progress))


def _told(progress: Progress) -> Callable[[dict[str, Any]], None]:
    return lambda payload: progress(payload["stage"], payload["done"], payload["total"])
