"""edgekit_converters.compile.rockchip: Rockchip's compiler as a program that stands in for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from onnx import helper

from edgekit_converters.compile.compilation import CompileError
from edgekit_targets.graph.graph import Opset
from edgekit_targets.graph.read import read_graph
from tests import vendor_logs as logs
from tests.compilers import made_by, program
from tests.onnx_models import save_convolutions, save_graph


def python_of_rknn(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEKIT_RKNN_PYTHON", str(program(folder, "python-of-rknn", text)))


def test_rockchips_compiler_is_called_in_its_own_environment(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python_of_rknn(tmp_path, "assert sys.argv[5] in ('rk3588',)\nPath(sys.argv[4]).write_bytes(b'rknn')\n", monkeypatch)

    compiled = made_by(model, "rk3588-npu", folder)

    assert compiled.path is not None
    assert (compiled.path.name, compiled.path.read_bytes()) == ("model.rk3588.rknn", b"rknn")
    assert compiled.compilation.command.endswith("edgekit convert model.tflite --target rk3588-npu")


def test_rockchips_compiler_is_given_the_batch_that_it_refuses_to_leave_open(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python_of_rknn(tmp_path, "Path(sys.argv[4]).write_text(sys.argv[6])\n", monkeypatch)

    told = []
    for name, batch in (("open", "n"), ("fixed", 1)):
        compiled = made_by(save_convolutions(tmp_path / f"{name}.onnx", batch), "rk3588-npu", folder)
        assert compiled.path is not None
        told.append(json.loads(compiled.path.read_text()))
    assert told == [{"inputs": ["x"], "input_size_list": [[1, 3, 12, 12]]}, {}]


def save_head(path: Path, kind: str) -> Path:
    """A ReLU, and an operator of this kind behind it."""
    nodes = [
        helper.make_node("Relu", ["input"], ["/features/act/Relu_output_0"], "/features/act/Relu"),
        helper.make_node(kind, ["/features/act/Relu_output_0"], ["out"], f"/head/op/{kind}"),
    ]
    return save_graph(path, nodes, {"input": [1, 8, 16, 16]}, {"out": []})


@pytest.mark.parametrize(
    ("log", "kind", "line"),
    [
        (logs.LOOP.replace("Loop", "NonZero"), "NonZero", "The NonZero('/head/op/NonZero') will cause the graph to be"),
        (logs.UNKNOWN.replace("MyOp", "Det"), "Det", "This is an invalid model. In Node, "),
        (logs.SQRT, "Sqrt", 'Meet unsupported operator: Sqrt(name="Sqrt_51").'),
    ],
)
def test_an_error_of_rockchips_compiler_is_told_with_the_operator_that_it_names(
    log: str, kind: str, line: str, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python_of_rknn(tmp_path, f"print({log!r})\nsys.exit(1)\n", monkeypatch)

    with pytest.raises(CompileError) as caught:
        made_by(save_head(tmp_path / "head.onnx", kind), "rk3588-npu", folder)
    assert caught.value.message.startswith(f"rknn-toolkit2 does not compile the model: {line}")
    assert caught.value.hint.startswith(f"That is operator 1, {kind} (out).")
    assert caught.value.hint.endswith("edgekit check MODEL --target rk3588-npu")


def test_what_our_rules_know_of_an_operator_that_rockchips_compiler_names_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python_of_rknn(tmp_path, f"print({logs.CUMSUM.replace('CumSum', 'Abs')!r})\nsys.exit(1)\n", monkeypatch)

    with pytest.raises(CompileError) as caught:
        made_by(save_head(tmp_path / "head.onnx", "Abs"), "rk3588-npu", folder)
    told = "That is operator 1, Abs (out). By edgekit's rules, the compiler does not take this operator."
    assert caught.value.hint.startswith(told)


def test_a_compiler_that_a_signal_ends_without_a_word_says_so(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python_of_rknn(tmp_path, "import os\nos.kill(os.getpid(), 9)\n", monkeypatch)

    with pytest.raises(CompileError, match="does not compile the model: it was ended by signal 9"):
        made_by(model, "rk3588-npu", folder)


def test_what_rockchips_compiler_reads_tflite_files_with_is_told_where_it_is_missing(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python_of_rknn(tmp_path, f"print({logs.NO_TENSORFLOW!r})\nsys.exit(1)\n", monkeypatch)

    with pytest.raises(CompileError, match="files with TensorFlow, which its environment lacks") as caught:
        made_by(model, "rk3588-npu", folder)
    assert "pip install 'tensorflow<=2.14'" in caught.value.hint


def test_operators_that_rockchips_compiler_has_no_code_for_are_named_though_it_writes_a_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python_of_rknn(tmp_path, f"print({logs.LEFT!r})\nPath(sys.argv[4]).touch()\n", monkeypatch)

    compilation = made_by(save_head(tmp_path / "head.onnx", "Det"), "rk3588-npu", folder).compilation

    assert [(place.operator, place.name) for place in compilation.on_cpu] == [(1, "Det")]
    assert [(one.kind, one.count, one.on_npu) for one in compilation.kinds] == [("Det", 1, False)]


def test_rockchips_compiler_is_given_an_opset_that_it_reads(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python_of_rknn(tmp_path, "Path(sys.argv[4]).write_text(sys.argv[3])\n", monkeypatch)
    node = helper.make_node("Relu", ["x"], ["y"], "/Relu")

    compiled = made_by(
        save_graph(tmp_path / "new.onnx", [node], {"x": [1, 4]}, {"y": [1, 4]}, opset=20), "rk3588-npu", folder
    )

    assert compiled.path is not None
    assert read_graph(Path(compiled.path.read_text())).opsets == (Opset("ai.onnx", 19),)


def test_the_operator_that_needs_an_opset_that_rockchips_compiler_does_not_read_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python_of_rknn(tmp_path, f"print({logs.OPSET.replace('21', '20')!r})\nsys.exit(1)\n", monkeypatch)
    nodes = [helper.make_node("Relu", ["x"], ["r"], "/Relu"), helper.make_node("Gelu", ["r"], ["y"], "/Gelu")]

    with pytest.raises(CompileError, match="the model: Unsupport onnx opset 20, need <= 19") as caught:
        made_by(save_graph(tmp_path / "new.onnx", nodes, {"x": [1, 4]}, {"y": [1, 4]}, opset=20), "rk3588-npu", folder)
    assert caught.value.hint.startswith(
        "Newer than that is operator 1, Gelu (y). Export the source with opset_version=19"
    )
