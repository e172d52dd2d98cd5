"""edgekit_targets.graph.tflite: what files say, and one clear error for those that say nothing sensible."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit_runtime.codec import dumps
from edgekit_runtime.errors import ModelError
from edgekit_targets.graph.graph import Graph
from edgekit_targets.graph.summary import summarize
from edgekit_targets.graph.tflite import read_tflite
from tests.tflite_files import (
    Operator,
    Tensor,
    constant,
    write_dense,
    write_int8_dense,
    write_recurrent,
    write_tflite,
    write_two_by_two,
)


def rewrite(path: Path, change) -> Path:
    """Change a file's tables, and write it anew."""
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    change(model)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


@pytest.fixture
def dense(tmp_path) -> Path:
    return write_dense(tmp_path / "dense.tflite")


def test_operators_and_tensors_are_those_of_the_file(dense):
    graph = read_tflite(dense)
    main = graph.main
    assert graph.format == "tflite"
    assert [operator.name for operator in main.operators] == ["FULLY_CONNECTED", "FULLY_CONNECTED"]
    assert [tensor.name for tensor in main.tensors_of(main.operators[0].inputs)] == ["x", "first_weights", "first_bias"]
    assert [tensor.name for tensor in main.tensors_of(main.inputs + main.outputs)] == ["x", "y"]
    hidden = main.tensors[3]
    assert (hidden.shape, hidden.dtype, hidden.data, hidden.state) == ((1, 6), "float32", None, False)


def test_constants_keep_their_bytes(tmp_path):
    tensors = [Tensor("x", (1, 2)), constant("w", np.array([[1.5, -2.0]], np.float32)), Tensor("y", (1, 2))]
    path = write_tflite(tmp_path / "m.tflite", tensors, [Operator("ADD", ("x", "w"), ("y",))], {"x": "x"}, {"y": "y"})
    weights = read_tflite(path).main.tensors[1]
    assert np.frombuffer(weights.data, np.float32).tolist() == [1.5, -2.0]


def test_quantization_is_per_tensor_or_per_channel(tmp_path):
    main = read_tflite(write_int8_dense(tmp_path)[1]).main
    given, weights = (main.tensors[place] for place in main.operators[0].inputs[:2])
    assert given.dtype == "int8"
    assert (len(given.quantization.scale), given.quantization.axis) == (1, None)
    assert (len(weights.quantization.scale), weights.quantization.axis) == (6, 0)
    assert weights.quantization.zero_point == (0,) * 6


def test_a_state_is_told_from_a_value(tmp_path):
    assert [t.name for t in read_tflite(write_recurrent(tmp_path / "m.tflite")).main.tensors if t.state] == ["state"]


def test_free_axes_come_from_the_signature_of_the_shape(dense):
    def free(model):
        model.subgraphs[0].tensors[0].shapeSignature = [-1, 8]

    assert read_tflite(rewrite(dense, free)).main.tensors[0].spec.shape == (-1, 8)


def test_an_input_left_out_is_none(dense):
    def without_bias(model):
        model.subgraphs[0].operators[1].inputs = [3, 4, -1]

    assert read_tflite(rewrite(dense, without_bias)).main.operators[1].inputs[2] is None


def test_a_custom_operator_has_its_own_name(dense):
    def custom(model):
        model.operatorCodes[0].builtinCode = schema.BuiltinOperator.CUSTOM
        model.operatorCodes[0].deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        model.operatorCodes[0].customCode = "Detect"

    operator = read_tflite(rewrite(dense, custom)).main.operators[0]
    assert (operator.name, operator.custom) == ("Detect", True)


def test_operators_and_types_of_a_newer_format_are_told_by_number(dense):
    def newer(model):
        model.operatorCodes[0].builtinCode = 999
        model.subgraphs[0].tensors[3].type = 99

    main = read_tflite(rewrite(dense, newer)).main
    assert main.operators[0].name == "operator 999"
    assert main.tensors[3].dtype == "type 99"


def test_the_graphs_that_an_operator_runs_are_told(tmp_path):
    path = write_two_by_two(tmp_path / "m.tflite")

    def loop(model):
        model.operatorCodes[0].builtinCode = model.operatorCodes[0].deprecatedBuiltinCode = schema.BuiltinOperator.WHILE
        model.subgraphs = model.subgraphs * 3
        for operator in model.subgraphs[0].operators:
            operator.builtinOptionsType = schema.BuiltinOptions.WhileOptions
            operator.builtinOptions = schema.WhileOptionsT()
            operator.builtinOptions.condSubgraphIndex, operator.builtinOptions.bodySubgraphIndex = 1, 2

    graph = read_tflite(rewrite(path, loop))
    assert len(graph.subgraphs) == 3
    assert [operator.calls for operator in graph.main.operators if operator.name == "WHILE"] == [(1, 2)]


def test_attributes_that_a_cost_depends_on_are_kept(tmp_path):
    path = write_two_by_two(tmp_path / "m.tflite")

    def product(model):
        for code in model.operatorCodes:
            code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.BATCH_MATMUL
        first, second = model.subgraphs[0].operators
        first.builtinOptionsType = schema.BuiltinOptions.BatchMatMulOptions
        first.builtinOptions = schema.BatchMatMulOptionsT()
        first.builtinOptions.adjY = True
        second.builtinOptionsType, second.builtinOptions = schema.BuiltinOptions.NONE, None

    first, second = read_tflite(rewrite(path, product)).main.operators
    assert first.attributes == {"adjoint_x": False, "adjoint_y": True}
    assert second.attributes == {}


def test_a_large_constant_may_lie_behind_the_tables(dense):
    weights = np.arange(48, dtype=np.float32).tobytes()

    def outside(model):
        place = model.subgraphs[0].tensors[1].buffer
        model.buffers[place].data, model.buffers[place].offset = None, 4096
        model.buffers[place].size = len(weights)

    path = rewrite(dense, outside)
    path.write_bytes(path.read_bytes().ljust(4096, b"\0") + weights)
    assert bytes(read_tflite(path).main.tensors[1].data) == weights
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match="a constant lies at byte 4096 to 4288 of 4287"):
        read_tflite(path)


@pytest.mark.parametrize("scale", [[np.nan], [1.0, 2.0]])
def test_a_quantization_without_sense_is_damage(tmp_path, scale):
    path = write_int8_dense(tmp_path)[1]

    def spoil(model):
        place = model.subgraphs[0].inputs[0]
        model.subgraphs[0].tensors[place].quantization.scale = scale

    with pytest.raises(ModelError, match="the file is damaged: a tensor has"):
        read_tflite(rewrite(path, spoil))


def test_a_file_without_a_graph_says_so(dense):
    def empty(model):
        model.subgraphs = []

    with pytest.raises(ModelError, match=r"dense.tflite: the file is damaged: there is no graph in it\."):
        read_tflite(rewrite(dense, empty))


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"abcdefgh" * 9])
def test_what_is_no_tflite_file_is_told_by_its_content(tmp_path, content):
    (tmp_path / "m.tflite").write_bytes(content)
    with pytest.raises(ModelError, match="not a model that runs on a device"):
        read_tflite(tmp_path / "m.tflite")


@pytest.mark.parametrize("name", ["none.tflite", ""])
def test_a_path_that_is_no_file_is_told(tmp_path, name):
    with pytest.raises(ModelError, match=r"no such file or directory|is a directory"):
        read_tflite(tmp_path / name)


def test_lists_that_claim_more_than_the_file_holds_are_refused_at_once(dense):
    content = bytearray(dense.read_bytes())
    graph = schema.Model.GetRootAs(content, 0).Subgraphs(0)
    table = graph._tab
    place = table.Vector(table.Offset(4)) - 4  # the length of the list of tensors (schema.fbs, table SubGraph)
    content[place : place + 4] = (2**31).to_bytes(4, "little")
    dense.write_bytes(content)
    with pytest.raises(ModelError, match="claim more entries than the file has bytes"):
        read_tflite(dense)  # to read them would take hours


@pytest.fixture(scope="module")
def contents(tmp_path_factory) -> tuple[bytes, ...]:
    folder = tmp_path_factory.mktemp("files")
    paths = write_int8_dense(folder)[1], write_recurrent(folder / "recurrent.tflite")
    return tuple(path.read_bytes() for path in paths)


def outcome(path: Path) -> Graph | None:
    """The graph, summed up and written as JSON; or `None` where there is one clear line instead."""
    try:
        graph = read_tflite(path)
    except ModelError as error:
        line = str(error)
    else:
        assert dumps(summarize(graph))
        return graph
    assert "\n" not in line
    assert line.startswith(f"{path}: ")
    return None


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_gives_a_graph_or_one_clear_line(contents, tmp_path_factory, data):
    content = bytearray(data.draw(st.sampled_from(contents)))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(8, len(content) - 1))
        content[place] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, *range(256)]))
    end = data.draw(st.one_of(st.just(len(content)), st.integers(8, len(content))))
    path = tmp_path_factory.getbasetemp() / "damaged.tflite"
    path.write_bytes(content[:end])
    outcome(path)


def test_every_odd_file_gives_a_graph_or_one_clear_line(assets):
    paths = sorted((assets / "tricky/tflite").iterdir())
    read = [path.name for path in paths if outcome(path) is not None]
    refused = [path.name for path in paths if path.name not in read]
    assert len(paths) > 70
    assert refused == ["tflite__testdata__no_subgraphs.bin", "tflite__testdata__test_model_broken.bin"]


def test_reading_loads_no_interpreter(dense):
    code = (
        "import sys; from edgekit_targets.graph.tflite import read_tflite; read_tflite(sys.argv[1]);"
        "print([name for name in sys.modules if name.startswith('ai_edge_litert.')])"
    )
    done = subprocess.run([sys.executable, "-c", code, dense], capture_output=True, text=True, check=True)
    assert done.stdout == "['ai_edge_litert.schema_py_generated']\n"


def test_a_missing_schema_is_one_line_with_the_command():
    code = (
        "import sys; sys.modules['ai_edge_litert'] = None\n"
        "from edgekit_runtime.errors import MissingExtraError\n"
        "try:\n    import edgekit_targets.graph.tflite\n"
        "except MissingExtraError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("Run: pip install 'edgekit[tflite]'\n")
