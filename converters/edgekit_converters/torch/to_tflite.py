"""Write a module as .tflite: the only importer of litert_torch."""

from __future__ import annotations

from pathlib import Path

from edgekit_converters.torch.border import Border
from edgekit_converters.torch.lacking import first_lacking, lacking_in_tflite
from edgekit_converters.torch.refusal import cannot_export
from edgekit_runtime.errors import MissingExtraError


def export_tflite(border: Border, source: str, path: Path) -> None:
    """Write a module as a float32 `.tflite` file with a static batch of 1.

    Args:
        border: The module under the names of the file's signature.
        source: Where it came from, for errors.
        path: Where to write.

    Raises:
        MissingExtraError: litert-torch is not installed.
        ConversionError: It refuses.
    """
    try:
        import litert_torch
    except ImportError as missing:
        raise MissingExtraError(
            "litert-torch is not installed, so no PyTorch model becomes TFLite here.",
            hint="Run: pip install 'edgekit[torch]'",
        ) from missing
    try:
        converted = litert_torch.convert(border, sample_kwargs=border.samples())
        converted.export(str(path))
    except Exception as error:  # torch and litert-torch raise many kinds; the user gets one line
        lacking = lacking_in_tflite(border) if first_lacking(error) else ()
        raise cannot_export(source, "TFLite", error, lacking, _doubles(border)) from error


def _doubles(border: Border) -> tuple[str, ...]:
    named = (*border.samples().items(), *border.inner.named_parameters(), *border.inner.named_buffers())
    return tuple(name for name, value in named if str(value.dtype) == "torch.float64")
