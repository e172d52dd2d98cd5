"""edgekit.cli.doctor: always an answer."""

from __future__ import annotations

import json

from edgekit.cli.main import main
from tests.bundle_files import dense_bundle


def test_the_answer_names_this_machine_and_what_works(capsys):
    assert main(["doctor"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("edgekit ")
    assert "here edgekit can" in captured.out
    assert captured.err == ""


def test_machines_get_one_document(capsys):
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "edgekit/diagnosis"


def test_licences_of_a_bundle_are_listed_with_those_of_the_runtime(tmp_path, capsys):
    bundle = dense_bundle(tmp_path)
    assert main(["doctor", "--licenses", str(bundle), "--json"]) == 0
    names = [entry["name"] for entry in json.loads(capsys.readouterr().out)["entries"]]
    assert (names[0], names[-1]) == ("edgekit-runtime", str(bundle))
    assert main(["doctor", "--licenses"]) == 0
    assert "numpy" in capsys.readouterr().out


def test_a_bundle_alone_is_a_usage_error(tmp_path, capsys):
    assert main(["doctor", str(tmp_path)]) == 2
    assert "A BUNDLE goes with --licenses." in capsys.readouterr().err
