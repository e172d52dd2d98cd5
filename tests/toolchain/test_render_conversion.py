"""edgekit.reports.render.conversion: what a conversion gave, in words that hold for a file that grew, too."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from onnx import helper
from rich.console import Console

from edgekit.pipeline.convert import Converted, convert
from edgekit.pipeline.request import Request
from edgekit.reports.render.conversion import print_converted
from tests.onnx_models import save_graph


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """Of a file for eight samples at a time."""
    folder = tmp_path_factory.mktemp("eight")
    model = save_graph(folder / "m.onnx", [helper.make_node("Relu", ["x"], ["y"])], {"x": (8, 4)}, {"y": (8, 4)})
    return convert(Request(model, "host", "float16", output=folder / "out"))


def shown(converted: Converted) -> str:
    out = io.StringIO()
    print_converted(converted, Console(file=out, width=200))
    return out.getvalue()


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (250, "250 bytes, 4.0 times smaller than float32 (1,000)"),
        (990, "990 bytes, about as large as float32 (1,000)"),
        (1_700, "1,700 bytes, 1.7 times larger than float32 (1,000)"),
    ],
)
def test_the_size_is_told_beside_float32(converted: Converted, size: int, told: str) -> None:
    assert told in shown(replace(converted, model_size_bytes=size, float_size_bytes=1_000))


def test_a_file_of_several_samples_is_taken_with_a_warning(converted: Converted) -> None:
    assert converted.manifest.inputs[0].source.shape == (8, 4)
    assert "no input has a batch axis of 1, so that a sample of x is all of (8, 4)" in shown(converted)
