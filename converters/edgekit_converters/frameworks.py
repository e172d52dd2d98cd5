"""Which framework opens which source, and what it can write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from edgekit_runtime.manifest import Library


@dataclass(frozen=True)
class Framework:
    """A framework, or a file format that needs none.

    Attributes:
        name: Its name.
        module: The package that is run as its session.
        sources: The source formats that it opens, as `detect_source` names them.
        exports: The formats that it writes.
        exporters: For those that another library writes, its package.
    """

    name: str
    module: str
    sources: tuple[str, ...]
    exports: tuple[str, ...]
    exporters: Mapping[str, str] = field(default_factory=dict)

    def exporter(self, model_format: str) -> tuple[Library, ...]:
        """The library beside the framework that writes a format, with version, where there is one.

        Args:
            model_format: One of `exports`.
        """
        package = self.exporters.get(model_format)
        return () if package is None else (Library(package, version(package)),)


FRAMEWORKS: Mapping[str, Framework] = {
    framework.name: framework
    for framework in (
        Framework(
            "keras",
            "edgekit_converters.keras",
            ("keras", "keras-h5", "saved-model"),
            ("tflite", "onnx"),
            {"onnx": "tf2onnx"},
        ),
        Framework(
            "torch",
            "edgekit_converters.torch",
            ("torch-export", "torch-code"),
            ("tflite", "onnx"),
            {"tflite": "litert-torch", "onnx": "onnxscript"},
        ),
        Framework("onnx", "edgekit_converters.onnx", ("onnx",), ("onnx",)),
        Framework("tflite", "edgekit_converters.tflite", ("tflite",), ("tflite",)),
    )
}


def framework_of(source_format: str) -> Framework:
    """The framework that opens a source format."""
    return next(framework for framework in FRAMEWORKS.values() if source_format in framework.sources)
