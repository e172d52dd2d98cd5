"""The exported file's session: it is opened and run in a child process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgekit_converters.binding import Border, open_exported
from edgekit_converters.data.source import open_drawn
from edgekit_converters.finished import set_inputs
from edgekit_converters.settings import DataSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.child import Child, ChildError, Report, serve
from edgekit_runtime.codec import decode, encode
from edgekit_runtime.errors import ModelError
from edgekit_runtime.interpreter import Interpreter
from edgekit_runtime.progress import Progress
from edgekit_runtime.samples import stored_sample

OPEN_TIMEOUT_S = 120.0
WITH_OTHERS = "xnnpack"  # the kernels of an interpreter that has builtin ones as well
STAGE = "running the exported file"


@dataclass(frozen=True)
class Opened:
    """An exported file that its interpreter has loaded.

    Attributes:
        border: Its inputs and outputs under the source's names.
        library: The interpreter, with version.
        kernels: The kernels that it takes.
    """

    border: Border
    library: str
    kernels: str


class ExportedSession:
    """The parent's end of the session.

    Args:
        on_log: Takes each line the interpreter writes on stderr.
    """

    def __init__(self, *, on_log: Callable[[str], None] | None = None) -> None:
        self._child = Child([sys.executable, "-m", "edgekit_converters.evaluate"], stage=STAGE, on_log=on_log)

    def __enter__(self) -> ExportedSession:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.close()

    def open(self, model: Path, info: SourceInfo) -> Opened:
        """Load an exported file and match it with its source.

        Raises:
            ModelError: The interpreter refuses it.
            ConversionError: An input or output was lost.
        """
        payload = {"model": str(model), "info": encode(info)}
        return decode(Opened, self._child.call("open", payload, timeout_s=OPEN_TIMEOUT_S))

    def run(self, data: DataSettings, output: Path, progress: Progress) -> None:
        """Run the loaded file on drawn samples; write its stored outputs as `.npz`, one array each, `(N, ...)`."""
        payload = {"data": encode(data), "output": str(output)}
        self._child.call("run", payload, on_progress=lambda p: progress(STAGE, p["done"], p["total"]))

    def run_builtin(self, data: DataSettings, output: Path) -> bool:
        """The same with an interpreter's builtin kernels, for devices that have no others; the session's last call.

        Returns:
            Whether outputs were written: not where it ran with builtin kernels already, nor where these refuse the
            file or do not come through it.
        """
        payload = {"data": encode(data), "output": str(output)}
        try:
            return bool(self._child.call("builtin", payload, timeout_s=OPEN_TIMEOUT_S)["written"])
        except ChildError:
            return False


def serve_exported() -> None:
    """Be the child's end of the session; never returns."""
    loaded: list[tuple[Interpreter, SourceInfo, Border]] = []
    paths: list[str] = []

    def on_open(payload: dict[str, Any], _: Report) -> dict[str, Any]:
        info = decode(SourceInfo, payload["info"])
        interpreter, border = open_exported(Path(payload["model"]), info)
        loaded[:], paths[:] = [(interpreter, info, border)], [payload["model"]]
        return dict(encode(Opened(border, interpreter.library, interpreter.kernels)))

    def on_run(payload: dict[str, Any], report: Report) -> dict[str, Any]:
        _write(payload["output"], _run(*loaded[0], decode(DataSettings, payload["data"]), report))
        return {}

    def on_builtin(payload: dict[str, Any], _: Report) -> dict[str, Any]:
        interpreter, info, border = loaded[0]
        builtin = _open_builtin(paths[0]) if interpreter.kernels == WITH_OTHERS else None
        if builtin is None:
            return {"written": False}
        _write(payload["output"], _run(builtin, info, border, decode(DataSettings, payload["data"]), lambda _: None))
        return {"written": True}

    serve({"open": on_open, "run": on_run, "builtin": on_builtin})


def _open_builtin(path: str) -> Interpreter | None:
    from edgekit_runtime.litert import BuiltinInterpreter

    try:
        return BuiltinInterpreter(path)
    except ModelError:
        return None  # only a delegate runs it, such as weights in blocks


def _write(path: str, outputs: dict[str, np.ndarray]) -> None:
    with open(path, "wb") as file:
        np.savez(file, allow_pickle=False, **outputs)


def _run(
    interpreter: Interpreter, info: SourceInfo, border: Border, settings: DataSettings, report: Report
) -> dict[str, np.ndarray]:
    source, indexes = open_drawn(settings, info.inputs, info.outputs)
    places = [[spec.name for spec in interpreter.outputs].index(b.stored.name) for b in border.outputs]
    rows: list[list[np.ndarray]] = []
    for done, sample in enumerate(source.read(indexes), start=1):
        set_inputs(interpreter, border, sample.inputs)
        interpreter.invoke()
        rows.append(
            [stored_sample(interpreter.output(k), b.source) for k, b in zip(places, border.outputs, strict=True)]
        )
        report({"done": done, "total": len(indexes)})
    return {b.source.name: np.stack([row[k] for row in rows]) for k, b in enumerate(border.outputs)}
