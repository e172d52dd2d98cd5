"""Run a vendor's compiler by its command."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from edgekit_converters.compile.compilation import CompileError

DEADLINE_S = 1800


def run_vendor(argv: Sequence[str], folder: Path) -> tuple[int, str]:
    """Run a compiler in a folder.

    Args:
        argv: The command.
        folder: Where it runs, and leaves its files.

    Returns:
        Its exit status and all that it printed; where a signal ended it, the last line says so.

    Raises:
        CompileError: It does not come to an end, or cannot be started.
    """
    try:
        done = subprocess.run(
            list(argv),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=DEADLINE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CompileError(f"{argv[0]}: no end within {DEADLINE_S} s, so it was ended.") from error
    except OSError as error:
        raise CompileError(f"{argv[0]}: it cannot be started: {error.strerror}.") from error
    ended = f"\nERROR: it was ended by signal {-done.returncode}\n" if done.returncode < 0 else ""
    return done.returncode, done.stdout + ended
