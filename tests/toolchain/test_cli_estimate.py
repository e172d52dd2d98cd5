"""edgekit.cli.estimate: what a model costs on a target, on stdout."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import edgekit
from edgekit.cli.convert import convert
from edgekit.cli.estimate import estimate as estimate_verb
from edgekit.cli.main import main
from edgekit_targets.catalog import target_names
from edgekit_targets.rules.cpu import SLOW
from tests.claims import forbidden_claims
from tests.tflite_files import write_dense, write_quantized_dense

WIDTH = 80
MODEL = "tflite-support/mobilenet_v1_0.25_224_1_default_1.tflite"
NO_FRAMEWORK = """
import sys
from edgekit.cli.main import main
status = main(["estimate", sys.argv[1], "--target", sys.argv[2]])
heavy = {"tensorflow", "torch", "keras", "onnx", "onnxruntime", "ethosu", "ai_edge_litert.interpreter"}
heavy &= set(sys.modules)
assert not heavy, heavy
sys.exit(status)
"""


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))


def test_a_page_tells_figures_bottlenecks_and_remedies(assets, capsys):
    assert main(["estimate", str(assets / MODEL), "--target", "raspberry-pi-4b"]) == 0
    out = capsys.readouterr().out
    for word in (
        "predicted, not measured",
        "latency",
        "Time",
        "Memory",
        "Energy",
        "What would help",
        "--quantize int8",
    ):
        assert word in out
    assert max(map(len, out.splitlines())) <= WIDTH


@pytest.mark.parametrize("model", [MODEL, "mlperf-tiny/kws_ref_model.tflite", "tflite-micro/trained_lstm.tflite"])
def test_all_targets_are_one_table(assets, capsys, model):
    assert main(["estimate", str(assets / model), "--target", "all"]) == 0
    out = capsys.readouterr().out
    assert "\N{HORIZONTAL ELLIPSIS}" not in out
    assert all(any(line.startswith(name) for line in out.splitlines()) for name in target_names())
    assert max(map(len, out.splitlines())) <= WIDTH


def test_machines_get_one_document(assets, capsys):
    assert main(["estimate", str(assets / MODEL), "--target", "raspberry-pi-4b", "--threads", "4", "--json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert tree["schema"] == "edgekit/estimates"
    assert tree["estimates"][0]["threads"] == 4
    assert tree["estimates"][0]["latency"]["mode"] == "predicted"


@pytest.mark.parametrize("target", ["raspberry-pi-4b", "all"])
def test_no_framework_and_no_interpreter_is_imported(assets, target):
    argv = [sys.executable, "-c", NO_FRAMEWORK, str(assets / MODEL), target]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_bare_file_needs_a_target(tmp_path, capsys):
    assert main(["estimate", str(write_dense(tmp_path / "dense.tflite"))]) == 2
    assert "--target" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--target", "raspberry-pi-9"], "no target 'raspberry-pi-9'"),
        (["--target", "raspberry-pi-4b", "--threads", "0"], "0 is not in the range"),
        (["--target", "raspberry-pi-4b", "--measured", "none.json"], "none.json: the report cannot be read"),
        (["--target", "raspberry-pi-4b", "--measured-model", "x"], "--measured REPORT.json"),
    ],
)
def test_wrong_input_is_told(tmp_path, capsys, arguments, told):
    assert main(["estimate", str(write_dense(tmp_path / "dense.tflite")), *arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_missing_model_is_one_line(tmp_path, capsys):
    assert main(["estimate", str(tmp_path / "none.tflite"), "--target", "all"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_every_odd_file_ends_in_a_page_or_one_clear_line(assets, capsys):
    for path in sorted(Path(assets / "tricky/tflite").iterdir()):
        status = main(["estimate", str(path), "--target", "raspberry-pi-4b"])
        captured = capsys.readouterr()
        if status == 0:
            assert "latency" in captured.out
        else:
            assert status == 2, (path, captured.err)
            assert captured.err.startswith("error: ")


def test_a_float_model_does_not_fit_an_integer_accelerator_and_the_fix_is_told(assets, capsys):
    assert main(["estimate", str(assets / MODEL), "--target", "coral-dev-board"]) == 0
    out = capsys.readouterr().out
    assert "does not fit" in out
    assert "--quantize int8" in " ".join(out.split())
    assert "not told nothing of the model runs on the accelerator" in " ".join(out.split())


def test_every_targets_rules_are_asked_and_no_compiler_that_takes_seconds(assets, capsys):
    pytest.importorskip("ethosu")
    assert main(["estimate", str(assets / MODEL), "--target", "all", "--json"]) == 0
    rows = {row["target"]: row for row in json.loads(capsys.readouterr().out)["estimates"]}
    for name in ("ethos-u55-128", "ethos-u55-256", "ethos-u65-512", "ethos-u85-1024"):
        assert rows[name]["fit"] == "does not fit"
        assert f"--target {name} --quantize int8 --calibrate DATA" in rows[name]["fix"]
        assert rows[name]["compilation"] is None


@pytest.mark.parametrize("verb", ["estimate", "check"])
def test_the_help_claims_nothing_that_was_never_checked(capsys, verb):
    assert main([verb, "--help"]) == 0
    out = capsys.readouterr().out
    assert not forbidden_claims(out)
    assert "held 9 of 10 published" not in out


@pytest.mark.parametrize("scheme", ["int16x8", "int8-dynamic"])
def test_a_check_claims_no_time_of_another_machine(tmp_path, capsys, scheme):
    main(["check", str(write_quantized_dense(tmp_path, scheme)[1]), "--target", "raspberry-pi-4b"])
    assert not forbidden_claims(capsys.readouterr().out)


def test_the_reasons_of_a_check_claim_no_time_of_another_machine():
    assert not [claim for _, reason, fix, _ in SLOW for text in (reason, fix.text) for claim in forbidden_claims(text)]


def marks(row: str) -> set[str]:
    """The numbers of the notes that a row of the table refers to."""
    return {number for found in re.findall(r"\[([\d,]+)\]", row) for number in found.split(",")}


@pytest.mark.parametrize("model", [MODEL, "tflite-support/mobilenet_v1_0.25_224_quant.tflite"])
def test_the_table_of_all_targets_marks_what_no_published_figure_checks(assets, capsys, model):
    assert main(["estimate", str(assets / model), "--target", "all"]) == 0
    out = capsys.readouterr().out
    assert not forbidden_claims(out)
    assert "measured on an x86-64, not checked on such boards" in " ".join(out.split())
    rows = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    number = re.search(r"\[(\d+)\] no published latency of such cores", out)
    assert number is not None
    assert number[1] in marks(rows["jetson-orin-cpu"])
    assert number[1] not in marks(rows["raspberry-pi-4b"])


def test_what_no_list_of_operators_tells_is_not_said_to_fit(assets, capsys):
    assert main(["estimate", str(assets / MODEL), "--target", "hailo-8"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "fit unknown: not checked operator by operator" in out
    assert main(["check", str(assets / MODEL), "--target", "hailo-8"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "on the accelerator not checked operator by operator; at most 31 of 31 operators" in out
    assert "Nothing speaks against it" not in out


def test_what_is_to_be_done_for_many_targets_is_said_once(assets, capsys):
    pytest.importorskip("ethosu")
    assert main(["estimate", str(assets / MODEL), "--target", "all"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert out.count("edgekit convert MODEL --target TARGET --quantize int8 --calibrate DATA") <= 3  # of ten targets


def test_a_page_of_an_accelerator_tells_where_the_work_goes_and_what_bounds_it(assets, capsys):
    model = assets / "tflite-support/mobilenet_v1_0.25_224_quant.tflite"
    assert main(["estimate", str(model), "--target", "coral-edgetpu-usb"]) == 0
    out = capsys.readouterr().out
    shown = " ".join(out.split())
    assert "there 31 of 31 operators with 100.0 % of the MACs" in shown
    assert "crossing 151.5 kB between the two" in shown
    assert "under 5 ms only the order of magnitude is known" in shown
    assert "starting the accelerator" in shown
    assert "the link" in shown
    assert not forbidden_claims(out)


def test_what_an_accelerator_leaves_to_the_processor_is_named_with_what_would_help(assets, capsys):
    model = assets / "mlperf-tiny/pretrainedResnet_quant.tflite"
    assert main(["estimate", str(model), "--target", "imx-neutron"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "processor 10 operators: CONV_2D x 9, SOFTMAX" in shown
    assert "how long it takes is not told" in shown
    assert "9 of 16 operators: weights have one scale for the whole tensor. Fix: Quantize with NXP's" in shown


@pytest.mark.slow
def test_an_accelerators_compiler_tells_cycles_and_memory(assets, capsys):
    pytest.importorskip("ethosu")
    model = assets / "mlperf-tiny/pretrainedResnet_quant.tflite"
    argv = ["estimate", str(model), "--target", "ethos-u55-256", "--json"]
    assert main(argv) == 0
    assert json.loads(capsys.readouterr().out)["estimates"][0]["compilation"] is None
    assert main([*argv, "--compile"]) == 0
    row = json.loads(capsys.readouterr().out)["estimates"][0]
    assert row["fit"] == "fits"
    assert row["compilation"]["cycles"]["value"] > 10_000
    assert row["compilation"]["sram"]["mode"] == "predicted"
    assert row["compilation"]["time"]["value"] == pytest.approx(row["compilation"]["cycles"]["value"] / 500e6 * 1e9)
    assert "no published figure checks it" in row["compilation"]["time"]["method"]
    assert row["accelerated"]["least"][0]["time"]["value"] < row["compilation"]["time"]["value"]
    assert row["latency"]["mode"] == "unavailable"


def test_each_option_that_a_remedy_names_is_there(assets):
    known = {option for verb in (convert, estimate_verb) for one in verb.params for option in one.opts}
    remedies = edgekit.estimate(assets / MODEL, target="raspberry-pi-3b-plus").estimates[0].remedies
    named = {word for remedy in remedies for word in remedy.flag.split() if word.startswith("--")}
    assert {"--quantize", "--prune", "--train", "--threads"} <= named
    assert named <= known
