"""Convert each tricky .tflite file, and write what came of it into docs/tricky-models.md: FOLDER DOCUMENT.md."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edgekit.pipeline.convert import convert
from edgekit.pipeline.request import Request
from edgekit.pipeline.sources import is_quantized
from edgekit_converters.settings import SourceSettings
from edgekit_runtime.errors import UserError
from tests.e2e.tricky_onnx import MEMORY_LIMIT_BYTES, Outcome, table

BEGIN, END = "<!-- tflite: begin -->\n", "<!-- tflite: end -->\n"


def outcomes(folder: Path) -> Iterator[Outcome]:
    """Convert every file of a folder, float ones as float16; what is no user's error is raised."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        with tempfile.TemporaryDirectory() as scratch:
            try:
                converted = convert(_request(path, Path(scratch) / "bundle"), memory_limit_bytes=MEMORY_LIMIT_BYTES)
            except UserError as error:
                yield Outcome(name, False, error.message.replace(f"{path}: ", ""))
                continue
        inputs = ", ".join(f"{b.source.name} {b.source.shape}" for b in converted.manifest.inputs)
        yield Outcome(name, True, f"{converted.manifest.scheme}; {inputs}")


def _request(path: Path, output: Path) -> Request:
    quantized = is_quantized(SourceSettings(str(path), "tflite"))
    return Request(path, "host", None if quantized else "float16", output=output)


def main() -> None:
    """Write the table between its two marks."""
    document = Path(sys.argv[2])
    before, rest = document.read_text(encoding="utf-8").split(BEGIN)
    found = table(list(outcomes(Path(sys.argv[1]))))
    document.write_text(before + BEGIN + "\n" + found + "\n" + END + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
