"""edgekit.reports.render.inspection: a model on 80 columns."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from edgekit.inspecting import Inspection, inspect
from edgekit.pipeline.export import Export
from edgekit.reports.render.inspection import print_inspection
from edgekit_runtime.errors import UserError
from edgekit_runtime.figure import Figure, unavailable
from edgekit_runtime.manifest import Library
from edgekit_runtime.tensor import Quantization, TensorSpec
from edgekit_targets.graph.summary import LiveTensor, OperatorCount
from tests.bundle_files import dense_bundle
from tests.onnx_models import save_convolutions
from tests.tflite_files import write_dense


def shown(inspection: Inspection) -> str:
    out = io.StringIO()
    print_inspection(inspection, Console(file=out, width=80, highlight=False))
    return out.getvalue()


def line_of(text: str, start: str) -> str:
    """A row with its continuation lines, as one line."""
    lines = text.splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith(start))
    parts = [lines[place]]
    for line in lines[place + 1 :]:
        if not line.startswith("  "):
            break
        parts.append(line.strip())
    return " ".join(" ".join(parts).split())


@pytest.fixture
def dense(tmp_path) -> Inspection:
    return inspect(write_dense(tmp_path / "dense.tflite"))


def graph_with(inspection: Inspection, **changes) -> Inspection:
    return replace(inspection, graph=replace(inspection.graph, **changes))


def test_a_file_is_told_line_by_line(dense):
    text = shown(dense)
    assert line_of(text, "input") == "input features (1, 8) float32"
    assert line_of(text, "output") == "output scores (1, 3) float32"
    assert line_of(text, "FULLY_CONNECTED") == "FULLY_CONNECTED 2 66"
    assert "float32 300 byte, structure" in line_of(text, "model file")
    assert line_of(text, "parameters") == "parameters 75"
    assert line_of(text, "MACs") == "MACs 66, predicted"
    assert line_of(text, "layout") == "layout no operator only moves values"
    assert line_of(text, "peak") == (
        "peak activations 56 byte, predicted; scratch memory on top; "
        "at operator 0, FULLY_CONNECTED: x 32 byte, hidden 24 byte"
    )
    assert line_of(text, "dynamic") == "dynamic shapes none"
    assert line_of(text, "custom") == "custom operators none"
    assert "graphs" not in text


def test_quantization_and_free_axes_stand_beside_the_shape(dense):
    inputs = (
        TensorSpec("one", (-1, 4), "int8", Quantization((0.5,), (-3,))),
        TensorSpec("many", (1, 2), "int8", Quantization((0.5, 0.25), (0, 0), 1)),
    )
    text = shown(graph_with(dense, inputs=inputs, dynamic_tensors=2))
    assert "input one (any, 4) int8, scale 0.5, zero point -3" in " ".join(text.split())
    assert "input many (1, 2) int8, 2 scales along axis 1" in " ".join(text.split())
    assert "2 tensors; figures are for the lengths that the file sets" in line_of(text, "dynamic")


def test_unknown_macs_make_the_total_a_lower_bound(dense):
    custom = OperatorCount("Detect", 1, True, False, unavailable("MAC", "a custom operator"))
    text = shown(graph_with(dense, operators=(*dense.graph.operators, custom), not_counted=("Detect",), graphs=3))
    assert line_of(text, "Detect") == "Detect 1 unknown a custom operator"
    assert line_of(text, "MACs") == "MACs at least 66, predicted; not counted: Detect"
    assert line_of(text, "custom") == "custom operators Detect"
    assert line_of(text, "graphs") == "graphs 3, run by operators of the first"


def test_layout_operators_are_named_with_their_shares(dense):
    share = Figure("predicted", "share", 1 / 3, "counted")
    pad = OperatorCount("PAD", 1, False, True, dense.graph.macs)
    text = shown(graph_with(dense, operators=(pad,), layout_operators=share, layout_bytes=unavailable("share", "why")))
    assert line_of(text, "layout") == (
        "layout 33.3 % of the operators only move values (PAD); their share of all bytes moved: unknown: why"
    )


def test_long_names_of_fused_operators_are_cut(dense):
    alive = tuple(LiveTensor(f"model/{'block/' * 9}relu{i};model/conv", 100 - i) for i in range(5))
    row = line_of(shown(graph_with(dense, peak=replace(dense.graph.peak, alive=alive))), "peak")
    assert row.endswith("block/relu2 98 byte, 2 smaller")
    assert "conv" not in row


def test_what_is_unknown_says_why(dense):
    peak = replace(dense.graph.peak, size=unavailable("byte", "the size of tensor t is not known"))
    text = shown(graph_with(dense, peak=peak, layout_bytes=unavailable("share", "no size")))
    assert line_of(text, "peak") == "peak activations unknown: the size of tensor t is not known"


def test_a_bundle_tells_how_it_was_made(tmp_path, made):
    inspection = inspect(dense_bundle(tmp_path, "int8"))
    text = shown(inspection)
    assert line_of(text, "bundle") == "bundle small, int8, for host (recipe int8)"
    assert line_of(text, "digest") == f"digest {inspection.bundle.digest}"
    assert line_of(text, "licence") == "licence not told (convert takes --license)"
    assert line_of(text, "model card") == "model card none (convert takes --model-card)"
    assert line_of(text, "made by") == "made by keras 3.15.1"
    assert line_of(text, "accuracy").startswith("accuracy unknown")
    manifest = replace(inspection.bundle.manifest, license="MIT", model_card="model-card.md")
    bundle = replace(inspection.bundle, manifest=manifest, evaluation=made.evaluation())
    text = shown(replace(inspection, bundle=bundle))
    assert line_of(text, "licence") == "licence MIT"
    assert line_of(text, "model card") == "model card model-card.md"
    assert line_of(text, "accuracy").startswith("accuracy 88.4 %")


def test_every_real_file_fits_80_columns(assets):
    for path in sorted(assets.rglob("*.tflite")) + sorted(Path(assets, "tricky/tflite").glob("*.bin")):
        try:
            text = shown(inspect(path))
        except UserError:
            continue
        body = text.split("\n", 1)[1] if len(str(path)) > 80 else text
        assert max(map(len, body.splitlines())) <= 80, path


def test_an_onnx_file_tells_its_opsets_what_is_open_and_what_could_not_be_found(tmp_path):
    opened = inspect(save_convolutions(tmp_path / "model.onnx", batch="batch"))
    text = shown(opened)
    assert line_of(text, "opsets") == "opsets ai.onnx 17"
    assert line_of(text, "dynamic") == (
        "dynamic shapes 9 tensors; figures are for a length of 1 where it comes first; --shape NAME=1,... sets others"
    )
    noted = shown(graph_with(opened, notes=("onnx cannot tell them",)))
    assert line_of(noted, "note") == "note onnx cannot tell them"


def test_a_source_model_says_what_exported_it(dense):
    source = Export("keras-h5", (Library("keras", "3.15.1"), Library("tensorflow", "2.21.0")), ("by tf_keras",))
    assert line_of(shown(replace(dense, source=source)), "source") == (
        "source keras-h5; what follows is of its float32 tflite export by keras 3.15.1, tensorflow 2.21.0; by tf_keras"
    )
