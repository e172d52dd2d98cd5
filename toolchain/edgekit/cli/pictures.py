"""The options of `edgekit convert` that say how pictures become inputs, read into one value."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from edgekit_converters.settings import PictureSettings

Command = Callable[..., None]
NUMBER = r"-?(?:\d+\.?\d*|\.\d+)"


def read_resize(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Read height and width, such as `256x256`; click's callback for an option."""
    if value is None:
        return None
    found = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", value, re.ASCII)
    if found is None:
        raise click.BadParameter(f"{value!r} is no size; allowed: HEIGHTxWIDTH, such as 256x256.", ctx, param)
    return int(found[1]), int(found[2])


def read_range(ctx: click.Context, param: click.Parameter, value: str) -> tuple[float, float]:
    """Read two numbers, such as `-1..1`; click's callback for an option."""
    found = re.fullmatch(rf"({NUMBER})\.\.({NUMBER})", value, re.ASCII)
    if found is None or float(found[1]) >= float(found[2]):
        raise click.BadParameter(f"{value!r} is no range; allowed: LOW..HIGH, such as 0..1 or -1..1.", ctx, param)
    return float(found[1]), float(found[2])


def read_numbers(ctx: click.Context, param: click.Parameter, value: str) -> tuple[float, ...]:
    """Read one number or one for each channel, such as `0.5` or `0.485,0.456,0.406`; click's callback."""
    if re.fullmatch(rf"{NUMBER}(,{NUMBER}){{0,2}}", value, re.ASCII) is None:
        raise click.BadParameter(f"{value!r}; allowed: a number, or one for each channel between commas.", ctx, param)
    numbers = tuple(float(part) for part in value.split(","))
    if param.name == "std" and min(numbers) <= 0:
        raise click.BadParameter(f"{value!r}; allowed: numbers above 0.", ctx, param)
    return numbers


OPTIONS = (
    click.option("--resize", callback=read_resize, metavar="HxW", help="Resize, then take the centre."),
    click.option(
        "--fit", type=click.Choice(["stretch", "crop"]), default="stretch", show_default=True, help="How to resize."
    ),
    click.option("--channels", type=click.Choice(["RGB", "BGR", "gray"]), help="Order of the channels."),
    click.option(
        "--pixel-range",
        callback=read_range,
        default="0..255",
        show_default=True,
        metavar="LOW..HIGH",
        help="What the darkest and the brightest pixel become.",
    ),
    click.option("--mean", callback=read_numbers, default="0", metavar="N[,N,N]", help="Taken off then."),
    click.option("--std", callback=read_numbers, default="1", metavar="N[,N,N]", help="Divided by then."),
    click.option("--layout", type=click.Choice(["NHWC", "NCHW"]), help="Order of the input's axes."),
    click.option(
        "--labels",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Names of the classes, one on each line, kept in the bundle.",
    ),
)
PICTURE_NAMES = ("resize", "fit", "channels", "pixel_range", "mean", "std", "layout", "labels")


def picture_options(command: Command) -> Command:
    """Give a command these options; it takes them as one value, `pictures`."""

    @functools.wraps(command)
    def called(  # one parameter for each option is click's way
        *args: object,
        resize: tuple[int, int] | None,
        fit: str,
        channels: str | None,
        pixel_range: tuple[float, float],
        mean: tuple[float, ...],
        std: tuple[float, ...],
        layout: str | None,
        labels: Path | None,
        **others: object,
    ) -> None:
        names = None if labels is None else str(labels)
        command(*args, pictures=_settings(resize, fit, channels, pixel_range, mean, std, layout, names), **others)

    for option in reversed(OPTIONS):
        called = option(called)
    return called


def _settings(*values: object) -> PictureSettings:
    from edgekit_converters.settings import PictureSettings

    return PictureSettings(*values)  # type: ignore[arg-type]  # in the order of its fields; click gave each its type
