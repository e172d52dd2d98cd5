"""Write docs/reference/ from the code: the command line, the Python functions, the errors."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

import edgekit
from edgekit.cli.main import VERBS
from edgekit.pipeline.request import Request
from edgekit_runtime.errors import EdgekitError
from edgekit_runtime.record import BenchSettings

FOLDER = Path(__file__).parent / "reference"
WIDTH = 100


def cli_page() -> str:
    """Every verb's help, and those of its sub-commands."""
    volume = "`edgekit -v VERB` shows the frameworks' log, `edgekit -q VERB` nothing but the result and errors."
    parts = ["# Command line", f"Written by `make docs` from the code. Every verb takes `-h`; {volume}"]
    for name, verb in VERBS.items():
        for path, command in _commands(f"edgekit {name}", verb.load()):
            parts += [f"## {path}", f"```\n{_help(path, command)}\n```"]
    return "\n\n".join(parts) + "\n"


def python_page() -> str:
    """Every verb's function."""
    parts = ["# Python", "Written by `make docs` from the code. Each verb is a function of the same name."]
    for name in VERBS:
        function = getattr(edgekit, name)
        parts += [f"## edgekit.{name}", f"```python\n{name}{_signature(function)}\n```"]
        parts += [f"```\n{inspect.getdoc(function)}\n```"]
    for kind in (Request, BenchSettings):
        parts += [f"## {kind.__module__}.{kind.__name__}", f"```\n{inspect.getdoc(kind)}\n```"]
    return "\n\n".join(parts) + "\n"


def errors_page() -> str:
    """Every error's code, exit status and meaning."""
    rows = ["| code | exit status | meaning |", "|---|---|---|"]
    rows += [
        f"| `{kind.code}` | {kind.exit_status} | {(inspect.getdoc(kind) or '').splitlines()[0]} |"
        for kind in _family(EdgekitError)
    ]
    head = "# Errors\n\nWritten by `make docs` from the code. With `--json` an error is one line on stdout:\n"
    head += '`{"error": {"code": "...", "message": "...", "hint": "..."}}`. Exit status 0 is success, 1 a gate that'
    head += " failed, 2 wrong input, 3 a device that failed, 70 a bug.\n\n"
    return head + "\n".join(rows) + "\n"


PAGES = {"cli.md": cli_page, "python.md": python_page, "errors.md": errors_page}


def _commands(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from _commands(f"{path} {name}", child)


def _help(path: str, command: click.Command) -> str:
    return command.get_help(click.Context(command, info_name=path, max_content_width=WIDTH, terminal_width=WIDTH))


def _signature(function: Callable[..., object]) -> str:
    return re.sub(r"<function (\w+) at \w+>", r"\1", str(inspect.signature(function)).replace("'", ""))


def _family(kind: type[EdgekitError]) -> Iterator[type[EdgekitError]]:
    yield kind
    for child in sorted(kind.__subclasses__(), key=lambda child: child.__name__):
        yield from _family(child)


def main() -> int:
    """Write the pages, or with --check tell which are out of date."""
    FOLDER.mkdir(exist_ok=True)
    stale = [name for name, page in PAGES.items() if not _is_current(FOLDER / name, page())]
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"docs/reference/{name} is out of date: run make docs", file=sys.stderr)
        return int(bool(stale))
    for name in stale:
        (FOLDER / name).write_text(PAGES[name](), encoding="utf-8")
    return 0


def _is_current(path: Path, content: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == content


if __name__ == "__main__":
    sys.exit(main())
