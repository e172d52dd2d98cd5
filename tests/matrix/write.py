"""Write docs/support-matrix.md from a run of every cell: python -m tests.matrix.write."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.matrix.run import CELL_SCHEMES, EVALUATION, FORMATS, REPOSITORY, Cell, run_framework, train

PAGE = REPOSITORY / "docs/support-matrix.md"
FRAMEWORKS = {"keras": "Keras 3", "torch": "PyTorch"}
FORMAT_NAMES = {"tflite": "TFLite", "onnx": "ONNX"}
HEAD = f"""\
# What converts to what

Every cell is a test: a small trained model goes from its framework to a format by a scheme, and source and file run on
the same {EVALUATION} samples. Measured on the machine that wrote this page (`python -m tests.matrix.write`), with
ai-edge-litert and onnxruntime on the CPU.

- float32: the largest error, max |a - b| / max |a|, a being the source's values; at most 1e-4.
- float16: likewise; at most 1e-2.
- int8-dynamic, int8: SQNR of the noisiest output, and the share of samples with the source's answer. A cell holds
  with 98 % of the answers, or with an SQNR of at least what the library's own defaults reach on the same model and
  samples (in brackets), less 1 dB: TensorFlow's converter for Keras to TFLite, ai-edge-quantizer for PyTorch to
  TFLite, onnxruntime.quantization for ONNX.
"""


def page(cells: Iterable[Cell]) -> str:
    """The whole page."""
    cells = tuple(cells)
    parts = [HEAD]
    for framework, title in FRAMEWORKS.items():
        for model_format in FORMATS:
            rows = [cell for cell in cells if (cell.framework, cell.model_format) == (framework, model_format)]
            parts.append(f"\n## {title} to {FORMAT_NAMES[model_format]}\n\n{_table(rows)}")
    refused = sorted({cell.refusal for cell in cells if cell.refusal})
    if refused:
        parts.append("\n## Refusals\n\n" + "".join(f"- {reason}\n" for reason in refused))
    return "".join(parts)


def _table(cells: list[Cell]) -> str:
    lines = [f"| model | {' | '.join(CELL_SCHEMES)} |", "|---|" + "---|" * len(CELL_SCHEMES)]
    for model in dict.fromkeys(cell.model for cell in cells):
        found = {cell.scheme: cell for cell in cells if cell.model == model}
        lines.append(f"| {model.replace('_', ' ')} | {' | '.join(_text(found[name]) for name in CELL_SCHEMES)} |")
    return "\n".join(lines) + "\n"


def _text(cell: Cell) -> str:
    if cell.refusal:
        return "refused"
    if cell.scheme in ("float32", "float16"):
        text = f"{cell.max_error:.0e}"
    else:
        text = "equal" if math.isinf(cell.sqnr_db) else f"{cell.sqnr_db:.0f} dB"
        text += f", {100 * cell.agreement:.0f} %" if cell.agreement is not None else ""
        text += f" [{cell.reference_db:.0f} dB]" if cell.reference_db is not None else ""
    return text if cell.good else f"**{text}: missed**"


if __name__ == "__main__":
    found: list[Cell] = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in FRAMEWORKS:
            folder = Path(scratch, name)
            folder.mkdir()
            train(name, folder)
            found += run_framework(name, folder)
    PAGE.write_text(page(found), encoding="utf-8")
