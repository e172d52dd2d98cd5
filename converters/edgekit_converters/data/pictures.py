"""A folder of pictures as data: sub-folders are classes, and each picture is prepared as the device will do it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from edgekit_converters.data.form import PICTURE_SUFFIXES
from edgekit_converters.data.source import Sample
from edgekit_converters.settings import PictureSettings
from edgekit_runtime.affine import storable
from edgekit_runtime.errors import DataError
from edgekit_runtime.manifest import LABELS_FILE
from edgekit_runtime.pictures import read_picture, require_pillow
from edgekit_runtime.preparation import CHANNELS, Preparation
from edgekit_runtime.tensor import TensorSpec

THUMBNAILS = "Thumbs.db"  # Windows leaves it in every folder of pictures that was looked at


class PictureSource:
    """A folder of pictures; files are sorted by name, class by class.

    Args:
        folder: The folder: pictures, or one sub-folder of pictures for each class.
        inputs: The model's inputs: a single one.
        outputs: The model's outputs; classes are labels of the first.
        settings: How pictures become inputs.

    Raises:
        DataError: The model takes no pictures, or the folders do not fit the names of the classes.
        MissingExtraError: Pillow is not installed.
    """

    def __init__(
        self, folder: Path, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], settings: PictureSettings
    ) -> None:
        require_pillow()
        if len(inputs) > 1:
            raise DataError(f"{folder}: a folder of pictures feeds one input; the model has {len(inputs)}.")
        self._folder = folder
        self._input, self._output = inputs[0], outputs[0].name
        self.preparation = preparation_for(settings, inputs[0])
        self._pictures, self.classes = _find_pictures(folder, settings.labels)

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self._pictures)

    def read(self, indexes: Sequence[int]) -> Iterator[Sample]:
        """Give these samples, one after the other.

        Raises:
            DataError: Some are no pictures; the error counts them and names the first.
        """
        for done, index in enumerate(indexes):
            path, label = self._pictures[index]
            try:
                values = read_picture(path, self.preparation)
            except DataError as error:
                raise self._bad(indexes[done + 1 :], len(indexes), error) from error
            if not storable(values, self._input):
                raise DataError(
                    f"{path}: prepared, it has values that {self._input.dtype}, the type of input {self._input.name}, "
                    "does not hold.",
                    hint="Leave the pixels' range, mean and std as they are: the model takes whole numbers.",
                )
            labels = {} if label is None else {self._output: np.asarray(label)}
            yield Sample({self._input.name: values.astype(self._input.dtype, copy=False)}, labels)

    def _bad(self, rest: Sequence[int], total: int, first: DataError) -> DataError:
        bad = 1 + sum(not self._readable(index) for index in rest)
        return DataError(
            f"{self._folder}: {bad} of {total} files cannot be read as pictures. The first: {first.message}",
            hint="Take such files out of the folder.",
        )

    def _readable(self, index: int) -> bool:
        try:
            read_picture(self._pictures[index][0], self.preparation)
        except DataError:
            return False
        return True


def preparation_for(settings: PictureSettings, spec: TensorSpec) -> Preparation:
    """Choose what the settings leave open by the shape of the model's input.

    Args:
        settings: What the user asked for.
        spec: The input, `(N, H, W, C)` or `(N, C, H, W)`.

    Raises:
        DataError: The input takes no pictures, or the settings do not fit it.
    """
    shape = spec.sample_shape
    layout = settings.layout or ("NCHW" if len(shape) == 3 and shape[0] in (1, 3) and shape[2] > 3 else "NHWC")
    if len(shape) != 3:
        raise DataError(
            f"input {spec.name} has shape {spec.shape}; allowed for pictures: (N, height, width, channels)."
        )
    height, width, count = shape if layout == "NHWC" else (*shape[1:], shape[0])
    channels = settings.channels or ("gray" if count == 1 else "RGB")
    if CHANNELS.get(channels, count) != count or count not in (1, 3):
        raise DataError(
            f"input {spec.name} has {count} channels in the layout {layout}; pictures have 3 (RGB, BGR) or 1 (gray)."
        )
    size = (int(height), int(width))
    try:
        return Preparation(
            size,
            settings.resize or size,
            settings.fit,
            channels,
            settings.pixel_range,
            settings.mean,
            settings.std,
            layout,
        )
    except ValueError as error:
        raise DataError(f"input {spec.name}: {error}.") from error


def read_class_names(path: Path) -> tuple[str, ...]:
    """The names of the classes, one on each line.

    Raises:
        DataError: It cannot be read, or names a class twice or not at all.
    """
    try:
        names = tuple(line.strip() for line in path.read_text(encoding="utf-8-sig").rstrip().splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: it cannot be read as text: {error}.") from error
    twice = sorted({name for name in names if names.count(name) > 1})
    if not any(names) or twice:
        what = f"line {twice[0]!r} stands there twice" if twice else "it names no class"
        raise DataError(f"{path}: {what}; allowed: one name on each line, in the order of the model's outputs.")
    return names


def _find_pictures(folder: Path, labels: str | None) -> tuple[tuple[tuple[str, int | None], ...], tuple[str, ...]]:
    """Each picture with its class, and the names of the classes; empty where there are none."""
    entries = sorted(path for path in folder.iterdir() if not _is_beside(path.name))
    folders = [path for path in entries if path.is_dir()]
    own = folder / LABELS_FILE
    names = read_class_names(Path(labels) if labels else own) if labels or own.exists() else ()
    if not folders:
        return tuple((str(path), None) for path in entries if path.name != LABELS_FILE), names
    stray = [path for path in entries if path.name.lower().endswith(PICTURE_SUFFIXES) and not path.is_dir()]
    if stray:
        raise DataError(
            f"{folder}: {len(stray)} pictures lie beside the folders of the classes, such as {stray[0].name}.",
            hint="Move each into the folder of its class.",
        )
    classes = names or tuple(path.name for path in folders)
    unknown = [path.name for path in folders if path.name not in classes]
    if unknown:
        raise DataError(
            f"{folder}: the folder {unknown[0]} is named in no line of {labels or LABELS_FILE}; "
            "allowed: each folder is a class."
        )
    places = {name: place for place, name in enumerate(classes)}
    pictures = tuple((path, places[entry.name]) for entry in folders for path in _files(entry))
    if not pictures:
        raise DataError(f"{folder}: the folders of its classes are empty.")
    return pictures, classes


def _files(folder: Path) -> Iterator[str]:
    for root, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        yield from (os.path.join(root, name) for name in sorted(names) if not _is_beside(name))


def _is_beside(name: str) -> bool:
    return name.startswith(".") or name == THUMBNAILS
