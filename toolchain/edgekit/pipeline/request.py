"""What the user asks of a conversion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgekit_converters.compress.settings import L1
from edgekit_converters.live import LiveModel
from edgekit_converters.settings import AS_THEY_ARE, PictureSettings


@dataclass(frozen=True)
class Request:
    """What the user asked for; `None` leaves the choice to the target.

    Attributes:
        model: The source model: a file, a folder, `file.py:function` or `module:Class` that makes it, or a live
            model, which only `convert` takes.
        target: Name of a target, or a path to a profile.
        quantize: Name of a scheme.
        input_dtypes: Types of the file's inputs: each a type for all of them, or `NAME=TYPE`.
        output_dtypes: Types of the file's outputs, likewise.
        calibrate: Calibration data.
        calibration: How the ranges of activations are found: `minmax` or `percentile`.
        evaluate: Evaluation data.
        pictures: How pictures become inputs, and what the classes are called.
        metric: A metric, `auto`, or `module:function` of the user's own.
        samples: Calibration samples to draw.
        seed: Seed of the draw.
        output: Where the bundle goes: a folder, or a zip when it ends in `.edgekit`.
        license: Licence of the model, kept in the manifest.
        model_card: A text on what the model is for, kept in the bundle.
        trust: Whether code inside the model may run.
        custom: Modules of the user's own that define classes the model names; they need `trust`.
        model_format: `tflite` or `onnx`.
        weights: A file with the weights of a model that is made by code.
        shapes: Shapes of inputs, each `[NAME=]1,3,224,224`.
        dtypes: Types of inputs, each `[NAME=]int64`.
        recipe: A recipe file, which says the steps and may name a scheme.
        prune: Share of the multiply-accumulates to remove.
        importance: What tells which channels leave.
        max_drop: How far the metric may fall while channels leave in rounds.
        train: Training data.
        epochs: Passes over it; `None` for the usual number.
        learning_rate: The highest; `None` for the usual.
        teacher: A model to learn from, or `source` for the network itself before it was pruned.
        teacher_weights: A file with the weights of a teacher that is made by code.
        classes: Outputs of a new head.
        force: Whether an existing output is replaced.
    """

    model: Path | LiveModel
    target: str
    quantize: str | None = None
    input_dtypes: tuple[str, ...] = ()
    output_dtypes: tuple[str, ...] = ()
    calibrate: Path | None = None
    calibration: str | None = None
    evaluate: Path | None = None
    pictures: PictureSettings = AS_THEY_ARE
    metric: str = "auto"
    samples: int = 500
    seed: int = 0
    output: Path | None = None
    license: str | None = None
    model_card: Path | None = None
    trust: bool = False
    custom: tuple[str, ...] = ()
    model_format: str | None = None
    weights: Path | None = None
    shapes: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    recipe: Path | None = None
    prune: float | None = None
    importance: str = L1
    max_drop: float | None = None
    train: Path | None = None
    epochs: int | None = None
    learning_rate: float | None = None
    teacher: str | None = None
    teacher_weights: Path | None = None
    classes: int | None = None
    force: bool = False
