"""What one process counts under an emulator, and how the agent asks for it."""

from __future__ import annotations

import contextlib
import gc
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable

from edgekit_runtime.child import serve
from edgekit_runtime.codec import decode, encode
from edgekit_runtime.conditions import BEGIN, Conditions, Fact, Moment, Throttling
from edgekit_runtime.counts import UNTIMED, Counts, Tally, per_inference, read_marks
from edgekit_runtime.emulation import Emulation
from edgekit_runtime.errors import ModelError
from edgekit_runtime.figure import unavailable
from edgekit_runtime.handover import Prepared
from edgekit_runtime.points import OperatingPoints
from edgekit_runtime.processes import call_process
from edgekit_runtime.readings import EnergyReading, OperatorTimes, Throughput, WeightCache
from edgekit_runtime.record import Environment, ModelIdentity, Record
from edgekit_runtime.runs import BenchSettings, Workload
from edgekit_runtime.series import Sustained

MARK = 0x0ED9E000  # what the counter listens for, with the mark's number added; no process has such an id
FIRST, ONE, WARM, EMPTY, REGION = range(5)
REGIONS = 4  # what happens once, such as that memory is taken, is in one of them at the most
WARMUPS = 2  # kernels are chosen, and memory is taken, in the first of them
MOST_INFERENCES = 100
INSTRUCTIONS = 40e6  # about how many a region may take
THROTTLING = Throttling(reason=UNTIMED)


@dataclass(frozen=True)
class CountRequest:
    """What to count.

    Attributes:
        workload: The model, and its inputs.
        cpu: The processor that is emulated.
        marks: The file that the emulator writes the counts to.
    """

    workload: Workload
    cpu: str
    marks: str


def count(stage: str, workload: Workload, emulation: Emulation) -> Counts:
    """Count what an inference takes, in a fresh process with one thread.

    Args:
        stage: What is being done, for the user.
        workload: The model, and its inputs.
        emulation: The emulator of this process, and of the new one.

    Raises:
        ModelError: The interpreter refuses the model, dies of it, or does not come back in time.
    """
    with tempfile.TemporaryDirectory(prefix="edgekit-count-") as folder:
        marks = str(Path(folder) / "marks")
        request = CountRequest(workload, emulation.cpu, marks)
        timeout_s = workload.settings.timeout_s
        told = call_process("count", stage, encode(request), timeout_s, launcher=emulation.counting(marks))
        return decode(Counts, told)


def emulated_record(
    identity: ModelIdentity, environment: Environment, prepared: Prepared, counts: Counts, settings: BenchSettings
) -> Record:
    """The record of a model on an emulated board: counts, and the reason why there is nothing else."""
    conditions = Conditions(Fact(reason=UNTIMED), unavailable("MHz", UNTIMED), unavailable("°C", UNTIMED), THROTTLING)
    return Record(
        identity,
        environment,
        settings,
        prepared.golden,
        runs=(),
        precise=False,
        moments=(Moment(BEGIN, conditions),),
        arena_size=unavailable("byte", UNTIMED),
        energy=EnergyReading(reason=UNTIMED),
        weight_cache=WeightCache(reason=UNTIMED) if settings.weight_cache else None,
        throughput=Throughput(reason=UNTIMED) if settings.throughput else None,
        operators=OperatorTimes(reason=UNTIMED) if settings.operators else None,
        sustained=Sustained(reason=UNTIMED) if settings.sustain_s else None,
        points=OperatingPoints(reason=UNTIMED) if settings.operating_points else None,
        counts=counts,
    )


def emulated_environment(environment: Environment, emulation: Emulation) -> Environment:
    """The board's surroundings, without those that are the emulating machine's."""
    memory = unavailable("byte", UNTIMED)
    return replace(environment, cores=emulation.cores, memory_bytes=memory, system=emulation.emulator)


def answer() -> None:
    """Count for the parent that started this process."""
    serve({"count": lambda payload, _: dict(encode(_count(decode(CountRequest, payload))))})


def _count(request: CountRequest) -> Counts:
    """Run the model in regions of as many inferences each, beside an empty one that tells what marking takes."""
    import numpy as np

    from edgekit_runtime.interpreter import open_interpreter

    gc.disable()  # it would run at other places each time, and be counted
    workload = request.workload
    interpreter = open_interpreter(workload.model, workload.format, 1, workload.settings.batch)
    for index, path in enumerate(workload.inputs):
        interpreter.set_input(index, np.load(path, allow_pickle=False))
    _repeat(interpreter.invoke, WARMUPS, FIRST)
    _repeat(interpreter.invoke, 1, ONE)
    marks = _marks(request)
    one = marks[ONE] - marks[FIRST]
    number = max(1, min(MOST_INFERENCES, int(INSTRUCTIONS / max(one.instructions, 1))))
    _repeat(interpreter.invoke, min(WARMUPS, number), WARM)  # Python tunes its own code in the first calls
    _repeat(interpreter.invoke, 0, EMPTY)
    for region in range(REGIONS):
        _repeat(interpreter.invoke, number, REGION + region)
    marks = _marks(request)
    places = [EMPTY, *range(REGION, REGION + REGIONS)]
    regions = [marks[end] - marks[begin] for begin, end in zip(places, places[1:])]
    return per_inference(request.cpu, marks[EMPTY] - marks[WARM], regions, number)


def _repeat(invoke: Callable[[], None], times: int, mark: int) -> None:
    for _ in range(times):
        invoke()
    with contextlib.suppress(OSError):  # nobody has such an id: the emulator alone takes note
        os.getpgid(MARK + mark)


def _marks(request: CountRequest) -> Mapping[int, Tally]:
    try:
        return read_marks(Path(request.marks).read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{request.workload.model}: the emulator's counts cannot be read: {error}.") from error
