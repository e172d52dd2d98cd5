"""edgekit_converters.compile.blame: from a compiler's log to an operator of the user's model."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_converters.compile.blame import SILENT, blame, named
from edgekit_targets.findings import Place
from edgekit_targets.graph.graph import Graph, Operator, Subgraph, Tensor
from tests import vendor_logs as logs


def chain(*operators: tuple[str, str, str], file_format: str = "onnx") -> Graph:
    """Operators one behind the other: the kind, the own name and the output's name of each; `input` goes in."""
    tensors = tuple(Tensor(name, (1, 8), "float32") for name in ("input", *(made for _, _, made in operators)))
    made = tuple(
        Operator(kind, (i,), (i + 1,), custom=kind == "MyOp", label=label)
        for i, (kind, label, _) in enumerate(operators)
    )
    return Graph(file_format, (Subgraph("main", tensors, (0,), (len(operators),), made),))


def head(kind: str) -> Graph:
    """A convolution, and behind it an operator of this kind, named as PyTorch names them."""
    return chain(
        ("Conv", "/features/conv/Conv", "/features/conv/Conv_output_0"), (kind, f"/head/op/{kind}", "/head/op_output_0")
    )


ROCKCHIP = chain(
    ("Conv", "/decoder/out_conv/Conv", "c"),
    ("ReduceSum", "/ReduceSum", "/ReduceSum_output_0"),
    ("Sqrt", "Sqrt_51", "4703"),
    ("Not", "/Not", "/Not_output_0"),
    ("CumSum", "", "s1"),
    ("CumSum", "", "s2"),
    ("MINIMUM", "", "functional_1/bb00/Minimum"),
    ("If", "/If", "/If_output_0"),
    ("LayerNormalization", "/blocks.0/norm1/LayerNormalization", "n"),
)
EDGETPU = chain(
    ("QUANTIZE", "", "q"),
    ("PAD", "", "model/pad/Pad"),
    ("EXP", "", "e1"),
    ("CONV_2D", "", "model/conv/Relu;model/bn/FusedBatchNormV3"),
    ("EXP", "", "StatefulPartitionedCall:0"),
    ("MyOp", "", "mine"),
    file_format="tflite",
)


@pytest.mark.parametrize(
    ("log", "graph", "operator", "line"),
    [
        (logs.LOOP, head("Loop"), 1, "The Loop("),
        (logs.RESHAPE, head("Reshape"), 1, "Non-zero status code"),
        (logs.UNKNOWN, head("MyOp"), 1, "This is an invalid model"),  # names a longer tensor of another one, too
        (logs.MISMATCH, head("Add"), 1, "Node (/head/op/Add)"),
        (logs.SQRT, ROCKCHIP, 2, "Meet unsupported operator: Sqrt"),
        (logs.TOO_WIDE, ROCKCHIP, 1, "X tile buffer overflow"),  # the warning above is about another one
        (logs.MINIMUM, ROCKCHIP, 6, "unsupport cpu Min op, op name: Min:functional_1/bb00/Minimum in current"),
        (logs.NOT, ROCKCHIP, 3, "Meet unsupported not, dtype = 3; Op type:Not, name: Not:/Not"),
        ("E RKNN: unsupport cpu exNorm op, op name: exNorm:/blocks.0/norm1/LayerNormalization#1 in\n", ROCKCHIP, 8, ""),
        ("E RKNN: [10:09:08.256] bad layout, tname:[4703]\n", ROCKCHIP, 2, ""),
        (logs.PREPARE, EDGETPU, 3, ":317 scale_diff / output_scale <= 0.02 was not true; Node number 3 (CONV_2D)"),
        ("ERROR: Node number 5 (MyOp) failed to prepare.\n", EDGETPU, 5, ""),
        ("ERROR: tensor model/pad/Pad is too large\n", EDGETPU, 1, ""),
        ("ERROR: tensor 'StatefulPartitionedCall:0' is too large\n", EDGETPU, 4, ""),
    ],
)
def test_an_operator_is_found_by_number_or_by_name(log: str, graph: Graph, operator: int, line: str) -> None:
    found = blame(log, graph)

    assert (found.by, found.places) == ("operator", (Place.of(graph.main, operator),))
    assert found.line.startswith(line)
    assert found.told().startswith(f"That is operator {operator}, ")


@pytest.mark.parametrize(
    ("log", "graph", "operators"),
    [
        (logs.EXP, EDGETPU, (2, 4)),
        (logs.CUMSUM, ROCKCHIP, (4, 5)),
        (logs.BATCH_MATMUL, chain(("RESHAPE", "", "r"), ("RESHAPE", "", "s"), ("BATCH_MATMUL", "", "m")), (2,)),
        ("E build: Reshape OP is not supported\n", head("Reshape"), (1,)),
        ("E build: no implementation for Gemm(11) node with name 'output_2gemm'\n", head("Gemm"), (1,)),
        ("E RKNN: ERROR: unsupport Einsum op in current\n", head("Einsum"), (1,)),
        ("E build: op type: ScatterND\n", chain(("SCATTER_ND", "", "s")), (0,)),
        ("ERROR: Encountered unresolved custom op: MyOp.\n", EDGETPU, (5,)),
    ],
)
def test_a_kind_stands_for_all_of_its_operators(log: str, graph: Graph, operators: Sequence[int]) -> None:
    found = blame(log, graph)

    assert (found.by, [place.operator for place in found.places]) == ("kind", list(operators))
    count = f"The model has {len(operators)} of" if len(operators) > 1 else "That is operator"
    assert found.told().startswith(count)


def test_an_input_stands_for_its_first_reader() -> None:
    found = blame(logs.OPEN_SHAPE, head("Relu"))

    assert found.told() == "The first to read it is operator 0, Conv (/features/conv/Conv_output_0)."


@pytest.mark.parametrize(
    ("log", "line"),
    [
        (logs.OPSET, "Unsupport onnx opset 21, need <= 19"),
        (logs.OLD_TOOLKIT, "Unsupport onnx opset 19, need <= 12"),  # "If you can't handle this error" is no If
        (logs.LARGE, "Compilation failed: Compilation failed due to large activation tensors in model"),
        (logs.COMPARED, "TypeError: '>' not supported between instances of 'numpy.ndarray' and 'str'"),
        (logs.ABORTING, "Internal compiler error. Aborting"),
        (logs.ONLY_VERSION, SILENT),
        ("E build: the input of the graph is not there\n", "the input of the graph is not there"),
        ("ERROR: t->dims->data[s1] != t0->dims->data[c]\n", "t->dims->data[s1] != t0->dims->data[c]"),
    ],
)
def test_words_that_happen_to_be_names_blame_nobody(log: str, line: str) -> None:
    found = blame(log, ROCKCHIP)

    assert (found.by, found.line, found.places, found.told()) == ("nothing", line, (), "")


def test_a_number_of_another_kind_of_operator_is_not_trusted() -> None:
    found = blame("ERROR: Node number 1 (CONV_2D) failed to prepare.\n", EDGETPU)

    assert (found.by, [place.operator for place in found.places]) == ("kind", [3])


def test_one_line_names_an_operator() -> None:
    assert named("No lowering found for: '/head/op/Det', node type = Det", head("Det"))[0].operator == 1
    assert named("nothing at all", head("Det")) == ()


PIECES = st.sampled_from(
    [
        *"'\"[](){}:;,.#_ \n\r\x1b",
        "E build: ",
        "E RKNN: [10:09:08.256] ",
        "ERROR: ",
        "Node number ",
        "name=",
        "op: ",
        "_2conv",
        "[ONNXRuntimeError] : 1 : FAIL : ",
        "onnxruntime::",
        *(operator.name for operator in (*ROCKCHIP.main.operators, *EDGETPU.main.operators)),
        *(operator.label for operator in ROCKCHIP.main.operators),
        *(tensor.name for tensor in (*ROCKCHIP.main.tensors, *EDGETPU.main.tensors)),
    ]
)
NOTHING = chain()


@given(
    st.one_of(
        st.text(), st.lists(st.one_of(PIECES, st.text(max_size=4), st.integers().map(str)), max_size=30).map("".join)
    ),
    st.sampled_from([ROCKCHIP, EDGETPU, NOTHING]),
)
def test_whatever_a_log_says_what_it_blames_is_there(log: str, graph: Graph) -> None:
    found = blame(log, graph)

    every = [Place.of(graph.main, index) for index in range(len(graph.main.operators))]
    assert set(found.places) <= set(every)
    assert (found.by == "nothing") == (not found.places)
    assert found.line.strip()


@pytest.mark.parametrize("log", logs.EVERY)
def test_no_log_blames_a_model_that_has_nothing(log: str) -> None:
    assert blame(log, NOTHING).by == "nothing"
