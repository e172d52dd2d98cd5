"""One measurement on the user's board, which replaces the scale of the predictions for that board."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit_runtime.errors import ReportError
from edgekit_targets.estimate.ranges import SHORT_MS

PLAUSIBLE = (0.5, 2.0)


@dataclass(frozen=True)
class Anchor:
    """A measured latency beside the predicted one of the same model.

    Attributes:
        model: Name of the model that was measured.
        threads: Threads of that run.
        scale: Measured over predicted.
        same_model: Whether it is the very model that is estimated.
    """

    model: str
    threads: int
    scale: float
    same_model: bool

    @property
    def doubt(self) -> str:
        """What to look into, where the board is far from what its profile tells; empty otherwise."""
        if PLAUSIBLE[0] <= self.scale <= PLAUSIBLE[1]:
            return ""
        word = "slower" if self.scale > 1 else "faster"
        return (
            f"{self.model} was measured {max(self.scale, 1 / self.scale):.1f} times {word} than predicted: look at the "
            "clock, at throttling, at the runtime and its kernels, and at the threads before you trust it"
        )


def make_anchor(model: str, measured_ms: float, predicted_ms: float, threads: int, same_model: bool) -> Anchor:
    """Hold a measurement against the prediction of the same model.

    Raises:
        ReportError: It is so short that it tells nothing of others.
    """
    if min(measured_ms, predicted_ms) < SHORT_MS:
        raise ReportError(
            f"{model} takes less than {SHORT_MS:g} ms: waking threads is too large a part of it to scale others by.",
            hint="Measure a larger model.",
        )
    return Anchor(model, threads, measured_ms / predicted_ms, same_model)
