"""The session of Vela: the one place that imports it. It may crash on a damaged file, so it is a process of its own."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edgekit_runtime.child import Handler, Report, serve

Payload = dict[str, Any]  # the JSON of a call; vela.py gives each call its types

# What Vela says of the operators that it leaves to the processor comes before this work, which is not wanted here.
QUICKLY = """
[compiler]
output_format=TFLite
cop_format=COP1
[scheduler]
optimize=Performance
arena_size_limit=1073741824
disable_feature=Grouping|Cascading|WeightBuffering|ReuseIFM|FWD
tensor_allocator=LinearAlloc
[graph]
"""


def operators(payload: Payload, _report: Report) -> Payload:
    """The operators that a core takes, with what it demands of each."""
    from ethosu.regor import tflite_operator_constraints

    return {"operators": tflite_operator_constraints(payload["core"])}


def place(payload: Payload, _report: Report) -> Payload:
    """What Vela says while it sorts a model's operators to accelerator and processor, and the error it ends with."""
    from ethosu.regor import compile as compile_model

    ini = _ini().read_text(encoding="utf-8")
    named = {"System_Config": payload["system_config"], "Memory_Mode": payload["memory_mode"]}
    if any(f"[{kind}.{name}]" not in ini for kind, name in named.items()):
        return {"error": "Invalid System Config"}  # in the words of its core, which takes another in silence
    settings = (
        f"[architecture]\nmacs={payload['macs']}\ncores={payload['cores']}\n"
        f"[vela]\nsystem_config_name={payload['system_config']}\nmemory_mode_name={payload['memory_mode']}\n"
    ) + ini
    model = Path(payload["model"]).read_bytes()
    error = ""
    with _console(Path(payload["console"])):
        try:
            compile_model(payload["core"], model, "TFLITE", settings, options=QUICKLY, verbose=True)
        except Exception as raised:  # noqa: BLE001  # whatever fails in Vela is told as Vela's
            error = str(raised) or type(raised).__name__
    return {"error": error}


def compile_to(payload: Payload, _report: Report) -> Payload:
    """Compile a model as the command `vela` does."""
    from ethosu.vela.vela import main

    error = ""
    with _console(Path(payload["console"])):
        try:
            status = main(payload["argv"])
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 1
        except Exception as raised:  # noqa: BLE001  # whatever fails in Vela is told as Vela's
            status, error = 1, str(raised) or type(raised).__name__
    return {"status": status, "error": error}


def _ini() -> Path:
    import ethosu

    return Path(next(iter(ethosu.__path__))) / "config_files" / "Arm" / "vela.ini"


@contextlib.contextmanager
def _console(path: Path) -> Iterator[None]:
    """Send to a file what Python and C++ print meanwhile."""
    saved = os.dup(1)
    with path.open("wb") as file:
        sys.stdout.flush()
        os.dup2(file.fileno(), 1)
        stdout, sys.stdout = sys.stdout, os.fdopen(os.dup(1), "w", encoding="utf-8")
        try:
            yield
        finally:
            sys.stdout.close()
            sys.stdout = stdout
            os.dup2(saved, 1)
            os.close(saved)


HANDLERS: Mapping[str, Handler] = {"operators": operators, "place": place, "compile": compile_to}

if __name__ == "__main__":
    serve(HANDLERS)
