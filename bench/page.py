"""The page of figures: one block for each benchmark, so that one can be measured again while the others stay."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

HEAD = """# Benchmarks of edgekit itself

Written by `make bench` (`bench/run.py`); not edited by hand. Every number is measured. edgekit and what it is held
against run in turn as interleaved pairs of whole processes, so that a busy machine meets both alike; shown are the
medians of both sides and, with the target, the ratio or the difference of the pairs. What misses its target says so.
`bench/run.py --only NAME` measures one section again; each tells the machine and its load when it began.
"""
MARK = re.compile(r"^<!-- ([a-z0-9-]+) -->\n", re.MULTILINE)


def merge(page: str, fresh: Mapping[str, str], names: Sequence[str]) -> str:
    """The page with fresh blocks in the place of the old ones.

    Args:
        page: The page as it was; empty where there is none.
        fresh: Blocks by the name of their benchmark.
        names: Every benchmark, in order; what the page has of others is left out.
    """
    pieces = MARK.split(page)[1:]
    blocks = {**dict(zip(pieces[::2], pieces[1::2], strict=True)), **fresh}
    parts = [f"<!-- {name} -->\n{blocks[name].strip()}\n" for name in names if name in blocks]
    return "\n".join([HEAD, *parts])
