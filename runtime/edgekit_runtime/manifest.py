"""What a bundle says of itself: files, inputs, outputs, tolerances, origin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Optional

from edgekit_runtime.preparation import Preparation
from edgekit_runtime.tensor import TensorSpec

MANIFEST_FILE = "manifest.json"
GOLDEN_FILE = "golden.npz"
PROFILE_FILE = "profile.toml"
LABELS_FILE = "labels.txt"
RUN_FILE = "run.json"  # dates and host; outside the digest, and no loader reads it
MODEL_FILES = {"tflite": "model.tflite", "onnx": "model.onnx"}


@dataclass(frozen=True)
class FileEntry:
    """A file of the bundle.

    Attributes:
        path: Its place inside the bundle, with forward slashes.
        sha256: The checksum of its bytes, in hexadecimal.
        size_bytes: Its length.
    """

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Tolerance:
    """How far a device's output may lie from the golden one.

    Attributes:
        unit: `step` (of the output's quantization) or `range` (share of the golden output's range).
        limit: The largest difference with the kernels the golden output was made with.
        limit_other_kernels: The same where the interpreter takes other kernels.
    """

    unit: str
    limit: float
    limit_other_kernels: float

    def __post_init__(self) -> None:
        if self.unit not in ("step", "range"):
            raise ValueError(f"unit is {self.unit!r}; allowed: step, range")


EXACT = Tolerance("step", 0.0, 0.0)


@dataclass(frozen=True)
class Binding:
    """An input or output under its source's name, and the file's tensor for it.

    Attributes:
        source: As the source has it.
        stored: As the file has it.
        order: For each axis of the file's tensor the axis of the source's, such as (0, 2, 3, 1) where channels
            come first in the source and last in the file; `None` where both have them in one order.
    """

    source: TensorSpec
    stored: TensorSpec
    order: Optional[tuple[int, ...]] = None


@dataclass(frozen=True)
class InputBinding(Binding):
    """An input's binding with how a picture becomes its value; `None` where it takes no pictures."""

    preparation: Optional[Preparation] = None


@dataclass(frozen=True)
class OutputBinding(Binding):
    """An output's binding with its tolerance: nothing at all where none is told."""

    tolerance: Tolerance = EXACT


@dataclass(frozen=True)
class Library:
    """A library that took part in the conversion."""

    name: str
    version: str


@dataclass(frozen=True)
class Origin:
    """Where the bundle comes from.

    Attributes:
        source_sha256: Checksum of the source model's file.
        source_format: `keras` or `keras-h5`.
        target: Name of the profile.
        profile_sha256: Checksum of `profile.toml`.
        recipe: Name of the recipe.
        recipe_sha256: Checksum of the resolved recipe.
        libraries: Sorted by name.
    """

    source_sha256: str
    source_format: str
    target: str
    profile_sha256: str
    recipe: str
    recipe_sha256: str
    libraries: tuple[Library, ...]


@dataclass(frozen=True)
class Manifest:
    """The first file of a bundle; its bytes are what the bundle's digest is taken of.

    Attributes:
        name: Name of the model.
        format: `tflite` or `onnx`.
        scheme: Quantization scheme, such as `float32` or `int8`.
        inputs: In the source's order.
        outputs: In the source's order.
        kernels: The kernels that made the golden outputs, such as `xnnpack`.
        golden_data: `calibration`, `evaluation` or `synthetic`: where the golden inputs come from.
        origin: Source, target, recipe, libraries.
        license: Licence of the model, if it was told.
        files: Every file of the bundle except this one and `run.json`, sorted by path.
        model_card: The file that tells what the model is for and what it was trained on, if one was given.
        labels: The file that names the classes, one on each line, if they are known.
        compiled: The file that a vendor's compiler made of the model, if there is one; the runtime does not read it.
    """

    SCHEMA: ClassVar[str] = "edgekit/manifest"
    VERSION: ClassVar[int] = 1

    name: str
    format: str
    scheme: str
    inputs: tuple[InputBinding, ...]
    outputs: tuple[OutputBinding, ...]
    kernels: str
    golden_data: str
    origin: Origin
    license: Optional[str]
    files: tuple[FileEntry, ...]
    model_card: Optional[str] = None
    labels: Optional[str] = None
    compiled: Optional[str] = None

    def __post_init__(self) -> None:
        if self.format not in MODEL_FILES:
            raise ValueError(f"format is {self.format!r}; allowed: {', '.join(MODEL_FILES)}")
        if not self.inputs or not self.outputs:
            raise ValueError("there is no input, or no output; allowed: at least one of each")

    @property
    def model_file(self) -> str:
        """Name of the model's file inside the bundle."""
        return MODEL_FILES[self.format]
