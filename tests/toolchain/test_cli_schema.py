"""edgekit.cli.schema: a schema on stdout."""

from __future__ import annotations

import json

from edgekit.cli.main import main
from edgekit.schemas import schema, schema_names


def test_a_schema_is_printed_as_json(capsys):
    assert main(["schema", "record"]) == 0
    assert json.loads(capsys.readouterr().out) == schema("record")


def test_without_a_name_the_documents_are_listed(capsys):
    assert main(["schema"]) == 0
    assert capsys.readouterr().out.split() == list(schema_names())


def test_an_unknown_document_is_one_line(capsys):
    assert main(["schema", "novel"]) == 2
    assert capsys.readouterr().err.startswith("error: There is no document 'novel'")
