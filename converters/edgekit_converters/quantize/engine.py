"""The only importer of ai-edge-quantizer, which writes the quantized file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgekit_converters.quantize.statistics import Range
from edgekit_converters.settings import QuantizeSettings
from edgekit_runtime.errors import ConversionError, MissingExtraError, first_line

try:
    from ai_edge_quantizer import quantizer, recipe
except ImportError as missing:
    raise MissingExtraError(
        "ai-edge-quantizer is not installed, so nothing can be quantized here.",
        hint="Run: pip install 'edgekit[keras]'",
    ) from missing

NO_QUANTIZE = "no_quantize"
EVERY_NAME = ".*"


def quantize_static(model: Path, ranges: Mapping[str, Range], settings: QuantizeSettings, output: Path) -> None:
    """Write a float `.tflite` as static INT8: weights per channel, activations per tensor.

    Args:
        model: The float file.
        ranges: Ranges of its activations; constants must not be among them, else the engine
            would take one scale for a whole weight.
        settings: Types of inputs and outputs.
        output: Where to write.

    Raises:
        ConversionError: The engine refuses.
    """
    statistics = {
        name: {"min": np.array([found.low], np.float32), "max": np.array([found.high], np.float32)}
        for name, found in ranges.items()
    }
    try:
        engine = quantizer.Quantizer(str(model), recipe.static_wi8_ai8())
        for border, dtype in (("INPUT", settings.input_dtype), ("OUTPUT", settings.output_dtype)):
            if dtype == "float32":
                engine.update_quantization_recipe(EVERY_NAME, border, algorithm_key=NO_QUANTIZE)
        result = engine.quantize(statistics, enable_progress_bar=False, enable_progress_report=False)
    except Exception as error:  # the engine raises many kinds; the user gets one line
        raise ConversionError(
            f"quantization: ai-edge-quantizer refuses: {first_line(error)}",
            hint="Try --quantize float32, and see the whole log with -v.",
        ) from error
    output.write_bytes(bytes(result.quantized_model))
