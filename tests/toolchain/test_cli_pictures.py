"""The options that say how pictures become inputs, as a user writes them."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from edgekit.cli.pictures import picture_options
from edgekit_converters.settings import AS_THEY_ARE, PictureSettings


@click.command()
@click.option("--seed", default=3)
@picture_options
def command(seed: int, pictures: PictureSettings) -> None:
    given.append((seed, pictures))


given: list[tuple[int, PictureSettings]] = []


def told(*arguments: str) -> PictureSettings:
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 0, done.output
    assert given[-1][0] == 3
    return given.pop()[1]


def test_without_options_pictures_stay_as_they_are():
    assert told() == AS_THEY_ARE


def test_every_option_reaches_the_settings():
    found = told(
        "--resize", "256x320", "--fit", "crop", "--channels", "BGR", "--pixel-range=-1..1.5", "--mean", "0.5",
        "--std", ".1,2,3.25", "--layout", "NCHW", "--labels", "names.txt",
    )  # fmt: skip
    expected = PictureSettings(
        (256, 320), "crop", "BGR", (-1.0, 1.5), (0.5,), (0.1, 2.0, 3.25), "NCHW", "names.txt"
    )  # fmt: skip
    assert found == expected


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--resize", "256"),
        ("--resize", "0x5"),
        ("--pixel-range", "0-1"),
        ("--pixel-range", "1..0"),
        ("--pixel-range", "nan..1"),
        ("--mean", "1,2,3,4"),
        ("--mean", "half"),
        ("--std", "0"),
        ("--std", "1,-1,1"),
        ("--fit", "squeeze"),
        ("--channels", "rgba"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_is_allowed(option, value):
    done = CliRunner().invoke(command, [f"{option}={value}"])
    assert done.exit_code == 2
    assert option in done.output
    assert "allowed:" in done.output or "is not one of" in done.output
