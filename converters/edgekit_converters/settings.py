"""What each step of a conversion is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from edgekit_runtime.preparation import PIXEL_MAX


@dataclass(frozen=True)
class Scheme:
    """A way to store a model's numbers and to compute with them.

    Attributes:
        name: Its name.
        detail: What is stored how, in the words of the trail.
        purpose: What it is for, and what it costs, in one line.
        border_types: Types that inputs and outputs can have; the first where the user asks for none.
        calibrated: Whether it needs samples, to find the ranges of activations.
    """

    name: str
    detail: str
    purpose: str
    border_types: tuple[str, ...] = ("float32",)
    calibrated: bool = False


# Median times of an inference, one thread on x86-64, in this order: MobileNetV1 0.25 took 1.33, 1.21, 0.69, 11.8, 1.43
# and 54.5 ms; an autoencoder of ten dense layers 15, 13, 3, 5, 13 and 100 microseconds.
SCHEMES: Mapping[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        Scheme("float32", "float32 throughout", "The source's numbers as they are, to compare the others with."),
        Scheme(
            "float16",
            "weights float16, computed in float32",
            "Half the size, with almost the source's answers; no faster than float32 on most CPUs.",
        ),
        Scheme(
            "int8",
            "weights and activations int8",
            "A quarter of the size and the fastest on most CPUs; needs calibration, and answers can change.",
            ("int8", "float32"),
            calibrated=True,
        ),
        Scheme(
            "int8-dynamic",
            "weights int8, activations int8 by a scale found anew at each inference",
            "A quarter of the size; fast where dense layers rule, far slower than float32 with depthwise convolutions.",
        ),
        Scheme(
            "int8-weight-only",
            "weights int8, computed in float32",
            "A quarter of the size, with exact activations; no faster than float32.",
        ),
        Scheme(
            "int16x8",
            "weights int8, activations int16",
            "A quarter of the size, with finer activations than int8; up to 80 times slower than int8, "
            "for lack of fast (XNNPACK) kernels.",
            ("int16", "float32"),
            calibrated=True,
        ),
    )
}


@dataclass(frozen=True)
class PictureSettings:
    """How pictures become inputs; `None` leaves the choice to the shape of the model's input.

    Attributes:
        resize: Height and width to resize to before the centre is taken; `None`: the input's own.
        fit: `stretch` or `crop`.
        channels: `RGB`, `BGR` or `gray`.
        pixel_range: What pixels of 0 and of 255 become before `mean` and `std`.
        mean: One number, or one for each channel.
        std: One number, or one for each channel.
        layout: `NHWC` or `NCHW`.
        labels: A file that names the classes in the model's order, one on each line.
    """

    resize: Optional[tuple[int, int]] = None
    fit: str = "stretch"
    channels: Optional[str] = None
    pixel_range: tuple[float, float] = (0.0, PIXEL_MAX)
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    layout: Optional[str] = None
    labels: Optional[str] = None


AS_THEY_ARE = PictureSettings()


@dataclass(frozen=True)
class DataSettings:
    """Which samples to use.

    Attributes:
        path: The data.
        samples: How many to draw over the whole set; `None` takes all.
        seed: Seed of the draw.
        pictures: How pictures become inputs, where the data is a folder of them.
    """

    path: str
    samples: Optional[int]
    seed: int
    pictures: PictureSettings = AS_THEY_ARE


@dataclass(frozen=True)
class NamedType:
    """The type of one input or output.

    Attributes:
        name: Its name in the source.
        dtype: Its type in the file.
    """

    name: str
    dtype: str


@dataclass(frozen=True)
class QuantizeSettings:
    """How to quantize.

    Attributes:
        scheme: Name of a scheme.
        input_dtype: Type of the inputs: the scheme's, or `float32` with a conversion inside the file.
        output_dtype: Type of the outputs, likewise.
        named_inputs: Inputs of another type than `input_dtype`.
        named_outputs: Outputs of another type than `output_dtype`.
    """

    scheme: str
    input_dtype: str
    output_dtype: str
    named_inputs: tuple[NamedType, ...] = ()
    named_outputs: tuple[NamedType, ...] = ()

    def input_type(self, name: str) -> str:
        """The type of an input, by its name in the source."""
        return _named(self.named_inputs).get(name, self.input_dtype)

    def output_type(self, name: str) -> str:
        """The type of an output, by its name in the source."""
        return _named(self.named_outputs).get(name, self.output_dtype)


def _named(types: tuple[NamedType, ...]) -> dict[str, str]:
    return {named.name: named.dtype for named in types}
