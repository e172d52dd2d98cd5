"""edgekit.cli.runtime: one file that a device's Python runs."""

from __future__ import annotations

import json
import zipfile

from edgekit.cli.main import main


def test_the_runtime_is_written_where_it_was_asked_for(tmp_path, capsys):
    out = tmp_path / "edgekit-runtime.pyz"
    assert main(["runtime", "--pyz", str(out)]) == 0
    assert capsys.readouterr().out.startswith(f"{out} (")
    assert "edgekit_runtime/child.py" in zipfile.ZipFile(out).namelist()


def test_machines_get_path_and_size(tmp_path, capsys):
    out = tmp_path / "edgekit-runtime.pyz"
    assert main(["runtime", "--pyz", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"path": str(out), "size_bytes": out.stat().st_size}


def test_a_folder_that_is_not_there_is_one_error_and_leaves_nothing(tmp_path, capsys):
    out = tmp_path / "missing" / "edgekit-runtime.pyz"
    assert main(["runtime", "--pyz", str(out), "--json"]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["error"]["code"] == "output"
    assert captured.err.startswith("error: ")
    assert not list(tmp_path.iterdir())


def test_a_wheel_is_written_into_a_folder(tmp_path, capsys):
    assert main(["runtime", "--wheel", str(tmp_path)]) == 0
    (wheel,) = tmp_path.iterdir()
    assert wheel.name.endswith("-py3-none-any.whl")
    assert capsys.readouterr().out.startswith(f"{wheel} (")


def test_one_output_must_be_named_and_no_more(tmp_path, capsys):
    for args in ([], ["--pyz", str(tmp_path / "a.pyz"), "--wheel", str(tmp_path)]):
        assert main(["runtime", *args]) == 2
        assert "Give one of --pyz and --wheel." in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
