"""`edgekit schema`: the form of edgekit's documents, for editors and for other programs."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("name", required=False)
def schema(name: str | None) -> None:
    """Print the JSON Schema of a document, such as report; without a NAME, list the documents."""
    from edgekit.schemas import schema as schema_of
    from edgekit.schemas import schema_names

    click.echo("\n".join(schema_names()) if name is None else json.dumps(schema_of(name), indent=1))
