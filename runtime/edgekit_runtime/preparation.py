"""How a picture becomes a model's input; without numpy, which the agent never imports."""

from __future__ import annotations

import math
from dataclasses import dataclass

FITS = ("stretch", "crop")
CHANNELS = {"RGB": 3, "BGR": 3, "gray": 1}
LAYOUTS = ("NHWC", "NCHW")
PIXEL_MAX = 255.0


@dataclass(frozen=True)
class Preparation:
    """How a picture becomes an input: (low + pixel / 255 * (high - low) - mean) / std, channel by channel.

    The picture is first resized bilinearly to `resize`, and its centre of `size` is taken.

    Attributes:
        size: Height and width of the input.
        resize: Height and width that the picture is resized to, at least `size`.
        fit: `stretch` (to `resize`, whatever the picture's shape) or `crop` (its aspect is kept; it covers `resize`).
        channels: `RGB`, `BGR` or `gray`.
        pixel_range: What pixels of 0 and of 255 become before `mean` and `std`.
        mean: One number, or one for each channel.
        std: One number, or one for each channel.
        layout: `NHWC` or `NCHW`.
    """

    size: tuple[int, int]
    resize: tuple[int, int]
    fit: str
    channels: str
    pixel_range: tuple[float, float]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    layout: str

    def __post_init__(self) -> None:
        for name, allowed in (("fit", FITS), ("channels", tuple(CHANNELS)), ("layout", LAYOUTS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}; allowed: {', '.join(allowed)}")
        if min(self.size) < 1 or any(wide < size for wide, size in zip(self.resize, self.size)):
            raise ValueError(f"resize is {_shown(self.resize)}; allowed: at least the input's {_shown(self.size)}")
        low, high = self.pixel_range
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"the pixel range is {low:g}..{high:g}; allowed: two finite numbers, the smaller first")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, self.channel_count) or not all(map(math.isfinite, values)):
                raise ValueError(f"{name} is {values}; allowed: one finite number, or {self.channel_count}")
        if min(self.std) <= 0:
            raise ValueError(f"std is {self.std}; allowed: numbers above 0")

    @property
    def channel_count(self) -> int:
        """How many channels the input has."""
        return CHANNELS[self.channels]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one prepared picture."""
        if self.layout == "NCHW":
            return (self.channel_count, *self.size)
        return (*self.size, self.channel_count)

    def box(self, height: int, width: int) -> tuple[float, float, float, float]:
        """The part of a picture that becomes the input: left, top, right and bottom in its pixels.

        Args:
            height: The picture's height.
            width: Its width.
        """
        step_y, step_x = height / self.resize[0], width / self.resize[1]
        if self.fit == "crop":
            step_y = step_x = min(step_y, step_x)
        half_y, half_x = min(height, self.size[0] * step_y) / 2, min(width, self.size[1] * step_x) / 2
        return width / 2 - half_x, height / 2 - half_y, width / 2 + half_x, height / 2 + half_y


def _shown(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
