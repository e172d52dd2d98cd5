"""Starting the processes that prepare and measure, from the agent's side."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from typing import Optional

import edgekit_runtime
from edgekit_runtime.child import SIGILL, SIGKILL, Child, ChildError, Payload
from edgekit_runtime.codec import decode, encode
from edgekit_runtime.emulation import SLOWNESS, read_emulation
from edgekit_runtime.errors import DeviceError, MissingExtraError, ModelError
from edgekit_runtime.handover import Pace, Window
from edgekit_runtime.runs import Workload

BROKEN = "The interpreter itself broke on it: convert the model again, or try another version of the interpreter."

THE_DEVICES_FAULT = (SIGILL, SIGKILL)  # too little memory, or a processor that lacks what it promises


def require_numpy() -> None:
    """Say what to install where no model can be run.

    Raises:
        MissingExtraError: numpy is not installed.
    """
    if importlib.util.find_spec("numpy") is None:
        raise MissingExtraError(
            f"numpy is not installed for {sys.executable}, so no model can be run here.",
            hint="Run: pip install numpy ai-edge-litert",
        )


def call_process(
    name: str, stage: str, request: Payload, timeout_s: float, call: str = "", launcher: Optional[Sequence[str]] = None
) -> Payload:
    """Start one of this program's own processes, call it once, and let it end.

    Args:
        name: Which process, such as `measure`.
        stage: What it does, for the user.
        request: The call's argument.
        timeout_s: Seconds after which it is given up; an emulator is given several times as many.
        call: What to ask, if the process answers more than its name says.
        launcher: The command that starts the process's program; by default the emulator's where there is one.

    Raises:
        ModelError: It dies, or does not answer in time.
        DeviceError: It was killed, or took an instruction that the processor lacks.
        EdgekitError: What the process raised.
    """
    emulation = read_emulation()
    if emulation is not None:
        timeout_s *= SLOWNESS
        launcher = launcher or emulation.launcher
    with _start(name, stage, launcher or ()) as child:
        return _ask(child, call or name, request, timeout_s)


class SteadyProcess:
    """A fresh process that runs a model over and over when it is told to.

    Use it as a context manager: leaving the block ends it.

    Args:
        stage: What it does, for the user.
        workload: The model, and how to run it.
    """

    def __init__(self, stage: str, workload: Workload) -> None:
        self._workload = workload
        self._child = _start("steady", stage)

    def __enter__(self) -> SteadyProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.close()

    def load(self) -> None:
        """Load the model and warm it up.

        Raises:
            ModelError: The process refuses the model, dies of it, or does not come back in time.
            DeviceError: It was killed, or took an instruction that the processor lacks.
        """
        _ask(self._child, "load", dict(encode(self._workload)), self._workload.settings.timeout_s)

    def run(self, window: Window) -> Pace:
        """Run the model through a window of time.

        Raises:
            ModelError: The process dies of it, or does not come back in time.
            DeviceError: It was killed, or took an instruction that the processor lacks.
        """
        return decode(Pace, _ask(self._child, "run", dict(encode(window)), self._workload.settings.timeout_s))


def _start(name: str, stage: str, launcher: Sequence[str] = ()) -> Child:
    archive = getattr(edgekit_runtime.__loader__, "archive", None)  # set when the package lies in a .pyz
    entry = (archive,) if archive else ("-m", "edgekit_runtime")
    return Child([*launcher, sys.executable, *entry, f"{name}-process"], stage=stage)


def _ask(child: Child, call: str, payload: Payload, timeout_s: float) -> Payload:
    try:
        return child.call(call, payload, timeout_s=timeout_s)
    except ChildError as error:
        if error.ended_by in THE_DEVICES_FAULT:
            raise DeviceError(error.message, hint=error.hint) from error
        raise ModelError(error.message, hint=error.hint or BROKEN) from error
