"""What a fix costs: the estimate of a model as the fix would leave it, by the very path of every other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from edgekit.fitting import Verdicts, judged
from edgekit_targets.estimate.estimate import Estimate
from edgekit_targets.estimate.price import Price, in_words, price_of
from edgekit_targets.estimate.subject import Subject, subject_of
from edgekit_targets.fixes import Need
from edgekit_targets.profile import Profile

Change = Literal["integer", "fixed"]
Changes = frozenset[Change]
CHANGES: Mapping[Need, Change] = {"samples": "integer", "shapes": "fixed"}
"""What becomes of a file by a fix, where that can be told before."""
AGAIN: tuple[Need, ...] = ("format", "shapes")
"""Fixes that convert the source once more: of an integer model with its samples."""
IN_CHECK = ": edgekit check)"  # which knows nothing of a file that is not there yet
OTHERWISE = "of another quantization it shows only once it is done"
ONNX = "of an .onnx file it shows only once it is converted"
Predict = Callable[[Subject, Profile], Estimate]
"""What predicts a model's cost on a target's processor."""


@dataclass(frozen=True)
class Twin:
    """A model as fixes would leave it.

    Attributes:
        subject: What it computes.
        file: Its file.
        verdicts: What Vela said of it already.
    """

    subject: Subject
    file: Path
    verdicts: Verdicts = field(default_factory=dict)


class Twins:
    """The twins of one model, each made when it is first asked for.

    Args:
        subject: The model.
        file: Its file.
        folder: Where the twins go.
        predict: What predicts their cost on a processor.
    """

    def __init__(self, subject: Subject, file: Path, folder: Path, predict: Predict) -> None:
        self._subject = subject
        self._file = file
        self._folder = folder
        self._predict = predict
        self._made: dict[Changes, Twin | str] = {}

    def priced(self, estimate: Estimate, profile: Profile) -> Estimate:
        """An estimate with what the model costs after its fix, and after the fixes that show behind that.

        Args:
            estimate: The estimate of the model as it is.
            profile: The target.
        """
        if estimate.price is None:
            return estimate
        now, needs, changes = estimate, self._first(estimate.price), Changes()
        while (change := _change(now)) is not None:
            changes |= {change}
            found = self._estimate(changes, profile)
            if isinstance(found, str):
                return replace(estimate, price=price_of(needs, found))
            if _change(found) in changes:
                return replace(estimate, price=price_of(needs, OTHERWISE))
            now = found
            if _change(now) is not None:
                needs += _further(now, needs)
        return replace(estimate, price=_after(now, needs) if changes else price_of(needs))

    def _first(self, price: Price) -> tuple[Need, ...]:
        """What the fix takes; an integer model has its samples to be quantized anew, where its source is converted."""
        quantized = price.needs[0] in AGAIN and self._subject.mostly_integers
        return (*price.needs, "samples") if quantized else price.needs

    def _estimate(self, changes: Changes, profile: Profile) -> Estimate | str:
        """What the model costs on a target with changes; a text is why that is not known."""
        twin = self._made.get(changes)
        if twin is None:
            twin = self._made[changes] = self._make(changes)
        if isinstance(twin, str):
            return twin
        found = self._predict(twin.subject, profile)
        return judged(found, twin.subject, twin.file, profile, twin.verdicts, ask_compiler=False)

    def _make(self, changes: Changes) -> Twin | str:
        if self._subject.graph.format != "tflite":
            return ONNX
        from edgekit_targets.graph.tflite_twin import NoTwin, write_twin

        file = self._folder / f"{'-'.join(sorted(changes))}.tflite"
        try:
            graph = write_twin(
                self._file, self._subject.graph, file, integer="integer" in changes, fixed="fixed" in changes
            )
        except NoTwin as reason:
            return str(reason)
        return Twin(subject_of(graph, file.stat().st_size), file)


def _change(estimate: Estimate) -> Change | None:
    return None if estimate.price is None else CHANGES.get(estimate.price.needs[0])


def _further(twin: Estimate, needs: tuple[Need, ...]) -> tuple[Need, ...]:
    """What its own fix takes beyond what was paid already."""
    return () if twin.price is None else tuple(need for need in twin.price.needs if need not in needs)


def _after(twin: Estimate, needs: tuple[Need, ...]) -> Price:
    further = _further(twin, needs)
    return Price(
        needs=needs + further,
        words=in_words(needs),
        fit=twin.fit,
        fit_reason=f"{_reason(twin)}; that takes {in_words(further)}" if further else _reason(twin),
        latency=twin.latency,
        latency_range_ms=twin.latency_range_ms,
        memory=twin.memory.peak_rss,
        energy=twin.energy,
    )


def _reason(twin: Estimate) -> str:
    """Why it does not fit with the fix either, with how much is left to the processor."""
    if twin.fit != "does not fit":
        return twin.fit_reason
    found = twin.accelerated
    left, whole = (0, 0) if found is None else (len(found.left), found.operators.value or 0)
    still = f"{left} of {whole:.0f} operators still run on the processor: " if left else ""
    return f"{still}{twin.fit_reason.replace(IN_CHECK, ')')}"
