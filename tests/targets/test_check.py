"""edgekit_targets.check: what speaks against real and made models on each kind of target."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from onnx import helper

from edgekit_runtime.tensor import Quantization
from edgekit_targets.catalog import load_profile
from edgekit_targets.check import check_graph
from edgekit_targets.findings import Check, Finding
from edgekit_targets.graph.graph import Graph
from edgekit_targets.graph.read import read_graph
from edgekit_targets.rules.edgetpu import FAMILY
from edgekit_targets.rules.rule import Rule, names
from tests.graphs import POST_PROCESS, chain, with_limit
from tests.onnx_models import save_graph
from tests.tflite_files import write_dense, write_free_batch, write_int8_dense, write_quantized_dense


def held(file: Path, target: str) -> Check:
    return check_graph(read_graph(file), file, str(file), load_profile(target).profile)


def rules_of(check: Check) -> list[str]:
    return [finding.rule for finding in check.findings]


def one(check: Check, rule: str) -> Finding:
    (finding,) = [finding for finding in check.findings if finding.rule == rule]
    return finding


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"x" * 1000)
    return path


def judged(graph: Graph, file: Path, target: str = "coral-edgetpu-usb") -> Check:
    return check_graph(graph, file, "model.tflite", load_profile(target).profile)


def test_a_sound_model_fits_an_accelerator_as_a_whole(file: Path) -> None:
    check = judged(chain("FULLY_CONNECTED", "RELU", "FULLY_CONNECTED"), file)

    assert check.fits
    assert check.findings == ()
    assert check.placement is not None
    assert check.placement.operators.value == check.operators.value == 3
    assert check.placement.macs.value == check.macs.value == 32
    assert check.placement.partitions.value == 1
    assert check.placement.link.value == 8, "the input and the output, 4 bytes each"
    assert check.placement.first_refused is None


def test_behind_the_first_blocker_of_an_edge_tpu_everything_runs_on_the_processor(file: Path) -> None:
    check = judged(chain("FULLY_CONNECTED", "SIN", "FULLY_CONNECTED", "FULLY_CONNECTED"), file)
    finding = one(check, "edgetpu-operator")

    assert not check.fits
    assert finding.severity == "error"
    assert finding.macs.value == 32, "both layers behind it"
    assert finding.places[0].operator == 1
    assert check.placement is not None
    assert check.placement.macs.value == 16
    assert "edgekit targets ops coral-edgetpu-usb" in finding.fix


def test_an_operator_between_others_tears_the_work_of_other_accelerators_in_two(file: Path) -> None:
    check = judged(chain("FULLY_CONNECTED", "SIN", "FULLY_CONNECTED"), file, "imx-neutron")
    finding = one(check, "neutron-operator")

    assert (finding.severity, finding.macs.value, finding.partitions.value) == ("error", 0, 2)
    assert finding.link.value == 16, "input, output, and what SIN reads and writes"


def test_an_operator_without_macs_at_the_border_is_no_error(file: Path) -> None:
    check = judged(chain("FULLY_CONNECTED", "SIN"), file)

    assert check.fits
    assert one(check, "edgetpu-operator").severity == "warning"


def test_findings_come_with_the_most_costly_first(file: Path) -> None:
    check = judged(chain("FULLY_CONNECTED", "SIN", "FULLY_CONNECTED", "ARG_MAX", "FULLY_CONNECTED"), file)

    assert [finding.macs.value for finding in check.findings] == [32, 16]
    assert [finding.places[0].name for finding in check.findings] == ["SIN", "ARG_MAX"]


def test_conversions_at_the_beginning_do_not_end_the_part_of_an_edge_tpu(file: Path) -> None:
    graph = chain("QUANTIZE", "FULLY_CONNECTED")
    tensors = (replace(graph.main.tensors[0], dtype="float32", quantization=None), *graph.main.tensors[1:])
    check = judged(Graph("tflite", (replace(graph.main, tensors=tensors),)), file)

    assert check.fits
    assert check.placement is not None
    assert check.placement.operators.value == 1


@pytest.mark.parametrize("target", ["coral-edgetpu-usb", "coral-dev-board"])
def test_a_float_model_on_an_integer_accelerator_is_told_the_command_that_makes_it_integer(
    target: str, tmp_path: Path
) -> None:
    check = held(write_dense(tmp_path / "float.tflite"), target)

    assert not check.fits
    assert check.placement is not None
    assert check.placement.operators.value == 0
    assert f"edgekit convert MODEL --target {target} --quantize int8 --calibrate DATA" in check.findings[0].fix


def test_a_float_model_for_an_accelerator_of_one_scale_for_each_tensor_is_not_sent_to_a_scheme_of_many(
    tmp_path: Path,
) -> None:
    check = held(write_dense(tmp_path / "float.tflite"), "imx-neutron")

    assert not check.fits
    assert "eIQ Toolkit" in one(check, "neutron-float").fix
    assert not [finding.fix for finding in check.findings if "edgekit convert" in finding.fix]


def test_a_model_of_which_nothing_runs_there_says_so_once(file: Path) -> None:
    check = judged(chain("SIN", "ARG_MAX", "SIN"), file)

    assert not check.fits
    assert rules_of(check).count("nothing-left") <= 1
    assert check.placement is not None
    assert check.placement.partitions.value == 0


def test_an_integer_model_fits_the_edge_tpu(tmp_path: Path) -> None:
    _, model = write_int8_dense(tmp_path)

    assert [finding.rule for finding in held(model, "coral-edgetpu-usb").findings if finding.severity == "error"] == []


def test_hailo_takes_the_float_model_only(tmp_path: Path) -> None:
    model, quantized = write_int8_dense(tmp_path)

    assert held(model, "hailo-8").fits
    assert "--quantize float32" in one(held(quantized, "hailo-8"), "hailo-quantized").fix


def test_the_types_of_a_profile_decide(tmp_path: Path) -> None:
    model = write_quantized_dense(tmp_path, "int16x8")[1]

    assert held(model, "hexagon-htp-v73").fits
    assert not held(model, "coral-edgetpu-usb").fits


def test_a_compiled_file_is_refused_by_a_processor_with_that_reason(file: Path) -> None:
    graph = chain("ethos-u")
    compiled = replace(graph.main, operators=(replace(graph.main.operators[0], custom=True),))

    check = judged(Graph("tflite", (compiled,)), file, "raspberry-pi-4b")

    assert not check.fits
    assert "compiled for an Arm Ethos-U, by Vela" in one(check, "cpu-compiled").reason


def test_a_compiled_file_is_not_compiled_again(file: Path) -> None:
    graph = chain("ethos-u")
    compiled = replace(graph.main, operators=(replace(graph.main.operators[0], custom=True),))

    check = judged(Graph("tflite", (compiled,)), file, "ethos-u55-256")

    assert "compiled already" in one(check, "no-compilation").reason


@pytest.mark.parametrize(
    ("name", "custom", "rule"),
    [
        ("Strange", True, "cpu-custom"),
        ("STABLEHLO_COSINE", False, "cpu-operator"),
        ("operator 999", False, "cpu-operator"),
    ],
)
def test_what_no_kernel_computes_is_an_error_on_a_processor(name: str, custom: bool, rule: str, file: Path) -> None:
    check = judged(chain("RELU", name, custom=custom), file, "raspberry-pi-4b")

    assert not check.fits
    assert [place.operator for place in one(check, rule).places] == [1]


@pytest.mark.parametrize(
    ("operator", "domain", "rule", "said"),
    [
        ("FooBar", "my", "cpu-custom", "my.FooBar: a custom operator"),
        ("Frobnicate", "", "cpu-custom", "Frobnicate: none of ONNX's operators"),
        ("Adam", "ai.onnx.preview.training", "cpu-operator", "onnxruntime 1.31 has no kernel"),
        ("EPContext", "com.microsoft", "cpu-compiled", "compiled for an accelerator, by onnxruntime"),
    ],
)
def test_what_onnxruntime_does_not_know_is_an_error_on_a_processor(
    operator: str, domain: str, rule: str, said: str, tmp_path: Path
) -> None:
    nodes = [helper.make_node("Relu", ["x"], ["r"]), helper.make_node(operator, ["r"], ["y"], domain=domain)]
    domains = [domain] if domain else []
    model = save_graph(tmp_path / "m.onnx", nodes, {"x": (1, 4)}, {"y": (1, 4)}, domains=domains)

    check = held(model, "raspberry-pi-4b")

    assert not check.fits
    assert said in one(check, rule).reason
    assert [place.operator for place in one(check, rule).places] == [1]


@pytest.mark.parametrize(("operator", "domain"), [("Gelu", "com.microsoft"), ("Scaler", "ai.onnx.ml"), ("Mish", "")])
def test_what_onnxruntime_brings_along_or_takes_apart_fits(operator: str, domain: str, tmp_path: Path) -> None:
    node = helper.make_node(operator, ["x"], ["y"], domain=domain)
    domains = [domain] if domain else []
    model = save_graph(tmp_path / "m.onnx", [node], {"x": (1, 4)}, {"y": (1, 4)}, opset=18, domains=domains)

    assert held(model, "raspberry-pi-4b").findings == ()


@pytest.mark.parametrize(("scales", "axis", "fits"), [(4, 1, True), (4, 3, False), (3, 1, False)])
def test_scales_of_an_axis_that_is_not_there_are_refused(scales: int, axis: int, fits: bool, file: Path) -> None:
    graph = chain("RELU", "RELU")
    odd = replace(graph.main.tensors[1], quantization=Quantization((0.5,) * scales, (0,) * scales, axis))
    tensors = (graph.main.tensors[0], odd, *graph.main.tensors[2:])

    check = judged(replace(graph, subgraphs=(replace(graph.main, tensors=tensors),)), file, "raspberry-pi-4b")

    assert check.fits == fits
    assert fits or "t0 (1, 4)" in one(check, "cpu-scales").reason


def test_one_scale_of_an_axis_that_is_not_there_is_refused(tmp_path: Path) -> None:
    source = write_int8_dense(tmp_path)[1]
    model = schema.ModelT.InitFromPackedBuf(source.read_bytes())
    next(t for t in model.subgraphs[0].tensors if len(t.quantization.scale) == 1).quantization.quantizedDimension = 7
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    odd = tmp_path / "odd.tflite"
    odd.write_bytes(bytes(builder.Output()))

    assert held(source, "raspberry-pi-4b").fits
    assert one(held(odd, "raspberry-pi-4b"), "cpu-scales").severity == "error"
    with pytest.raises(ValueError, match="quantized_dimension must be in range"):
        Interpreter(str(odd))


def test_a_file_that_litert_refuses_for_its_scales_does_not_fit(assets: Path) -> None:
    model = assets / "tflite-micro" / "person_detect.tflite"

    check = held(model, "raspberry-pi-4b")

    assert not check.fits
    assert "refuses scales of an axis" in one(check, "cpu-scales").reason


def test_int16_without_fast_kernels_is_a_warning_with_its_macs(tmp_path: Path) -> None:
    check = held(write_quantized_dense(tmp_path, "int16x8")[1], "raspberry-pi-5")

    assert check.fits
    assert one(check, "cpu-int16").macs.value == 66
    assert not one(check, "cpu-int16").partitions.available


def test_an_open_length_is_a_warning(tmp_path: Path) -> None:
    check = held(write_free_batch(tmp_path / "free.tflite"), "raspberry-pi-5")

    assert check.fits
    assert "x (?, 8)" in one(check, "cpu-open-shape").reason


def test_a_model_that_a_process_may_not_hold_is_an_error(tmp_path: Path) -> None:
    model, profile = write_dense(tmp_path / "m.tflite"), load_profile("raspberry-pi-5").profile
    small = replace(profile, budgets=replace(profile.budgets, peak_rss_kib=1.0))

    check = check_graph(read_graph(model), model, str(model), small)

    assert not check.fits
    assert rules_of(check)[0] in ("cpu-memory", "cpu-size")


def test_activations_that_no_board_holds_are_an_error(assets: Path) -> None:
    (model,) = (assets / "tricky" / "tflite").glob("*conv_huge_im2col.bin")

    check = held(model, "pixel-3")

    assert not check.fits
    assert "takes at least 4463 MB, and 4295 MB are allowed" in one(check, "cpu-memory").reason


def test_weights_beyond_the_chip_cross_the_link_each_time(file: Path) -> None:
    profile = load_profile("coral-edgetpu-usb").profile
    assert profile.npu is not None
    assert profile.npu.sram_kib is not None
    small = replace(profile, npu=replace(profile.npu, sram_kib=replace(profile.npu.sram_kib, value=1)))
    layers = chain(*["FULLY_CONNECTED"] * 80)

    check = check_graph(layers, file, "model.tflite", small)

    assert check.fits
    assert one(check, "streamed-weights").link.value == 80 * 16 - 1024
    assert "cross the USB 3 in each inference" in one(check, "streamed-weights").reason
    assert judged(layers, file).findings == ()


def strange_behind_dense() -> Graph:
    return chain("FULLY_CONNECTED", "Strange", custom=True)


def test_what_an_accelerator_leaves_to_a_processor_without_a_kernel_for_it_is_an_error(file: Path) -> None:
    check = judged(strange_behind_dense(), file)

    assert not check.fits
    assert one(check, "edgetpu-custom").severity == "warning"
    assert one(check, "cpu-custom").places[0].operator == 1
    assert judged(chain("FULLY_CONNECTED", POST_PROCESS, custom=True), file).fits


def test_the_firmware_of_a_microcontroller_may_be_taught_an_operator(file: Path) -> None:
    assert judged(strange_behind_dense(), file, "imx-neutron").fits


def test_the_memory_beside_an_accelerator_is_held_too(file: Path) -> None:
    profile = with_limit(load_profile("coral-dev-board").profile, "peak_rss_kib", 20_000)

    check = check_graph(chain("FULLY_CONNECTED"), file, "model.tflite", profile)

    assert not check.fits
    assert "takes at least 25 MB, and 20 MB are allowed" in one(check, "cpu-memory").reason


def test_a_file_beyond_the_memory_of_a_microcontroller_needs_a_flash(file: Path) -> None:
    file.write_bytes(bytes(64 * 1024 * 1024))
    profile = load_profile("imx-neutron").profile
    assert profile.npu is not None
    assert profile.memory.ram_kib is not None
    flash = replace(profile.npu, flash_kib=replace(profile.memory.ram_kib, value=16 * 1024))

    unknown = judged(chain("FULLY_CONNECTED"), file, "imx-neutron")
    known = check_graph(chain("FULLY_CONNECTED"), file, "model.tflite", replace(profile, npu=flash))

    assert unknown.fits
    assert "65536 KiB, and the target 7680 KiB of memory: it must lie in a flash" in one(unknown, "beyond-ram").reason
    assert not known.fits
    assert "16384 KiB of flash" in one(known, "beyond-ram").reason


@pytest.mark.parametrize("target", ["hailo-8", "hexagon-htp-v73", "rk3588-npu"])
def test_an_accelerator_without_a_public_list_is_not_said_to_take_every_operator(target: str, file: Path) -> None:
    check = judged(chain("RELU", dtype="float16"), file, target)

    assert check.placement is not None
    assert not check.placement.complete
    assert any("not checked operator by operator" in note for note in check.notes)


def test_a_chip_of_unknown_sram_is_told_to_be_unknown(tmp_path: Path) -> None:
    pytest.importorskip("ethosu")
    model = write_int8_dense(tmp_path)[1]

    assert any("SRAM is not known" in note and "npu.sram_kib" in note for note in held(model, "ethos-u55-256").notes)
    assert held(model, "ethos-u65-512").notes == ()


def test_a_format_without_a_runtime_is_an_error(file: Path) -> None:
    graph = replace(chain("RELU"), format="onnx")

    finding = one(judged(graph, file, "coral-dev-board"), "no-compilation")
    assert "--format tflite --quantize int8 --calibrate DATA" in finding.fix, "it computes in integers alone"
    assert finding.needs == "samples"


def test_a_rule_for_an_operator_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="rule odd is for CONV_9D, which no format has"):
        Rule("odd", names("CONV_2D CONV_9D"), "reason", "fix", lambda _: True)


def test_a_family_of_operators_that_do_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="runs CONV_9D, which no format has"):
        replace(FAMILY, operators={"CONV_9D": ""})
