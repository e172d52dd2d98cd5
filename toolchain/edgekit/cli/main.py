"""The `edgekit` command: finds the verb, and turns what goes wrong into a message and an exit status.

Exit status: 0 done; 1 a gate failed; 2 the input is wrong; 3 the device failed; 70 a bug;
130 interrupted; 141 the reader of stdout went away; 143 ended by SIGTERM.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

import click

USAGE, BUG, INTERRUPTED, BROKEN_PIPE, TERMINATED = 2, 70, 130, 141, 143
OBJECTS_BETWEEN_COLLECTIONS = 100_000  # above what one `check` makes, 67,000 for MobileNetV2
COMPLETION = "_EDGEKIT_COMPLETE"  # set by a shell that asks for completions
REPORT = "This is a bug in edgekit: please report it with the text above to the repository's issue tracker."


class Verb(NamedTuple):
    """A verb that is not loaded yet.

    Attributes:
        load: Imports its module.
        help: Its line in `edgekit --help`.
    """

    load: Callable[[], click.Command]
    help: str


def _convert() -> click.Command:
    from edgekit.cli.convert import convert

    return convert


def _bench() -> click.Command:
    from edgekit.cli.bench import bench

    return bench


def _deploy() -> click.Command:
    from edgekit.cli.deploy import deploy

    return deploy


def _devices() -> click.Command:
    from edgekit.cli.devices import devices

    return devices


def _compare() -> click.Command:
    from edgekit.cli.compare import compare

    return compare


def _demo() -> click.Command:
    from edgekit.cli.demo import demo

    return demo


def _runtime() -> click.Command:
    from edgekit.cli.runtime import runtime

    return runtime


def _targets() -> click.Command:
    from edgekit.cli.targets import targets

    return targets


def _estimate() -> click.Command:
    from edgekit.cli.estimate import estimate

    return estimate


def _inspect() -> click.Command:
    from edgekit.cli.inspect import inspect

    return inspect


def _check() -> click.Command:
    from edgekit.cli.check import check

    return check


def _doctor() -> click.Command:
    from edgekit.cli.doctor import doctor

    return doctor


def _schema() -> click.Command:
    from edgekit.cli.schema import schema

    return schema


VERBS = {
    "convert": Verb(_convert, "Turn a trained model into a bundle for a device."),
    "inspect": Verb(_inspect, "Look into a finished model: operators, quantization, size, costs."),
    "check": Verb(_check, "Hold a model against a target: what speaks against it, and what to do."),
    "bench": Verb(_bench, "Measure a bundle or a model on a device."),
    "deploy": Verb(_deploy, "Bring a bundle to a device to stay, or go back to the one before."),
    "devices": Verb(_devices, "Look up devices, and ask one what it is."),
    "compare": Verb(_compare, "Hold reports against each other."),
    "estimate": Verb(_estimate, "Predict what a finished model costs on a target, or on each."),
    "targets": Verb(_targets, "Look up targets, and check profiles of your own."),
    "demo": Verb(_demo, "Train, convert, measure and compare a small model, in about a minute."),
    "runtime": Verb(_runtime, "Pack what runs on the device into one file."),
    "doctor": Verb(_doctor, "Tell what works on this machine; list the licences on a device."),
    "schema": Verb(_schema, "Print the JSON Schema of a document."),
}


class Verbs(click.Group):
    """A group that imports a verb's module only when the verb is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Every verb, in the order in which a user meets them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        """Load a verb."""
        return VERBS[cmd_name].load() if cmd_name in VERBS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's signature
        """List the verbs without loading one."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, verb.help) for name, verb in VERBS.items()])


@click.command(cls=Verbs, subcommand_metavar="VERB [ARGS]...", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-v", "--verbose", is_flag=True, help="Say more; show where an error comes from.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but the result and errors.")
@click.version_option(package_name="edgekit")
@click.pass_context
def root(ctx: click.Context, verbose: bool, quiet: bool) -> None:
    """Take a trained model to an edge device, and tell the truth about how it runs there."""
    import signal

    from edgekit.cli.console import Volume

    signal.signal(signal.SIGTERM, _terminate)
    ctx.obj = Volume(quiet, verbose)


def run() -> NoReturn:
    """Be the program: the command line, in a process of its own.

    Python looks for cycles among its objects again and again, and once more at the end. Here nearly all objects stay
    to the end, and that took a tenth of the processor time of a `check`.
    """
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    status = main()
    gc.freeze()
    sys.exit(status)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: The arguments after the program's name; those of this process by default.

    Returns:
        The exit status.
    """
    args = list(sys.argv[1:] if argv is None else argv)
    if COMPLETION in os.environ:
        root.main(prog_name="edgekit", complete_var=COMPLETION)
    try:
        status = _run(args)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else Python complains when it flushes at exit
        return BROKEN_PIPE
    except (KeyboardInterrupt, click.Abort) as error:
        click.echo("; ".join(("interrupted", *getattr(error, "__notes__", ()))), err=True)
        return INTERRUPTED


def _run(args: list[str]) -> int:
    try:
        with root.make_context("edgekit", list(args)) as context:
            return _invoke(context, args)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as error:
        error.show()
        return _answer(args, "usage", error.format_message(), "", USAGE)


def _invoke(context: click.Context, args: list[str]) -> int:
    try:
        root.invoke(context)
        return 0
    except (click.exceptions.Exit, click.ClickException, click.Abort, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001  # whatever is left is told to the user, here and nowhere else
        return _explain(error, args, verbose=context.params["verbose"])


def _explain(error: Exception, args: list[str], *, verbose: bool) -> int:
    import traceback

    from edgekit_runtime.child import ChildError
    from edgekit_runtime.errors import EdgekitError

    if isinstance(error, ChildError) and verbose:
        click.echo(error.log, err=True)
    if verbose or not isinstance(error, EdgekitError):
        traceback.print_exception(error)
    if isinstance(error, EdgekitError):
        click.echo(f"error: {error}", err=True)
        return _answer(args, error.code, error.message, error.hint, error.exit_status)
    click.echo(REPORT, err=True)
    return _answer(args, "bug", f"{type(error).__name__}: {error}", REPORT, BUG)


def _answer(args: list[str], code: str, message: str, hint: str, status: int) -> int:
    """Tell a machine that asked for JSON what went wrong."""
    if "--json" in args:
        import json

        click.echo(json.dumps({"error": {"code": code, "message": message, "hint": hint}}))
    return status


def _terminate(*_: object) -> NoReturn:
    raise SystemExit(TERMINATED)  # an ordinary exception, so that children are ended and scratch files removed
