"""edgekit.cli.sections: the help of a command with many options."""

from __future__ import annotations

import click
from click.testing import CliRunner

from edgekit.cli.convert import SECTIONS, convert
from edgekit.cli.sections import Sectioned


@click.command(cls=Sectioned, sections={"Speed": ("fast",)})
@click.argument("model")
@click.option("--fast", is_flag=True, help="Be fast.")
@click.option("--slow", is_flag=True, help="Be slow.")
def sample(model: str, fast: bool, slow: bool) -> None:
    """Do something."""
    click.echo(f"{model} {fast} {slow}")


def test_options_stand_under_their_titles_and_arguments_under_none():
    text = CliRunner().invoke(sample, ["--help"]).output
    options, speed = text.split("Speed:")
    assert "--slow" in options
    assert "--help" in options
    assert "--fast" in speed
    assert "MODEL" not in options.split("Options:")[1]


def test_the_command_itself_is_as_ever():
    assert CliRunner().invoke(sample, ["x", "--fast"]).output == "x True False\n"


def test_every_name_in_a_section_of_convert_is_an_option_of_it():
    options = {param.name for param in convert.params if isinstance(param, click.Option)}
    assert {name for names in SECTIONS.values() for name in names} <= options
