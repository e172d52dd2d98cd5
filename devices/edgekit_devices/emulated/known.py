"""The proof that an emulated board counts rightly: a small model whose counts are known."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from edgekit_devices.device import last_line
from edgekit_devices.emulated.machine import Machine
from edgekit_devices.local import LocalDevice
from edgekit_devices.package import build_runtime
from edgekit_runtime.agent import settings_arguments
from edgekit_runtime.codec import FormatError, loads_document
from edgekit_runtime.counts import Counts
from edgekit_runtime.errors import DeviceError
from edgekit_runtime.record import Record
from edgekit_runtime.runs import BenchSettings

MODEL = "known.tflite"
# Instructions and dot products of an inference of that model, with LiteRT 2.3.0 (tests/devices/known_model.py).
KNOWN: Mapping[str, tuple[int, int]] = {
    "cortex-a53": (556_050, 0),
    "cortex-a72": (433_506, 0),
    "cortex-a76": (302_865, 32_768),
}
TOLERANCE = 0.005  # other kernels differ by more
TIMEOUT_S = 120.0
REBUILD = "Remove it with `edgekit devices remove`, and let it be built again; if that does not help, tell us."


def check_known(machine: Machine) -> None:
    """Count the model that is known.

    Raises:
        DeviceError: The board does not run it, or counts other instructions, as with kernels for another processor.
    """
    counts, (instructions, dot_products) = count_known(machine), KNOWN[machine.board.cpu]
    for name, found, known in (
        ("instructions", counts.instructions, instructions),
        ("dot products", counts.dot_products, dot_products),
    ):
        if abs(found - known) > TOLERANCE * known:
            raise DeviceError(
                f"emulated://{machine.board.name}: a model of {known} {name} takes {found} here, "
                "so the interpreter took other kernels than on the board.",
                hint=REBUILD,
            )


def count_known(machine: Machine) -> Counts:
    """What the known model takes on a board.

    Raises:
        DeviceError: The board does not run it.
    """
    with tempfile.TemporaryDirectory(prefix="edgekit-emulated-") as folder:
        model = Path(folder) / MODEL
        model.write_bytes(files("edgekit_devices.emulated").joinpath(MODEL).read_bytes())
        agent = str(build_runtime(Path(folder) / "edgekit-runtime.pyz"))
        settings = settings_arguments(BenchSettings(timeout_s=TIMEOUT_S))
        command = (machine.python, agent, "bench", "--json", *settings, str(model))
        done = LocalDevice().run(machine.argv(command, os.environ), timeout_s=10 * TIMEOUT_S)
    if done.status:
        raise DeviceError(f"emulated://{machine.board.name}: {_fault(done.stdout, done.stderr)}", hint=REBUILD)
    try:
        counts = loads_document(Record, done.stdout).counts
    except FormatError as error:
        raise DeviceError(f"emulated://{machine.board.name}: the agent's answer cannot be read: {error}.") from error
    assert counts is not None
    return counts


def _fault(stdout: str, stderr: str) -> str:
    try:
        return str(json.loads(stdout)["error"]["message"])
    except (ValueError, TypeError, LookupError):
        return f"the agent ended: {last_line(stderr)}"
