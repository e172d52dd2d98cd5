"""From what a model computes and moves to the time of each operator on a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgekit_targets.estimate.cores import TABLE, Precision
from edgekit_targets.estimate.latency import (
    DEFAULTS,
    Constants,
    Machine,
    Parts,
    check_threads,
    held_back,
    machine_of,
    time_of,
    told,
    unbounded_time_of,
)
from edgekit_targets.estimate.ranges import ANCHORED, CHECKED, UNCHECKED, Latency, Trust, latency_figure
from edgekit_targets.estimate.work import Load, total, work_of
from edgekit_targets.profile import Profile

METHOD = "estimated"
PER_INT8 = 4  # int8 values in the bytes of one of float32


@dataclass(frozen=True)
class Prediction:
    """The time of a model, by operator.

    Attributes:
        machine: What it was predicted for.
        threads: Threads of the interpreter.
        loads: What each operator computes and moves.
        parts: The time of each.
        whole: The time of all together.
        scale: What a measurement on the board multiplies it by.
    """

    machine: Machine
    threads: int
    loads: tuple[Load, ...]
    parts: tuple[Parts, ...]
    whole: Parts
    scale: float = 1.0

    @property
    def total_ms(self) -> float:
        """The time in all."""
        return self.whole.total_ms * self.scale

    @property
    def gain(self) -> float:
        """How many times as long one thread would take."""
        return predict_on(self.machine, self.loads, 1).whole.total_ms / self.whole.total_ms

    def share(self, part: Parts) -> float:
        """The share of the time that an operator takes."""
        return part.total_ms / self.whole.total_ms


def predict(loads: Sequence[Load], profile: Profile, threads: int, scale: float = 1.0) -> Prediction:
    """Predict the time of a model on a target.

    Args:
        loads: What its operators compute and move.
        profile: The target.
        threads: Threads of the interpreter.
        scale: Of a measurement on such a board.

    Raises:
        Unpredictable: The profile does not tell enough, its cores were never counted, or they are too few.
    """
    machine = machine_of(profile)
    check_threads(machine, threads, profile)
    return predict_on(machine, loads, threads, scale)


def predict_on(
    machine: Machine, loads: Sequence[Load], threads: int, scale: float = 1.0, constants: Constants = DEFAULTS
) -> Prediction:
    """Predict the time of a model on a machine."""
    works = [work_of(load, machine.core.rates[load.precision]) for load in loads]
    slower = held_back(total(works), machine, threads, constants)
    parts = tuple(unbounded_time_of(work, machine, threads, constants).times(slower) for work in works)
    whole = time_of(total(works), machine, threads, constants)
    return Prediction(machine, threads, tuple(loads), parts, whole, scale)


def latency_of(prediction: Prediction, file_format: str, anchored: str = "") -> Latency:
    """The latency as it may be shown.

    Args:
        prediction: The prediction.
        file_format: Format of the model's file.
        anchored: Name of the model whose measurement scales it; empty where none does.
    """
    return latency_figure(prediction.total_ms, _trust(prediction, file_format, anchored), _words(prediction, anchored))


def main_precision(loads: Sequence[Load]) -> Precision:
    """The precision in which most of the multiply-accumulates are done."""
    whole = sum(load.macs for load in loads)
    return "int8" if 2 * sum(load.macs for load in loads if load.precision == "int8") > whole else "float32"


def as_int8(loads: Sequence[Load]) -> tuple[Load, ...]:
    """The same operators with every value in int8."""
    return tuple(
        replace(
            load,
            precision="int8",
            weight_bytes=load.weight_bytes // PER_INT8,
            activation_bytes=load.activation_bytes // PER_INT8,
        )
        if load.precision == "float32"
        else load
        for load in loads
    )


def narrowed(loads: Sequence[Load], kept: float) -> tuple[Load, ...]:
    """The same operators with a share of all channels kept: dense ones shrink by its square."""
    return tuple(
        replace(
            load,
            dense_macs=round(load.dense_macs * kept * kept),
            depthwise_macs=round(load.depthwise_macs * kept),
            weight_bytes=round(load.weight_bytes * kept * (kept if load.dense_macs else 1.0)),
            activation_bytes=round(load.activation_bytes * kept),
        )
        for load in loads
    )


def _trust(prediction: Prediction, file_format: str, anchored: str) -> Trust:
    if file_format != "tflite":  # whatever was measured, it was with another runtime
        return UNCHECKED
    if anchored:
        return ANCHORED
    machine = prediction.machine
    checked = main_precision(prediction.loads) in machine.core.checked and machine.bandwidth_known
    return CHECKED if checked else UNCHECKED


def _words(prediction: Prediction, anchored: str) -> str:
    how = f"{METHOD} from the operator list, table {TABLE}, {told(prediction.machine, prediction.threads)}"
    if anchored:
        return f"{how}, scaled by the measurement of {anchored}; not a measurement of this model"
    return f"{how}; not a measurement, not checked on your board"
