"""Take every model of the matrix through every format and scheme: one load, one export a format, one file a cell."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgekit.pipeline.equality import compare_files
from edgekit_converters.equality import OutputEquality, StepEquality
from edgekit_converters.evaluate.session import ExportedSession
from edgekit_converters.framework import FrameworkSession
from edgekit_converters.frameworks import FRAMEWORKS
from edgekit_converters.quantize.session import quantize
from edgekit_converters.settings import SCHEMES, DataSettings, NamedShape, NamedType, QuantizeSettings, SourceSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.errors import EdgekitError
from edgekit_runtime.progress import silent
from tests.matrix.data import INPUTS, channels_first, samples

REPOSITORY = Path(__file__).parents[2]
FORMATS = ("tflite", "onnx")
CELL_SCHEMES = ("float32", "float16", "int8-dynamic", "int8")
CALIBRATION, EVALUATION = 64, 100
CLASSES = {"text_classifier": 4, "lstm": 6, "gru": 6, "two_in_three_out": 5}
LIMITS = {"float32": 1e-4, "float16": 1e-2}
ENOUGH_AGREEMENT, LESS_DB = 0.98, 1.0


@dataclass(frozen=True)
class Cell:
    """What became of one model in one format by one scheme.

    Attributes:
        framework: `keras` or `torch`.
        model: Name of the model.
        model_format: `tflite` or `onnx`.
        scheme: Name of the scheme.
        size_bytes: Length of the file.
        max_error: The worst of its outputs, as a share of the largest value.
        sqnr_db: The noisiest of its outputs; infinite where nothing differs.
        agreement: Of the first output that is a class; `None` where none is.
        reference_db: SQNR of the same made by the library's own defaults; `None` where it was not needed.
        refusal: Why there is no file; empty otherwise.
    """

    framework: str
    model: str
    model_format: str
    scheme: str
    size_bytes: int = 0
    max_error: float = float("inf")
    sqnr_db: float = float("-inf")
    agreement: float | None = None
    reference_db: float | None = None
    refusal: str = ""

    @property
    def good(self) -> bool:
        """Whether the file is as near to its source as its scheme must be."""
        if self.refusal:
            return False
        if self.scheme in LIMITS:
            return self.max_error <= LIMITS[self.scheme]
        if self.agreement is not None and self.agreement >= ENOUGH_AGREEMENT:
            return True
        return self.reference_db is not None and self.sqnr_db >= self.reference_db - LESS_DB


def train(framework: str, folder: Path) -> None:
    """Make the models of a framework; each program trains them all."""
    argv = [sys.executable, "-m", f"tests.matrix.{framework}_models", str(folder), *INPUTS]
    subprocess.run(argv, check=True, capture_output=True, cwd=REPOSITORY)


def run_framework(framework: str, folder: Path) -> Iterator[Cell]:
    """Every cell of a framework's models, which `train` left in the folder."""
    with FrameworkSession(FRAMEWORKS[framework].module) as session:
        for model in INPUTS:
            data = write_data(framework, model, folder)
            yield from _Row(session, framework, model, folder, data).cells()


def write_data(framework: str, model: str, folder: Path) -> tuple[DataSettings, DataSettings]:
    """Write samples to calibrate with, and others to compare on."""
    settings = []
    for purpose, count, seed in (("calibration", CALIBRATION, 2), ("evaluation", EVALUATION, 3)):
        arrays, _ = samples(model, CLASSES.get(model, 10), count, seed)
        path = folder / f"{framework}-{model}-{purpose}.npz"
        first = channels_first if framework == "torch" else np.asarray
        np.savez(path, allow_pickle=False, **{name: first(values) for name, values in arrays.items()})
        settings.append(DataSettings(str(path), None, 0))
    return settings[0], settings[1]


class _Row:
    """One model of one framework."""

    def __init__(
        self,
        session: FrameworkSession,
        framework: str,
        model: str,
        folder: Path,
        data: tuple[DataSettings, DataSettings],
    ) -> None:
        self.session, self.framework, self.model = session, framework, model
        self.folder, (self.calibration, self.evaluation) = folder, data
        self.source = folder / f"{framework}-{model}-source.npz"

    def cells(self) -> Iterator[Cell]:
        try:
            info = self.session.load(self._settings())
            self.session.predict(self.evaluation, self.source, silent)
        except EdgekitError as error:
            for model_format in FORMATS:
                for scheme in CELL_SCHEMES:
                    yield replace(self._cell(model_format, scheme), refusal=error.message)
            return
        for model_format in FORMATS:
            yield from self._format(model_format, info)

    def _settings(self) -> SourceSettings:
        if self.framework == "keras":
            return SourceSettings(str(self.folder / f"{self.model}.keras"), "keras")
        code = f"{REPOSITORY / 'tests/torch_models.py'}:make_{self.model}"
        shapes = tuple(
            NamedShape(i.name, (1, *(i.shape[-1:] + i.shape[:-1] if len(i.shape) == 3 else i.shape)))
            for i in INPUTS[self.model]
        )
        dtypes = tuple(NamedType(i.name, "int64") for i in INPUTS[self.model] if i.tokens)
        weights = str(self.folder / f"{self.model}.pt")
        return SourceSettings(code, "torch-code", weights=weights, shapes=shapes, dtypes=dtypes)

    def _format(self, model_format: str, info: SourceInfo) -> Iterator[Cell]:
        file = self.folder / f"{self.framework}-{self.model}.{model_format}"
        try:
            info = replace(info, orders=self.session.export(file, model_format))
        except EdgekitError as error:
            for scheme in CELL_SCHEMES:
                yield replace(self._cell(model_format, scheme), refusal=error.message)
            return
        for scheme in CELL_SCHEMES:
            yield self._scheme(file, info, self._cell(model_format, scheme))

    def _scheme(self, file: Path, info: SourceInfo, cell: Cell) -> Cell:
        made = file
        try:
            if cell.scheme != "float32":
                made = file.with_name(f"{file.stem}-{cell.scheme}{file.suffix}")
                border = SCHEMES[cell.scheme].types_for(cell.model_format)[0]
                settings = QuantizeSettings(cell.scheme, border, border)
                data = self.calibration if SCHEMES[cell.scheme].calibrated else None
                quantize(file, made, info, settings, data, progress=silent)
            step = self._compare(made, info)
        except EdgekitError as error:
            return replace(cell, refusal=error.message)
        filled = _fill(replace(cell, size_bytes=made.stat().st_size), step)
        if filled.good or cell.scheme in LIMITS:
            return filled
        from tests.matrix.reference import reference_file

        other = reference_file(self.framework, self.model, self.folder, file, cell.scheme, Path(self.calibration.path))
        if other is None:
            return filled
        return replace(filled, reference_db=_fill(cell, self._compare(other, info)).sqnr_db)

    def _compare(self, made: Path, info: SourceInfo) -> StepEquality:
        outputs = made.with_suffix(".npz")
        with ExportedSession() as exported:
            opened = exported.open(made, info)
            exported.run(self.evaluation, outputs, silent)
        return compare_files("quantize", self.source, outputs, opened.border)

    def _cell(self, model_format: str, scheme: str) -> Cell:
        return Cell(self.framework, self.model, model_format, scheme)


def _fill(cell: Cell, step: StepEquality) -> Cell:
    agreements = [one.agreement.value for one in step.outputs if one.agreement is not None]
    return replace(
        cell,
        max_error=max(_value(one) for one in step.outputs),
        sqnr_db=min(_noise(one) for one in step.outputs),
        agreement=agreements[0] if agreements else None,
    )


def _value(one: OutputEquality) -> float:
    return float("inf") if one.max_error.value is None else one.max_error.value


def _noise(one: OutputEquality) -> float:
    if one.sqnr_db.value is not None:
        return one.sqnr_db.value
    return float("inf") if _value(one) == 0 else float("-inf")
