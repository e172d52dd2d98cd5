"""edgekit_converters.compile: Vela really run; other vendors' compilers as programs that stand in for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit.reports.render.compilation import compilation_rows
from edgekit_converters.compile.compilation import Compilation, CompileError, Placed
from edgekit_converters.compile.compile import compile_for
from edgekit_runtime.codec import dumps_document, loads_document
from edgekit_targets.catalog import load_profile
from edgekit_targets.graph.read import read_graph
from edgekit_targets.profile import Profile
from tests import vendor_logs as logs
from tests.compilers import figures_of, made_by, program
from tests.tflite_files import write_dense

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
