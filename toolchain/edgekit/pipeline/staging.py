"""Writing a result so that it is there whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgekit_runtime.errors import OutputError, full_disk


def check_output(output: Path, *, force: bool) -> None:
    """Refuse an output that is in the way, before anything is done.

    Raises:
        OutputError: Something is there already, or the folder around it is missing or not writable.
    """
    if output.exists() and not force:
        raise OutputError(f"{output}: it is there already.", hint="Choose another -o, or replace it with --force.")
    parent = output.absolute().parent
    if not parent.is_dir():
        raise OutputError(f"{output}: the folder {parent} does not exist.", hint="Make it first.")
    if not os.access(parent, os.W_OK):
        raise OutputError(f"{output}: the folder {parent} is not writable.", hint="Choose another -o.")


@contextmanager
def staging_beside(output: Path) -> Iterator[Path]:
    """A scratch folder on the output's own file system, gone when the block ends.

    Raises:
        OutputError: The disk became full while the block ran.
    """
    try:
        with tempfile.TemporaryDirectory(dir=output.absolute().parent, prefix=f".{output.name}-") as folder:
            yield Path(folder)
    except OSError as error:
        full = full_disk(error)
        if full is None:
            raise
        raise full from error


def publish(staged: Path, output: Path) -> None:
    """Rename a finished result into place; what was there is replaced in one step more.

    Args:
        staged: The result, inside the staging folder of this output.
        output: Where it goes.
    """
    if output.exists():
        os.rename(output, staged.parent / "replaced")
    os.rename(staged, output)
