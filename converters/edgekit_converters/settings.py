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
        border_types: Types that inputs and outputs of a `.tflite` can have; the first where the user asks for none.
        calibrated: Whether it needs samples, to find the ranges of activations.
        formats: The formats that it is made in.
    """

    name: str
    detail: str
    purpose: str
    border_types: tuple[str, ...] = ("float32",)
    calibrated: bool = False
    formats: tuple[str, ...] = ("tflite", "onnx")

    def types_for(self, model_format: str) -> tuple[str, ...]:
        """Types that inputs and outputs can have in a format: in ONNX the conversion is always inside the file."""
        return self.border_types if model_format == "tflite" else ("float32",)


FLOAT32, UNCHANGED = "float32", "unchanged"
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
            formats=("tflite",),
        ),
        Scheme(
            "int4-weight-only",
            "weights of matrix products int4 in blocks, computed in float32",
            "An eighth of the size where dense layers rule; ONNX only, and answers can change.",
            formats=("onnx",),
        ),
        Scheme(
            UNCHANGED,
            "the file's own numbers",
            "What a quantized .tflite or .onnx gets: it is bundled as it is.",
        ),
    )
}


def quantizing(model_format: str) -> tuple[str, ...]:
    """The schemes that quantize a file of a format."""
    others = (FLOAT32, UNCHANGED)
    return tuple(name for name, scheme in SCHEMES.items() if model_format in scheme.formats and name not in others)


MINMAX, PERCENTILE = CALIBRATIONS = ("minmax", "percentile")


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
class NamedType:
    """The type of one input or output.

    Attributes:
        name: Its name in the source.
        dtype: Its type.
    """

    name: str
    dtype: str


@dataclass(frozen=True)
class NamedShape:
    """The shape of one input.

    Attributes:
        name: Its name in the source; empty for the only one.
        shape: Every axis, the batch axis first, such as `(1, 3, 224, 224)`.
    """

    name: str
    shape: tuple[int, ...]


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
class SourceSettings:
    """What to load, and how.

    Attributes:
        path: A file, a folder, or the name of code that makes the model: `file.py:function`, `module:Class`.
        format: What `detect_source` says of it.
        trust: Whether code inside the file, and that of `custom`, may run.
        custom: The user's modules that define classes the model names.
        weights: A file with the weights of a model that is made by code.
        shapes: Shapes of inputs that the model itself does not tell, or leaves open.
        dtypes: Types of inputs that the model itself does not tell.
        sample: Data whose samples have the inputs' shapes and types; `None` where there is none.
    """

    path: str
    format: str
    trust: bool = False
    custom: tuple[str, ...] = ()
    weights: Optional[str] = None
    shapes: tuple[NamedShape, ...] = ()
    dtypes: tuple[NamedType, ...] = ()
    sample: Optional[DataSettings] = None


@dataclass(frozen=True)
class QuantizeSettings:
    """How to quantize.

    Attributes:
        scheme: Name of a scheme.
        input_dtype: Type of the inputs: the scheme's, or `float32` with a conversion inside the file.
        output_dtype: Type of the outputs, likewise.
        named_inputs: Inputs of another type than `input_dtype`.
        named_outputs: Outputs of another type than `output_dtype`.
        calibration: How ranges are found: one of `CALIBRATIONS`.
        activations: In ONNX, the type of activations in `int8`: `int8` or `uint8`.
        reduced_weights: In ONNX, whether weights take 7 of their 8 bits, so that sums of products fit 16.
    """

    scheme: str
    input_dtype: str
    output_dtype: str
    named_inputs: tuple[NamedType, ...] = ()
    named_outputs: tuple[NamedType, ...] = ()
    calibration: str = "minmax"
    activations: str = "int8"
    reduced_weights: bool = False

    def input_type(self, name: str) -> str:
        """The type of an input, by its name in the source."""
        return _named(self.named_inputs).get(name, self.input_dtype)

    def output_type(self, name: str) -> str:
        """The type of an output, by its name in the source."""
        return _named(self.named_outputs).get(name, self.output_dtype)


def _named(types: tuple[NamedType, ...]) -> dict[str, str]:
    return {named.name: named.dtype for named in types}
