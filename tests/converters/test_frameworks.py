"""edgekit_converters.frameworks: what opens a source, and what writes its files."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from edgekit_converters.frameworks import FRAMEWORKS, framework_of
from edgekit_runtime.manifest import Library


@pytest.mark.parametrize(
    ("source_format", "model_format", "package"),
    [
        ("torch-code", "tflite", "litert-torch"),
        ("torch-export", "onnx", "onnxscript"),
        ("keras", "onnx", "tf2onnx"),
    ],
)
def test_a_library_that_writes_the_file_is_told_with_its_version(source_format, model_format, package):
    assert framework_of(source_format).exporter(model_format) == (Library(package, version(package)),)


def test_a_framework_that_writes_the_file_itself_needs_no_other():
    assert framework_of("saved-model").exporter("tflite") == ()
    assert FRAMEWORKS["onnx"].exporter("onnx") == ()
