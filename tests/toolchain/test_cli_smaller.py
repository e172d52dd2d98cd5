"""edgekit.cli.smaller: what makes a network smaller, as options."""

from __future__ import annotations

from pathlib import Path

import click
from click.testing import CliRunner

from edgekit.cli.smaller import DEFAULT_IMPORTANCE, Smaller, smaller_options
from edgekit.pipeline.request import Request

found: list[Smaller] = []


@click.command()
@smaller_options
def sample(smaller: Smaller) -> None:
    found[:] = [smaller]


def asked(*arguments: str) -> Smaller:
    result = CliRunner().invoke(sample, arguments)
    assert result.exit_code == 0, result.output
    return found[0]


def test_nothing_asked_is_what_a_request_has_by_itself():
    request = Request(Path("model.h5"), "host")
    assert asked()._asdict() == {name: getattr(request, name) for name in Smaller._fields}
    assert request.importance == DEFAULT_IMPORTANCE


def test_every_option_reaches_its_field():
    smaller = asked("--prune", "0.5", "--teacher", "source", "--train", "x.npz", "--epochs", "3", "--classes", "4")
    assert (smaller.prune, smaller.teacher, smaller.train) == (0.5, "source", Path("x.npz"))
    assert (smaller.epochs, smaller.classes) == (3, 4)


def test_a_share_that_is_no_number_is_a_wrong_use():
    assert CliRunner().invoke(sample, ["--prune", "half"]).exit_code == 2
