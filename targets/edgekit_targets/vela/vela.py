"""The typed face of Vela's session."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edgekit_runtime.child import Child
from edgekit_runtime.errors import MissingExtraError, ProfileError, UserError
from edgekit_targets.graph.graph import Subgraph
from edgekit_targets.npu import NpuCompiler
from edgekit_targets.vela.blank import without_weights

OLDEST = (5, 2)
DEADLINE_S = 600.0
INSTALL = "Run: pip install 'edgekit[ethos-u]'"
CORES = {"ethos-u65-512": 2}  # the others have one
BAD_CONFIGURATION = "Invalid System Config"
REFUSED = re.compile(
    r"^Warning \(supported operators\) operator: (?P<operator>\S*), ofm: '(?P<tensor>.*)'\n(?P<why>(?:.+\n?)*)",
    re.MULTILINE,
)
INVALID = re.compile(
    r"Error: (?P<operator>\S*) ?'(?P<tensor>[^\n]*)' Does not have valid TFLite Semantics\.\n(?P<why>.*)", re.DOTALL
)


@dataclass(frozen=True)
class Refusal:
    """An operator that Vela leaves to the processor.

    Attributes:
        operator: Its name; that of an activation where Vela took it out of the operator before it.
        tensor: The name of its output.
        constraint: What Vela demands and does not find; the same text for every operator that lacks it.
        detail: What it found instead; empty where it does not say.
    """

    operator: str
    tensor: str
    constraint: str
    detail: str


@dataclass(frozen=True)
class Sorted:
    """What Vela says of a model before it compiles it.

    Attributes:
        refusals: The operators that it leaves to the processor.
        error: Why it compiles nothing at all; empty where it does.
    """

    refusals: tuple[Refusal, ...]
    error: str


@dataclass(frozen=True)
class Compiled:
    """What one run of the compiler left.

    Attributes:
        file: The compiled model.
        summary: The row of Vela's own summary, by the names of its columns.
        refusals: The operators that it left to the processor.
    """

    file: Path
    summary: Mapping[str, str]
    refusals: tuple[Refusal, ...]


class VelaError(UserError):
    """Vela does not compile a model.

    Attributes:
        refusals: The operators that it names.
    """

    code = "vela"

    def __init__(self, message: str, *, hint: str = "", refusals: tuple[Refusal, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.refusals = refusals


def vela_version() -> str:
    """The version of the installed Vela.

    Raises:
        MissingExtraError: It is not installed, or too old.
    """
    try:
        found = version("ethos-u-vela")
    except PackageNotFoundError as error:
        raise MissingExtraError("Vela, Arm's compiler for the Ethos-U, is not installed.", hint=INSTALL) from error
    if tuple(int(part) for part in re.findall(r"\d+", found)[:2]) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise MissingExtraError(f"Vela {found} is too old; allowed: {oldest} or newer.", hint=INSTALL)
    return found


def operator_rules(accelerator: str) -> Mapping[str, tuple[str, ...]]:
    """What an accelerator demands of each operator, in Vela's words.

    Args:
        accelerator: Vela's name, such as `ethos-u55-256`.

    Raises:
        MissingExtraError: Vela is not installed, or too old.
    """
    vela_version()
    with _session("asking Vela for its operator rules") as child:
        found = child.call("operators", {"core": core_of(accelerator)}, timeout_s=DEADLINE_S)
    return {name: tuple(rules) for name, rules in sorted(found["operators"].items())}


def sort_operators(model: Path, graph: Subgraph, compiler: NpuCompiler) -> Sorted:
    """Ask which operators of a model Vela would leave to the processor; nothing is kept.

    Args:
        model: A `.tflite` file.
        graph: Its main graph.
        compiler: What Vela is told of the target.

    Raises:
        MissingExtraError: Vela is not installed, or too old.
        ProfileError: Vela knows no such system.
        ChildError: Vela died on the file.
    """
    vela_version()
    cores = CORES.get(compiler.accelerator, 1)
    with tempfile.TemporaryDirectory(prefix="edgekit-") as folder, _session("sorting the operators with Vela") as child:
        console, judged = Path(folder) / "console.txt", Path(folder) / "model.tflite"
        judged.write_bytes(without_weights(model, graph))
        payload = {
            "model": str(judged),
            "console": str(console),
            "core": core_of(compiler.accelerator),
            "macs": int(compiler.accelerator.rpartition("-")[2]) // cores,
            "cores": cores,
            "system_config": compiler.system_config,
            "memory_mode": compiler.memory_mode,
        }
        answer = child.call("place", payload, timeout_s=DEADLINE_S)
        if BAD_CONFIGURATION in answer["error"]:
            raise _bad_configuration(compiler)
        refusals = tuple(_refusals(console.read_text(encoding="utf-8", errors="replace")))
    return Sorted(refusals + tuple(_invalid(answer["error"])), _shortened(answer["error"]))


def compile_with_vela(model: Path, compiler: NpuCompiler, folder: Path) -> Compiled:
    """Compile a model for an Ethos-U.

    Args:
        model: A `.tflite` file.
        compiler: What Vela is told of the target.
        folder: Where its files go.

    Raises:
        MissingExtraError: Vela is not installed, or too old.
        VelaError: It does not compile the model; its message names the operator.
        ChildError: Vela died on the file.
    """
    vela_version()
    argv = [
        str(model),
        *("--accelerator-config", compiler.accelerator, "--config", "Arm/vela.ini"),
        *("--system-config", compiler.system_config, "--memory-mode", compiler.memory_mode),
        *("--output-dir", str(folder)),
    ]
    console = folder / "console.txt"
    with _session("compiling with Vela") as child:
        answer = child.call("compile", {"argv": argv, "console": str(console)}, timeout_s=DEADLINE_S)
    refusals = tuple(_refusals(console.read_text(encoding="utf-8", errors="replace")))
    if answer["status"]:
        found = refusals + tuple(_invalid(answer["error"]))
        raise VelaError(f"Vela does not compile the model: {_shortened(answer['error'])}.", refusals=found)
    summary = _summary(folder / f"{model.stem}_summary_{compiler.system_config}.csv")
    return Compiled(folder / f"{model.stem}_vela.tflite", summary, refusals)


def _bad_configuration(compiler: NpuCompiler) -> ProfileError:
    told = f"{compiler.accelerator}, {compiler.system_config}, {compiler.memory_mode}"
    hint = "`vela --list-configs Arm/vela.ini` lists those that it knows."
    return ProfileError(f"npu.compiler: Vela knows no such system: {told}.", hint=hint)


def core_of(accelerator: str) -> str:
    """Vela's name for the kind of an accelerator: `EthosU55` for `ethos-u55-256`."""
    _, kind, _ = accelerator.split("-")
    return f"Ethos{kind.upper()}"


def _session(stage: str) -> Child:
    return Child([sys.executable, "-m", "edgekit_targets.vela"], stage=stage)


def _summary(file: Path) -> Mapping[str, str]:
    import csv

    with file.open(newline="", encoding="utf-8") as lines:
        return next(csv.DictReader(lines))


def _refusals(console: str) -> Iterator[Refusal]:
    for found in REFUSED.finditer(console):
        what, _, constraint = found["why"].strip().removeprefix("Reason: ").partition("\n")
        yield Refusal(found["operator"], found["tensor"], constraint or what, what if constraint else "")


def _invalid(error: str) -> Iterator[Refusal]:
    """The operator, or tensor, that Vela names when it refuses a file as a whole."""
    for found in INVALID.finditer(error):
        why = [line.strip(" -") for line in found["why"].splitlines()]
        yield Refusal(found["operator"], found["tensor"], why[0], why[1] if len(why) > 2 else "")


def _shortened(error: str) -> str:
    """An error of Vela in one line."""
    for found in _invalid(error):
        what = f"{found.operator} {found.tensor}".strip()
        return f"{what}: {found.constraint}" + (f" ({found.detail})" if found.detail else "")
    return error.removeprefix("Compilation failed: ").strip().partition("\n")[0].rstrip(".")
