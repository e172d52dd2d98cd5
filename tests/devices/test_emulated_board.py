"""Emulated boards at work: true arm64 interpreters under qemu, built once in the user's cache."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgekit.benching import bench
from edgekit.cli.compare import compare
from edgekit.reports.report import Report, write_report
from edgekit_devices.bench import bench_on
from edgekit_devices.emulated.boards import BOARDS, system_files
from edgekit_devices.emulated.create import create_board
from edgekit_devices.emulated.device import EmulatedDevice
from edgekit_devices.emulated.known import KNOWN, check_known, count_known
from edgekit_devices.emulated.machine import Machine
from edgekit_runtime.errors import DeviceError, ModelError
from edgekit_runtime.runs import BenchSettings
from tests.bundle_files import dense_bundle
from tests.devices.emulated_boards import NEEDS, PI_3, PI_4, PI_5, counts_of, kept_by
from tests.runtime.conftest import shifted_bundle

pytestmark = NEEDS
MODELS = {
    "resnet8 int8": "pretrainedResnet_quant.tflite",
    "kws int8": "kws_ref_model.tflite",
    "vww float32": "vww_96_float.tflite",
    "vww int8": "vww_96_int8.tflite",
}


@pytest.fixture(scope="module")
def report(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Report]:
    """The report of a model on a board; each is made once."""
    kept = kept_by(tmp_path_factory, "files")
    return lambda board, model: kept.report(assets / "mlperf-tiny" / MODELS[model], board)


# From millions of instructions that a plugin of other hands counted for the same files with LiteRT 2.3.0.
@pytest.mark.parametrize(
    ("board", "model", "millions", "dot_products"),
    [
        (PI_3, "resnet8 int8", 4.99, False),
        (PI_4, "vww float32", 3.63, False),
        (PI_4, "vww int8", 3.62, False),
        (PI_5, "vww float32", 3.52, False),
        (PI_5, "vww int8", 1.93, True),
        (PI_5, "kws int8", 0.71, True),
    ],
)
def test_models_take_the_instructions_that_their_kernels_have(report, board, model, millions, dot_products):
    made = report(board, model)
    counts = counts_of(made)
    assert counts.instructions / 1e6 == pytest.approx(millions, rel=0.02)
    assert bool(counts.dot_products) == dot_products
    assert counts.cpu == BOARDS[board].cpu
    assert counts.operators
    assert made.target == board
    assert made.record.environment.board.value == f"{BOARDS[board].model}, emulated"
    assert made.record.environment.kernels == "xnnpack"


def test_onnx_files_are_counted_by_onnxruntime(assets):
    made = bench(assets / "ort-examples/mnist.onnx", device=f"emulated://{PI_5}")
    assert made.record.environment.interpreter == "onnxruntime 1.31.1"
    assert made.record.golden.reason == "a bare model file brings no golden outputs"
    assert counts_of(made).instructions == pytest.approx(686_000, rel=0.02)


def test_dot_products_halve_the_instructions_of_int8_and_without_them_int8_saves_none(report):
    def ratio(board: str) -> float:
        return counts_of(report(board, "vww int8")).instructions / counts_of(report(board, "vww float32")).instructions

    assert ratio(PI_5) == pytest.approx(0.55, abs=0.02)
    assert ratio(PI_4) == pytest.approx(1.0, abs=0.02)


def test_counting_again_gives_the_same_to_a_ten_thousandth(report, assets):
    again = bench(assets / "mlperf-tiny" / MODELS["kws int8"], device=f"emulated://{PI_5}")
    first, second = dataclasses.asdict(counts_of(report(PI_5, "kws int8"))), dataclasses.asdict(counts_of(again))
    for name in ("instructions", "loads", "stores", "simd", "dot_products", "port_cycles"):
        assert second[name] == pytest.approx(first[name], rel=1e-4, abs=50), name
    for name in ("l1_refill_bytes", "dram_bytes"):
        assert second[name] == pytest.approx(first[name], rel=0.05, abs=4096), name


def test_a_gate_passes_the_same_model_and_fails_one_of_more_instructions(report, tmp_path):
    write_report(report(PI_5, "vww int8"), tmp_path / "int8.json")
    write_report(report(PI_5, "vww float32"), tmp_path / "float32.json")

    def gate(base: str, other: str) -> int:
        paths = [str(tmp_path / f"{name}.json") for name in (base, other)]
        return CliRunner().invoke(compare, [*paths, "--fail-if", "instructions > 1.01x"]).exit_code

    assert gate("int8", "int8") == 0
    assert gate("float32", "int8") == 0
    assert gate("int8", "float32") == 1


def test_golden_outputs_hold_on_the_emulated_board(tmp_path):
    made = bench(dense_bundle(tmp_path), device=f"emulated://{PI_4}", target=PI_4)
    assert made.record.golden.samples == 4
    assert made.record.golden.worst <= made.record.golden.limit


def test_other_outputs_than_the_golden_ones_are_refused(tmp_path):
    with pytest.raises(DeviceError, match="differs from the golden one"):
        bench(shifted_bundle(tmp_path, 0.5), device=f"emulated://{PI_4}", target=PI_4)


def test_a_model_that_never_ends_is_given_up(assets):
    with EmulatedDevice(PI_4) as device, pytest.raises(ModelError, match=r"no answer within 10 s"):
        bench_on(device, assets / "tricky/tflite/tflite__testdata__nested_while.bin", BenchSettings(timeout_s=2.0))


def test_no_model_is_told_as_on_any_device(tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"\0\0\0\0TFL3 and nothing more")
    with EmulatedDevice(PI_4) as device, pytest.raises(ModelError, match=r"model\.tflite"):
        bench_on(device, tmp_path / "model.tflite")


def test_the_board_tells_what_it_is():
    with EmulatedDevice(PI_5) as device:
        info = device.probe()
    assert info.machine == "aarch64"
    assert (info.memory_bytes, info.disk_free_bytes) == (None, None)
    assert "no kernel of its own" in info.system
    assert info.python.startswith("3.11")
    assert "ai-edge-litert 2.3.0" in info.interpreters
    assert "onnxruntime 1.31.1" in info.interpreters


def machine_with(folder: Path, board: str, shown: str) -> Machine:
    """A board whose system shows the files of another one."""
    machine = create_board(board)
    root = folder / "root"
    shutil.copytree(machine.root, root, symlinks=True)
    for path, text in system_files(BOARDS[shown]).items():
        (root / path).write_text(text)
    return dataclasses.replace(machine, root=root)


def test_a_board_that_promises_what_its_processor_lacks_is_refused(tmp_path):
    with pytest.raises(DeviceError, match="the process was ended by SIGILL"):
        check_known(machine_with(tmp_path, PI_4, shown=PI_5))


def test_a_board_whose_kernels_are_anothers_is_refused(tmp_path):
    with pytest.raises(DeviceError, match="the interpreter took other kernels than on the board"):
        check_known(machine_with(tmp_path, PI_3, shown=PI_4))


def test_the_counts_that_are_known_are_those_of_now():
    counts = count_known(create_board(PI_5))
    instructions, dot_products = KNOWN[counts.cpu]
    assert counts.instructions == pytest.approx(instructions, rel=2e-3)
    assert counts.dot_products == dot_products
