"""edgekit.cli.inspect: a finished model on stdout."""

from __future__ import annotations

import json
import subprocess
import sys

from edgekit.cli.main import main
from tests.tflite_files import write_dense


def test_a_model_is_shown(tmp_path, capsys):
    assert main(["inspect", str(write_dense(tmp_path / "dense.tflite"))]) == 0
    assert "FULLY_CONNECTED" in capsys.readouterr().out


def test_machines_get_one_document(tmp_path, capsys):
    assert main(["inspect", str(write_dense(tmp_path / "dense.tflite")), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "edgekit/inspection"


def test_a_missing_model_is_one_line(tmp_path, capsys):
    assert main(["inspect", str(tmp_path / "none.tflite")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert len(captured.err.splitlines()) == 1


def test_a_file_that_kills_the_interpreter_is_inspected_without_it(assets):
    (path,) = (assets / "tricky/tflite").glob("*blockwise_quantized*")
    code = (
        "import sys; from edgekit.cli.main import main; status = main(['inspect', sys.argv[1]]);"
        "assert 'ai_edge_litert.interpreter' not in sys.modules and 'tensorflow' not in sys.modules; sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "ADD" in done.stdout


def test_every_odd_file_ends_in_a_result_or_one_clear_line(assets, capsys):
    for path in sorted((assets / "tricky/tflite").iterdir()):
        status = main(["inspect", str(path)])
        captured = capsys.readouterr()
        if status == 0:
            assert "peak activations" in captured.out
            assert captured.err == ""
        else:
            assert status == 2
            assert captured.err.startswith(f"error: {path}: ")
            assert len(captured.err.splitlines()) == 1
