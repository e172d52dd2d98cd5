"""What a teacher gave on the training samples, row by row."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np

from edgekit_converters.compress.losses import BINARY, CATEGORICAL, LINEAR, SOFTMAX, LossPlan, OutputLoss, output_form
from edgekit_converters.compress.settings import TeacherSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.errors import RecipeError, first_line

FEATURE = "feature."
SMALLEST = 1e-7  # a probability is taken to be no less: a teacher in int8 gives many zeros
LOOKED_AT = 256  # of its rows, to tell probabilities from logits


@dataclass(frozen=True)
class Teacher:
    """A teacher's rows, in the order of the training samples.

    Attributes:
        outputs: By the student's output name, each `(N, ...)`.
        maps: Attention maps by the student's layer, each `(N, ...)`.
        forms: What each output is: `softmax`, `sigmoid` or `linear`.
        sha256: Checksum of outputs and maps.
    """

    outputs: Mapping[str, np.ndarray]
    maps: Mapping[str, np.ndarray]
    forms: Mapping[str, str]
    sha256: str

    def rows(self, plan: LossPlan, chosen: np.ndarray) -> dict[str, np.ndarray]:
        """What the loss takes, of some rows: logits where it goes by them, else the outputs; maps under `feature.`."""
        found = {
            output.output: _as_taken(self.outputs[output.output][chosen], output, self.forms[output.output])
            for output in plan.outputs
            if output.teacher_weight
        }
        return found | {FEATURE + layer: self.maps[layer][chosen] for layer in plan.features}


def open_teacher(
    settings: TeacherSettings, info: SourceInfo, count: int, layers: Mapping[str, tuple[int, ...]]
) -> Teacher:
    """Open what a teacher gave, and match it with the student.

    Outputs match by name, or by place where the names differ; maps by their size.

    Args:
        settings: Where it lies.
        info: The student.
        count: How many training samples there are.
        layers: The student's layers with attention maps, each with its size.

    Raises:
        RecipeError: Its outputs or rows are not those of the student.
    """
    given = _read(settings.outputs)
    matched = _match(given, info)
    for spec in info.outputs:
        values = matched[spec.name]
        if values.shape[1:] != spec.sample_shape:
            raise RecipeError(
                f"the teacher's outputs do not match: {_named(values.shape[1:], given)} beside {spec.name} "
                f"{spec.sample_shape} of the model; allowed: outputs of the same shape.",
                hint="Give a teacher for the same task and the same classes.",
            )
        if len(values) != count:
            raise RecipeError(f"{settings.outputs}: the teacher answered {len(values)} samples of {count}.")
    forms = {name: output_form(values[:LOOKED_AT]) for name, values in matched.items()}
    maps = _open_maps(settings, layers)
    digest = hashlib.sha256()
    for values in (*matched.values(), *maps.values()):
        digest.update(np.ascontiguousarray(values).data)
    return Teacher(matched, maps, forms, digest.hexdigest())


def write_maps(folder: Path, maps: Mapping[str, np.ndarray]) -> None:
    """Write attention maps, `.npy` each, so that `open_teacher` finds them: all of them, or no folder."""
    fresh = folder.with_name(f"{folder.name}.tmp")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for layer, values in maps.items():
        np.save(fresh / f"{quote(layer, safe='')}.npy", values, allow_pickle=False)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def unmatched(settings: TeacherSettings, layers: Mapping[str, tuple[int, ...]]) -> str:
    """A note on maps that no layer of the student matches; empty where there are none."""
    if settings.features is None:
        return ""
    sizes = set(layers.values())
    files = sorted(Path(settings.features).glob("*.npy"))
    lost = [unquote(file.stem) for file in files if np.load(file, mmap_mode="r").shape[1:] not in sizes]
    return f"no layer gives maps of the size of the teacher's {', '.join(lost)}" if lost else ""


def _open_maps(settings: TeacherSettings, layers: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    if settings.features is None or not settings.feature_weight:
        return {}
    files = [np.load(file, mmap_mode="r") for file in sorted(Path(settings.features).glob("*.npy"))]
    by_size = {values.shape[1:]: np.asarray(values) for values in files}
    return {layer: by_size[size] for layer, size in layers.items() if size in by_size}


def _read(path: str) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise RecipeError(f"{path}: the teacher's outputs cannot be read: {first_line(error)}") from error


def _match(given: Mapping[str, np.ndarray], info: SourceInfo) -> dict[str, np.ndarray]:
    names = [spec.name for spec in info.outputs]
    if set(names) <= given.keys():
        return {name: given[name] for name in names}
    if len(given) != len(names):
        theirs = ", ".join(f"{name} {values.shape[1:]}" for name, values in given.items())
        ours = ", ".join(f"{spec.name} {spec.sample_shape}" for spec in info.outputs)
        raise RecipeError(
            f"the teacher's outputs do not match: it gives {theirs}, the model {ours}; allowed: as many outputs."
        )
    return dict(zip(names, given.values(), strict=True))


def _named(shape: tuple[int, ...], given: Mapping[str, np.ndarray]) -> str:
    name = next(name for name, values in given.items() if values.shape[1:] == shape)
    return f"{name} {shape}"


def _as_taken(values: np.ndarray, output: OutputLoss, form: str) -> np.ndarray:
    values = values.astype(np.float32)
    if output.kind not in (CATEGORICAL, BINARY) or form == LINEAR:
        return values
    clipped = np.clip(values, SMALLEST, 1 - SMALLEST)
    if form == SOFTMAX and output.kind == CATEGORICAL:
        return np.asarray(np.log(clipped))
    return np.asarray(np.log(clipped) - np.log1p(-clipped))
