"""The agent's command line on the device: measure or check a model, for a person or for edgekit on the host."""

from __future__ import annotations

import argparse
import dataclasses
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from edgekit_runtime.bench import bench, check
from edgekit_runtime.bundle import is_bundle
from edgekit_runtime.codec import dumps, dumps_document
from edgekit_runtime.errors import EdgekitError, UserError
from edgekit_runtime.meter import join_meter, read_meter
from edgekit_runtime.progress import progress_line
from edgekit_runtime.run import answer_text, run
from edgekit_runtime.runs import BenchSettings
from edgekit_runtime.serve_settings import ServeSettings, listen, read_token
from edgekit_runtime.table import golden_line, record_table

INTERRUPTED = 130  # 128 + SIGINT, as shells count
BUG = 70
HELP = {
    "threads": "threads of the interpreter",
    "batch": "samples in one inference, where the model's batch axis is free",
    "min_runs": "fresh processes to begin with",
    "max_runs": "fresh processes at most",
    "warmup_s": "seconds of inferences that are not counted, in each process",
    "sample_s": "seconds of inferences that are counted, in each process",
    "min_samples": "counted inferences at least, in each process",
    "precision": "stop when the interval of the median is narrower than this share of it",
    "timeout_s": "seconds after which one process is given up",
    "seed": "seed of the random input of a bare model file",
    "energy_s": "seconds under a power sensor, idle and then busy, in each process; 0 leaves energy out",
    "throughput": "measure inferences per second by threads, and by interpreters side by side",
    "weight_cache": "measure the load time with and without XNNPACK's weight cache",
    "operators": "time each operator",
    "pin": "cores that the measuring processes may use, such as 2,3 or 0-1",
    "sustain_s": "seconds that one process runs without a rest, to see whether it keeps its pace; 0 leaves it out",
    "counters": "count instructions and cycles by the processor's own counters",
    "operating_points": "look for the threads, interpreters and (as root) clock limit and governor of least energy",
    "latency_budget_ms": "milliseconds that an inference may take there; 0 for anything",
    "windows": "note when the device idles and runs, for an external power meter",
}
SERVE_HELP = {
    "host": "address to listen at; any but this machine's own needs a token",
    "port": "port to listen at; 0 for any that is free",
    "token_file": "file that holds the token, else the variable EDGEKIT_TOKEN does",
    "queue": "requests that may wait; further ones are refused with 503",
    "batch": "samples that one request may bring",
    "cache": "results kept for equal inputs; 0 for none",
    "threads": "threads of the interpreter",
    "max_body_mib": "length of a request's body at most",
    "timeout_s": "seconds after which an inference counts as stuck, and /health says so",
}


def run_agent(arguments: Sequence[str]) -> int:
    """Do what the command line asks for: the result on stdout, the log on stderr.

    Args:
        arguments: Without the program's name.

    Returns:
        0 done; 2 the input is wrong; 3 the device failed; 70 a bug; 130 interrupted.
    """
    as_json = "--json" in arguments
    try:
        print(_run(arguments), end="")  # noqa: T201  # the result belongs on stdout
        return 0
    except EdgekitError as error:
        return _tell(error.code, error.message, error.hint, error.exit_status, as_json)
    except KeyboardInterrupt:
        return _tell("device", "The agent was interrupted.", "", INTERRUPTED, as_json)
    except Exception:  # noqa: BLE001  # the host must learn of a bug, too
        return _tell("bug", traceback.format_exc(), "", BUG, as_json)


def settings_arguments(settings: BenchSettings) -> tuple[str, ...]:
    """The agent's options for these settings."""
    values = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    switches = tuple(_option(name) for name, value in values.items() if value is True)
    return tuple(f"{_option(n)}={value}" for n, value in values.items() if not isinstance(value, bool)) + switches


def end_politely() -> None:
    """Let a lost connection or a request to end be as Ctrl-C: children are ended, temporary files removed."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays in force
            signal.signal(number, signal.default_int_handler)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}.", hint=f"See {self.prog} --help.")


def _run(arguments: Sequence[str]) -> str:
    options = _parse(arguments)
    if options.command == "run":
        answer = run(options.model, options.input, options.threads, options.timeout_s)
        return dumps_document(answer) if options.json else answer_text(answer)
    if options.command == "serve":
        return _serve(options)
    settings = _settings(options)
    meter = Path(options.meter) if options.command == "bench" and options.meter else None
    if meter is not None:
        read_meter(meter)  # what is wrong with it shows before anything is measured
    if options.command == "check":
        result = check(options.model, settings)
        return dumps(result, schema="edgekit/golden-check", version=1) if options.json else golden_line(result)
    record = bench(options.model, settings, _log_progress)
    if meter is not None:
        record = join_meter(record, meter, options.meter_offset)
    return dumps_document(record) if options.json else record_table(record)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog="edgekit-runtime", description="Check and measure models on this device.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="bench|check|run|serve")
    _add_run(commands.add_parser("run", help="run a bundle on a picture or on arrays", allow_abbrev=False))
    _add_serve(commands.add_parser("serve", help="answer requests over HTTP", allow_abbrev=False))
    for name, text in (("bench", "check the golden outputs, then measure"), ("check", "check the golden outputs")):
        command = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        command.add_argument("model", metavar="BUNDLE|MODEL", help="a bundle, or a bare model file")
        command.add_argument("--json", action="store_true", help="print the result for machines")
        for field in dataclasses.fields(BenchSettings):
            _add_setting(command, field.name, field.default, HELP[field.name])
        if name == "bench":
            _add_meter(command)
    return parser.parse_args(arguments)


def _add_meter(command: argparse.ArgumentParser) -> None:
    command.add_argument("--meter", default="", metavar="FILE", help="CSV log that an external power meter is writing")
    command.add_argument(
        "--meter-offset",
        type=float,
        default=0.0,
        metavar="X",
        help="seconds to add to the meter's times to have this device's (default: %(default)s)",
    )


def _add_setting(command: argparse.ArgumentParser, name: str, default: object, text: str) -> None:
    if isinstance(default, bool):
        command.add_argument(_option(name), dest=name, action="store_true", help=text)
        return
    command.add_argument(
        _option(name),
        dest=name,
        type=type(default),
        default=default,
        metavar="N" if isinstance(default, int) else "X",
        help=text if default == "" else f"{text} (default: %(default)s)",
    )


def _add_run(command: argparse.ArgumentParser) -> None:
    command.description = "Run a bundle on a picture, or on an .npy or .npz file, and print what it gives."
    command.add_argument("model", metavar="BUNDLE", help="a bundle")
    command.add_argument("input", metavar="PICTURE|ARRAYS", help="a picture, or an .npy or .npz file of samples")
    command.add_argument("--json", action="store_true", help="print the result for machines")
    for name in ("threads", "timeout_s"):
        default = getattr(BenchSettings, name)
        command.add_argument(_option(name), dest=name, type=type(default), default=default, help=HELP[name])


def _add_serve(command: argparse.ArgumentParser) -> None:
    command.description = "Check a bundle's golden outputs, then answer requests over HTTP until SIGTERM."
    command.add_argument("model", metavar="BUNDLE", help="a bundle")
    command.add_argument("--json", action="store_true", help="print errors for machines")
    for field in dataclasses.fields(ServeSettings):
        _add_setting(command, field.name, field.default, SERVE_HELP[field.name])


def _serve(options: argparse.Namespace) -> str:
    names = [field.name for field in dataclasses.fields(ServeSettings)]
    try:
        settings = ServeSettings(**{name: getattr(options, name) for name in names})
    except ValueError as error:
        raise UserError(f"{error}.") from error
    if not is_bundle(options.model):
        raise UserError(f"{options.model}: no bundle; allowed: what `edgekit convert` wrote.", hint="Check the path.")
    with listen(settings, read_token(settings)):
        pass  # what is wrong with token or address shows before the model is run
    golden = check(options.model, BenchSettings(threads=settings.threads, timeout_s=settings.timeout_s))
    _log(golden_line(golden).rstrip())
    # It brings numpy and the interpreter into this process, after the model was checked in another.
    from edgekit_runtime.serve import serve

    def announce(name: str, port: int) -> None:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        _log(f"serving {name} at http://{host}:{port}")

    answered = serve(options.model, settings, announce)
    return f"stopped after {answered} answers\n"


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201  # the log


def _settings(options: argparse.Namespace) -> BenchSettings:
    names = [field.name for field in dataclasses.fields(BenchSettings)]
    try:
        settings = BenchSettings(**{name: getattr(options, name) for name in names})
        return dataclasses.replace(settings, windows=True) if getattr(options, "meter", "") else settings
    except ValueError as error:
        raise UserError(f"{error}.") from error


def _option(field: str) -> str:
    return "--" + (field[:-2] if field.endswith("_s") else field).replace("_", "-")


def _log_progress(stage: str, done: int, total: int) -> None:
    _log(progress_line(stage, done, total))


def _tell(code: str, message: str, hint: str, status: int, as_json: bool) -> int:
    if as_json:
        print(dumps({"error": {"code": code, "message": message, "hint": hint}}), end="")  # noqa: T201  # for the host
    else:
        print(f"error: {message} {hint}".rstrip(), file=sys.stderr)  # noqa: T201  # the log
    return status
