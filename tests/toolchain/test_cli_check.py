"""edgekit.cli.check and targets ops: what users and machines see of a check."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from onnx import helper

import edgekit
from edgekit.cli.main import main
from tests.onnx_models import save_graph
from tests.tflite_files import write_dense, write_free_batch, write_int8_dense


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def test_what_fits_ends_with_status_0(capsys, folder):
    write_int8_dense(folder)
    assert main(["check", "int8.tflite", "--target", "raspberry-pi-5"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("int8.tflite fits raspberry-pi-5\n")
    assert "Nothing speaks against it." in out


def test_what_does_not_fit_ends_with_status_1_reason_fix_and_cost(capsys, folder):
    write_dense(folder / "float.tflite")
    assert main(["check", "float.tflite", "--target", "coral-edgetpu-usb"]) == 1
    captured = capsys.readouterr()
    shown = " ".join(captured.out.split())
    assert shown.startswith("float.tflite does not fit coral-edgetpu-usb")
    assert "on the accelerator 0 of 2 operators, 0.0 % of the MACs, in 0 parts" in shown
    assert "first refused operator 0, FULLY_CONNECTED (hidden)" in shown
    assert "error edgetpu-float: FULLY_CONNECTED x 2 reason It computes in integers" in shown
    assert "--quantize int8 --calibrate DATA" in shown
    assert "100.0 % of the MACs on the processor" in shown
    assert max(map(len, captured.out.splitlines())) <= 80
    assert captured.err == ""


def test_the_name_of_an_operator_stays_as_it_is_written(capsys, folder):
    node = helper.make_node("FooBar", ["x"], ["y"], domain="my")
    save_graph(folder / "custom.onnx", [node], {"x": (1, 4)}, {"y": (1, 4)}, domains=["my"])
    assert main(["check", "custom.onnx", "--target", "raspberry-pi-4b"]) == 1
    assert "reason my.FooBar: a custom operator" in " ".join(capsys.readouterr().out.split())


def test_warnings_alone_end_with_status_0(capsys, folder):
    write_free_batch(folder / "free.tflite")
    assert main(["check", "free.tflite", "--target", "raspberry-pi-5"]) == 0
    assert "warning cpu-open-shape" in capsys.readouterr().out


def test_machines_get_the_whole_check(capsys, folder):
    write_dense(folder / "float.tflite")
    assert main(["check", "float.tflite", "--target", "coral-edgetpu-usb", "--json"]) == 1
    tree = json.loads(capsys.readouterr().out)
    assert (tree["schema"], tree["fits"], tree["placement"]["operators"]["value"]) == ("edgekit/check", False, 0)
    assert tree["findings"][0]["macs"]["mode"] == "predicted"
    assert tree["findings"][0]["places"][0] == {"operator": 0, "name": "FULLY_CONNECTED", "tensor": "hidden"}


def test_what_is_no_model_is_the_users_error(capsys, folder):
    (folder / "text.tflite").write_text("no model")
    assert main(["check", "text.tflite", "--target", "raspberry-pi-5"]) == 2
    assert "error: text.tflite:" in capsys.readouterr().err


@pytest.mark.slow
def test_a_source_model_is_exported_first(capsys, keras_models):
    model = str(keras_models / "cnn.keras")
    assert main(["check", model, "--target", "raspberry-pi-5"]) == 0
    assert capsys.readouterr().out.startswith(f"{model} fits")
    assert main(["check", model, "--target", "coral-edgetpu-usb"]) == 1
    assert "--quantize int8 --calibrate DATA" in " ".join(capsys.readouterr().out.split())


def test_an_unknown_target_is_the_users_error(capsys, folder):
    write_dense(folder / "float.tflite")
    assert main(["check", "float.tflite", "--target", "ethos-u99"]) == 2
    assert "There is no target 'ethos-u99'" in capsys.readouterr().err


def test_from_python_a_check_is_the_same(folder):
    write_dense(folder / "float.tflite")
    assert not edgekit.check(Path("float.tflite"), "imx-neutron").fits


@pytest.mark.parametrize(
    ("target", "line"),
    [
        ("coral-edgetpu-usb", "## SOFTMAX"),
        ("imx-neutron", "- the number of channels is a multiple of 8. Otherwise: "),
        ("rk3588-npu", "the compiler does not take this operator"),
        ("hexagon-htp-v73", "- a custom operator runs on the processor only."),
        ("hailo-8", "edgekit convert MODEL --target hailo-8 --quantize float32"),
        ("ethos-u55-256", "Source: Vela 5."),
    ],
)
def test_the_operators_of_a_target_are_printed_as_markdown(capsys, target, line):
    assert main(["targets", "ops", target]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# ")
    assert line in out
    assert "TARGET" not in out


def test_a_processor_has_no_list_of_operators(capsys):
    assert main(["targets", "ops", "raspberry-pi-5"]) == 2
    assert "has no accelerator" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["check", "estimate"])
def test_nothing_is_imported_that_takes_long(folder, verb):
    write_dense(folder / "float.tflite")
    program = (
        "import sys; from edgekit.cli.main import main; "
        f"main(['{verb}', 'float.tflite', '--target', 'raspberry-pi-5']); "
        "print(sorted({name.partition('.')[0] for name in sys.modules} & set(sys.argv)), file=sys.stderr)"
    )
    heavy = ["tensorflow", "torch", "keras", "onnx", "onnxruntime", "pydantic", "ethosu"]
    done = subprocess.run([sys.executable, "-c", program, *heavy], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
