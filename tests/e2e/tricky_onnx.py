"""Convert each tricky .onnx file, and write what came of it into docs/tricky-models.md: FOLDER DOCUMENT.md."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edgekit.pipeline.convert import convert
from edgekit.pipeline.request import Request
from edgekit_converters.trail import TRAIL_FILE
from edgekit_runtime.errors import UserError

BEGIN, END = "<!-- onnx: begin -->\n", "<!-- onnx: end -->\n"
NOTES = ("rewritten", "constants not folded")  # how what the trail tells of a file begins
MEMORY_LIMIT_BYTES = 2 * 2**30


class Outcome(NamedTuple):
    """What came of a file.

    Attributes:
        name: The file.
        converted: Whether it became a bundle.
        line: What the trail says, or the error.
    """

    name: str
    converted: bool
    line: str


def outcomes(folder: Path) -> Iterator[Outcome]:
    """Convert every file of a folder, with weights as int8; what is no user's error is raised."""
    for path in sorted(folder.glob("*.onnx")):
        with tempfile.TemporaryDirectory() as scratch:
            output = Path(scratch) / "bundle"
            request = Request(path, "host", model_format="onnx", quantize="int8-weight-only", output=output)
            try:
                converted = convert(request, memory_limit_bytes=MEMORY_LIMIT_BYTES)
            except UserError as error:
                yield Outcome(path.name, False, error.message.replace(f"{path}: ", ""))
                continue
            inputs = ", ".join(f"{b.source.name} {b.source.shape}" for b in converted.manifest.inputs)
            steps = json.loads((output / TRAIL_FILE).read_text(encoding="utf-8"))["steps"]
            notes = [note for step in steps for note in step["detail"].split("; ") if note.startswith(NOTES)]
            yield Outcome(path.name, True, "; ".join([inputs, *notes]))


def table(found: list[Outcome]) -> str:
    """The outcomes as a Markdown table."""
    rows = [f"| `{one.name}` | {'yes' if one.converted else 'no'} | {one.line.replace('|', '/')} |" for one in found]
    return "\n".join(["| file | converted | inputs, or why not |", "|---|---|---|", *rows]) + "\n"


def main() -> None:
    """Write the table between its two marks."""
    found, document = table(list(outcomes(Path(sys.argv[1])))), Path(sys.argv[2])
    before, rest = document.read_text(encoding="utf-8").split(BEGIN)
    document.write_text(before + BEGIN + "\n" + found + "\n" + END + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
