"""edgekit_converters.compile: Vela really run; other vendors' compilers as programs that stand in for them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from onnx import helper

from edgekit.reports.render.compilation import compilation_rows
from edgekit_converters.compile.compilation import Compilation, Compiled, CompileError, Placed
from edgekit_converters.compile.compile import compile_for
from edgekit_runtime.codec import dumps_document, loads_document
from edgekit_targets.catalog import load_profile
from edgekit_targets.graph.graph import Opset
from edgekit_targets.graph.read import read_graph
from edgekit_targets.profile import Profile
from tests import vendor_logs as logs
from tests.onnx_models import save_convolutions, save_graph
from tests.tflite_files import write_dense, write_int8_dense

EDGETPU_LOG = """\
Edge TPU Compiler version 16.0.384591198
Started a compilation timeout timer of 180 seconds.
Model compiled successfully in 30 ms.
Input model: model.tflite
On-chip memory used for caching model parameters: 1.50KiB
On-chip memory remaining for caching model parameters: 7.88MiB
Off-chip memory used for streaming uncached model parameters: 0.00B
Number of Edge TPU subgraphs: 1
Total number of operations: 2
Number of operations that will run on Edge TPU: 2
Number of operations that will run on CPU: 0
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "compiled"
    folder.mkdir()
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_int8_dense(tmp_path)[1]


def made_by(model: Path, target: str, folder: Path) -> Compiled:
    compiled = compile_for(model, load_profile(target).profile, folder)
    assert compiled is not None
    return compiled


def figures_of(compiled: Compiled) -> dict[str, float | None]:
    return {one.name: one.figure.value for one in compiled.compilation.figures}


def program(folder: Path, name: str, text: str) -> Path:
    """A program that stands in for a vendor's."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport sys\nfrom pathlib import Path\n{text}")
    path.chmod(0o755)
    return path


def test_vela_compiles_a_model_and_predicts_what_it_costs(model: Path, folder: Path) -> None:
    compiled = made_by(model, "ethos-u55-256", folder)
    figures = figures_of(compiled)

    assert compiled.path is not None
    assert [operator.name for operator in read_graph(compiled.path).main.operators] == ["ethos-u"]
    assert compiled.compilation.file == "model.ethos-u55-256.tflite"
    assert (figures["operators_on_npu"], figures["operators_on_cpu"], figures["partitions"]) == (2, 0, 1)
    assert {"sram", "off_chip_flash", "cycles", "latency", "mac_utilisation"} <= figures.keys()
    assert {one.figure.mode for one in compiled.compilation.figures} == {"predicted"}
    assert 0 < (figures["mac_utilisation"] or 0) < 1


def test_what_a_chip_has_no_room_for_is_told(assets: Path, tmp_path: Path, folder: Path) -> None:
    compiled = compile_for(assets / "mlperf-tiny/pretrainedResnet_quant.tflite", small_chip(tmp_path), folder)

    assert compiled is not None
    (told,) = compiled.compilation.beyond_chip
    assert "KiB of flash, and the chip has 1 KiB" in told
    assert ("does not fit", told) in compilation_rows(compiled.compilation)


def small_chip(folder: Path) -> Profile:
    """An Ethos-U55 with SRAM enough, and hardly any flash."""
    path = folder / "small.toml"
    path.write_text("""\
schema = "edgekit/profile"
version = 1
extends = "ethos-u55-256"
name = "small"
[npu]
sram_kib = { value = 512, source = "mine", confidence = "verified" }
flash_kib = { value = 1, source = "mine", confidence = "verified" }
[sources]
mine = "the data sheet of my chip"
""")
    return load_profile(str(path)).profile


def test_a_compilation_is_a_document(model: Path, folder: Path) -> None:
    compilation = made_by(model, "ethos-u55-256", folder).compilation

    assert loads_document(Compilation, dumps_document(compilation)) == compilation


def test_a_float_model_is_refused_with_the_command_that_makes_it_integer(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(CompileError, match="No operator of the model runs on the Ethos-U55-256") as caught:
        made_by(write_dense(tmp_path / "float.tflite"), "ethos-u55-256", folder)
    assert "edgekit convert MODEL --target ethos-u55-256 --quantize int8 --calibrate DATA" in caught.value.hint


def test_an_error_of_vela_names_the_operator(assets: Path, tmp_path: Path, folder: Path) -> None:
    odd = tmp_path / "odd.tflite"
    odd.write_bytes((assets / "tricky/tflite/tflite__testdata__add_quantized_int8.bin").read_bytes())

    with pytest.raises(CompileError, match="ADD add: For IFM that are signed, OFM must also be signed"):
        made_by(odd, "ethos-u55-256", folder)


def test_operators_left_to_the_processor_are_named(assets: Path, tmp_path: Path, folder: Path) -> None:
    partly = tmp_path / "partly.tflite"
    partly.write_bytes((assets / "tricky/tflite/tflite__python__testdata__pc_conv.bin").read_bytes())

    compilation = made_by(partly, "ethos-u55-256", folder).compilation

    assert [place.name for place in compilation.on_cpu] == ["QUANTIZE", "DEQUANTIZE"]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("coral-edgetpu-usb", "edgetpu_compiler -s model.tflite"),
        ("rk3588-npu", "EDGEKIT_RKNN_PYTHON"),
        ("hailo-8", "hailo8"),
        ("imx-neutron", "neutron-converter --target imxrt700 --input model.tflite"),
        ("hexagon-htp-v73", "aihub.qualcomm.com"),
    ],
)
def test_what_is_not_installed_says_what_to_run(
    target: str, words: str, model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("EDGEKIT_RKNN_PYTHON", raising=False)

    compiled = made_by(model, target, folder)

    assert (compiled.path, compiled.compilation.file, compiled.compilation.figures) == (None, None, ())
    assert words in compiled.compilation.command
    assert compiled.compilation.reason


def test_a_target_without_an_accelerator_compiles_nothing(model: Path, folder: Path) -> None:
    assert compile_for(model, load_profile("raspberry-pi-5").profile, folder) is None


def test_a_format_that_the_compiler_does_not_read_is_told(tmp_path: Path, folder: Path) -> None:
    compiled = made_by(tmp_path / "model.onnx", "ethos-u55-256", folder)

    assert compiled.compilation.reason == "the compiler takes .tflite files"


def test_the_edge_tpu_compiler_is_called_where_it_is_installed(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = "Path(sys.argv[3], Path(sys.argv[4]).stem + '_edgetpu.tflite').write_bytes(b'compiled')"
    program(tmp_path, "edgetpu_compiler", f"{made}\nprint({EDGETPU_LOG!r})\n")
    monkeypatch.setenv("PATH", str(tmp_path))

    compiled = made_by(model, "coral-edgetpu-usb", folder)

    assert compiled.path is not None
    assert compiled.path.read_bytes() == b"compiled"
    assert compiled.compilation.compiler == "edgetpu_compiler 16.0.384591198"
    assert figures_of(compiled) == {
        "partitions": 1,
        "operators_on_npu": 2,
        "operators_on_cpu": 0,
        "weights_on_chip": 1536,
        "weights_streamed": 0,
    }


def test_an_edge_tpu_compiler_that_fails_now_and_then_is_asked_again(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = (
        "tried = Path(__file__).with_name('tried')\n"
        "if not tried.exists():\n    tried.touch()\n    sys.exit('Internal compiler error. Aborting!')\n"
        "Path(sys.argv[3], Path(sys.argv[4]).stem + '_edgetpu.tflite').touch()\n"
    )
    program(tmp_path, "edgetpu_compiler", text)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert made_by(model, "coral-edgetpu-usb", folder).path is not None


def refusing_edgetpu(folder: Path, log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program(folder, "edgetpu_compiler", f"print({log!r})\nsys.exit(1)\n")
    monkeypatch.setenv("PATH", str(folder))


def test_an_error_of_the_edge_tpu_compiler_is_told_with_the_operator_that_it_numbers(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refusing_edgetpu(tmp_path, logs.PREPARE.replace("3 (CONV_2D)", "1 (FULLY_CONNECTED)"), monkeypatch)

    with pytest.raises(CompileError) as caught:
        made_by(model, "coral-edgetpu-usb", folder)
    reason = ":317 scale_diff / output_scale <= 0.02 was not true; Node number 1 (FULLY_CONNECTED) failed to prepare."
    assert caught.value.message == f"edgetpu_compiler does not compile the model: {reason}"
    assert caught.value.hint.startswith("That is operator 1, FULLY_CONNECTED (y). Write it with other operators")
    assert caught.value.hint.endswith("edgekit check MODEL --target coral-edgetpu-usb")


def test_a_kind_that_the_edge_tpu_compiler_is_too_old_for_is_told_with_the_first_of_it(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refusing_edgetpu(tmp_path, logs.EXP.replace("EXP", "FULLY_CONNECTED"), monkeypatch)

    with pytest.raises(CompileError, match="Didn't find op for builtin opcode 'FULLY_CONNECTED' version '2'") as caught:
        made_by(model, "coral-edgetpu-usb", folder)
    assert "The model has 2 of FULLY_CONNECTED; the first is operator 0, FULLY_CONNECTED (" in caught.value.hint


@pytest.mark.parametrize("log", [logs.ABORTING, logs.NOT_QUANTIZED, logs.ONLY_VERSION, logs.DYNAMIC, logs.LARGE, ""])
def test_where_the_edge_tpu_compiler_names_nothing_our_rules_do_and_it_is_told_that_they_do(
    log: str, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refusing_edgetpu(tmp_path, log, monkeypatch)

    with pytest.raises(CompileError, match="edgetpu_compiler does not compile the model: ") as caught:
        made_by(write_dense(tmp_path / "float.tflite"), "coral-edgetpu-usb", folder)
    told = (
        "It names no operator; by edgekit's rules it does not take operator 0, FULLY_CONNECTED (hidden): it computes in"
    )
    assert caught.value.hint.startswith(told)
    assert "edgekit convert MODEL --target coral-edgetpu-usb --quantize int8" in caught.value.hint
    assert "\n" not in str(caught.value)


def test_where_nobody_knows_why_that_is_told(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refusing_edgetpu(tmp_path, logs.ABORTING, monkeypatch)

    with pytest.raises(CompileError, match="Internal compiler error") as caught:
        made_by(model, "coral-edgetpu-usb", folder)
    assert caught.value.hint.startswith("It names no operator, and edgekit's rules refuse none")


def test_what_the_edge_tpu_compiler_leaves_to_the_processor_is_its_own_word(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table = """
Operator                       Count      Status

FULLY_CONNECTED                1          Mapped to Edge TPU
FULLY_CONNECTED                1          More than one subgraph is not supported
"""
    made = "Path(sys.argv[3], Path(sys.argv[4]).stem + '_edgetpu.tflite').touch()"
    program(tmp_path, "edgetpu_compiler", f"{made}\nprint({EDGETPU_LOG + table!r})\n")
    monkeypatch.setenv("PATH", str(tmp_path))

    compilation = made_by(model, "coral-edgetpu-usb", folder).compilation

    assert [(place.operator, place.tensor) for place in compilation.on_cpu] == [(1, "y")]
    assert compilation.kinds == (
        Placed("FULLY_CONNECTED", 1, True, "Mapped to Edge TPU"),
        Placed("FULLY_CONNECTED", 1, False, "More than one subgraph is not supported"),
    )
    assert ("left out", "1 of FULLY_CONNECTED: More than one subgraph is not supported") in compilation_rows(
        compilation
    )
    assert loads_document(Compilation, dumps_document(compilation)) == compilation


def test_every_row_of_a_real_table_of_the_edge_tpu_compiler_is_kept(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = "Path(sys.argv[3], Path(sys.argv[4]).stem + '_edgetpu.tflite').touch()"
    program(tmp_path, "edgetpu_compiler", f"{made}\nprint({logs.TABLE!r})\n")
    monkeypatch.setenv("PATH", str(tmp_path))

    kinds = made_by(model, "coral-edgetpu-usb", folder).compilation.kinds

    assert len(kinds) == 10
    assert (sum(one.count for one in kinds if one.on_npu), sum(one.count for one in kinds if not one.on_npu)) == (
        2,
        153,
    )
    assert Placed("QUANTIZE", 1, False, logs.OTHERWISE) in kinds


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
