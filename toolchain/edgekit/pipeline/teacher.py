"""Ask a teacher: what it gives on the training samples lies in files before the training begins."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edgekit.pipeline.arrays import read_arrays
from edgekit.pipeline.recipe import Teacher
from edgekit_converters.compress.settings import TeacherSettings
from edgekit_converters.data.arrange import CHANNELS_FIRST, CHANNELS_LAST, order_between
from edgekit_converters.data.session import DataSession
from edgekit_converters.detect import checksum_source
from edgekit_converters.framework import FrameworkSession
from edgekit_converters.frameworks import framework_of
from edgekit_converters.settings import DataSettings, NamedShape, NamedType, SourceSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.bundle import sha256_of
from edgekit_runtime.errors import ModelError, RecipeError
from edgekit_runtime.progress import Progress

OUTPUTS, FEATURES, ASKED = "outputs.npz", "features", "asked.sha256"
STAGE = "asking the teacher"
CODE = "torch-code"  # does not tell the shapes of its inputs


class Matched(NamedTuple):
    """An output of a teacher beside that of its student.

    Attributes:
        theirs: Its name.
        mine: The student's name for it.
        axes: The order of its axes that is the student's, batch first.
    """

    theirs: str
    mine: str
    axes: tuple[int, ...]


def expected(teacher: Teacher | None) -> TeacherSettings | None:
    """How much a teacher will count, before its answers lie anywhere."""
    if teacher is None:
        return None
    return TeacherSettings("", None, teacher.temperature, teacher.weight, teacher.feature_weight)


def what_is_asked(
    session: FrameworkSession, teacher: Teacher, data: DataSettings, progress: Progress
) -> dict[str, str]:
    """Checksums of all that a teacher's answers depend on, by what it is called for the user.

    Args:
        session: Has the student loaded, which is its own teacher where that has no source.
        teacher: Who is asked.
        data: The training samples; those that are drawn count, not the file that they lie in.
        progress: Told how far it is.
    """
    samples = session.compression.checksum_samples(data, progress)
    if teacher.source is None:
        return {"the teacher": session.compression.checksum(), "the training data": samples}
    return {
        "the teacher": checksum_source(Path(teacher.source.path)),
        "its weights": " ".join(sha256_of(path) for path in _weights(teacher.source)) or "none",
        "the training data": samples,
    }


def _weights(source: SourceSettings) -> list[Path]:
    """The files with a teacher's weights that are not its own: those of code, and the external data of ONNX."""
    if source.weights is not None:
        return [Path(source.weights)] if Path(source.weights).is_file() else []
    path = Path(source.path)
    beside = path.parent.glob("*") if source.format == "onnx" else ()
    return sorted(one for one in beside if one != path and one.name.startswith(path.name) and one.is_file())


def make_room(folder: Path, asked: Mapping[str, str]) -> str:
    """Make a folder for a teacher's answers, and throw away those that answer something else.

    Args:
        folder: Where the answers go.
        asked: What `what_is_asked` gave.

    Returns:
        Why older answers went; empty where there were none, or they answer the same.
    """
    lines = {f"{digest}  {what}\n": what for what, digest in asked.items()}
    path = folder / ASKED
    kept = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []
    changed = [what for line, what in lines.items() if line not in kept]
    if changed or len(kept) != len(lines):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        staged = folder / f".{ASKED}"
        staged.write_text("".join(lines), encoding="utf-8")
        staged.rename(path)
    return f"not the same as before: {', '.join(changed)}; the teacher is asked anew" if kept and changed else ""


def ask_itself(
    session: FrameworkSession, teacher: Teacher, data: DataSettings, info: SourceInfo, folder: Path, progress: Progress
) -> TeacherSettings:
    """Let the live network teach its smaller self.

    Args:
        session: Has the network loaded, whole.
        teacher: How much it counts.
        data: The training samples.
        info: The network.
        folder: Where the answers go, as `make_room` left it; those that lie there are taken.
        progress: Told how far it is.
    """
    if not (folder / OUTPUTS).exists():
        answers = folder / "answers.npz"
        session.predict(data, answers, lambda _, done, total: progress(STAGE, done, total))
        _keep(answers, _match(info, info), folder)
    features = None
    if teacher.feature_weight:
        features = folder / FEATURES
        if not features.exists():
            session.compression.features(data, features, progress)
    return _settings(teacher, folder, features)


def ask_other(
    teacher: Teacher,
    data: DataSettings,
    info: SourceInfo,
    folder: Path,
    progress: Progress,
    on_log: Callable[[str], None] | None,
) -> TeacherSettings:
    """Let another model, of any framework, teach.

    Args:
        teacher: What it is, and how much it counts.
        data: The training samples, as the student takes them.
        info: The student.
        folder: Where the answers go, as `make_room` left it; those that lie there are taken.
        progress: Told how far it is.
        on_log: Takes each line that the teacher's framework writes.

    Raises:
        ModelError: The teacher cannot be loaded.
        DataError: It takes other samples than the student.
        RecipeError: Its outputs do not match the student's.
    """
    assert teacher.source is not None
    features = folder / FEATURES if teacher.feature_weight else None
    if (folder / OUTPUTS).exists():
        return _settings(teacher, folder, features)
    answers, samples = folder / "answers.npz", folder / "samples.npz"
    module = framework_of(teacher.source.format).module
    with FrameworkSession(module, on_log=on_log) as session:
        other = _load(session, teacher.source, info)
        matched = _match(other, info)
        with DataSession(on_log=on_log) as reader:
            reader.arrange(data, info, other, samples)
        asked = DataSettings(str(samples), None, data.seed)
        session.predict(asked, answers, lambda _, done, total: progress(STAGE, done, total))
        if features is not None:
            session.compression.features(asked, features, progress)
    samples.unlink()
    _keep(answers, matched, folder)
    return _settings(teacher, folder, features)


def _load(session: FrameworkSession, source: SourceSettings, info: SourceInfo) -> SourceInfo:
    """Load a teacher; code that tells no shapes gets the student's, and those with the channels elsewhere."""
    if source.format != CODE:
        return session.load(source)
    shapes = [spec.sample_shape for spec in info.inputs]
    moved = [_moved(shape) for shape in shapes]
    dtypes = [spec.dtype for spec in info.inputs]
    try:
        return session.load(_shaped(source, info, shapes, dtypes))
    except ModelError:
        if moved == shapes:
            raise
    return session.load(_shaped(source, info, moved, dtypes))


def _moved(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) != len(CHANNELS_LAST):
        return shape
    order = CHANNELS_FIRST if shape[-1] < shape[0] else CHANNELS_LAST
    return tuple(shape[axis] for axis in order)


def _shaped(
    source: SourceSettings, info: SourceInfo, shapes: list[tuple[int, ...]], dtypes: list[str]
) -> SourceSettings:
    single = len(shapes) == 1
    names = ["" if single else spec.name for spec in info.inputs]
    return replace(
        source,
        shapes=tuple(NamedShape(name, (1, *shape)) for name, shape in zip(names, shapes, strict=True)),
        dtypes=tuple(NamedType(name, dtype) for name, dtype in zip(names, dtypes, strict=True)),
    )


def _match(teacher: SourceInfo, student: SourceInfo) -> list[Matched]:
    """Each output of the teacher with that of the student that it is for.

    Raises:
        RecipeError: There are others, or of other shapes.
    """
    if len(teacher.outputs) != len(student.outputs):
        raise _mismatch(teacher, student)
    same = {spec.name for spec in teacher.outputs} == {spec.name for spec in student.outputs}
    by_name, found = {spec.name: spec for spec in teacher.outputs}, []
    for by_place, mine in zip(teacher.outputs, student.outputs, strict=True):
        theirs = by_name[mine.name] if same else by_place
        order = order_between(theirs.sample_shape, mine.sample_shape)
        if order is None:
            raise _mismatch(teacher, student)
        found.append(Matched(theirs.name, mine.name, (0, *(axis + 1 for axis in order))))
    return found


def _keep(answers: Path, matched: list[Matched], folder: Path) -> None:
    """Write the answers under the student's names and with its axes; the file is there whole, or not at all."""
    arrays, staged = read_arrays(answers), folder / f".{OUTPUTS}"
    found = {one.mine: np.transpose(arrays[one.theirs], one.axes) for one in matched}
    with open(staged, "wb") as file:
        np.savez(file, allow_pickle=False, **found)
    staged.rename(folder / OUTPUTS)
    answers.unlink()


def _mismatch(teacher: SourceInfo, student: SourceInfo) -> RecipeError:
    theirs, mine = (
        ", ".join(f"{spec.name} {spec.sample_shape}" for spec in info.outputs) for info in (teacher, student)
    )
    return RecipeError(
        f"the teacher gives {theirs}, and the model {mine}; allowed: the same number of outputs of the same shapes.",
        hint="Take a teacher for the same classes; --classes gives the model a new head.",
    )


def _settings(teacher: Teacher, folder: Path, features: Path | None) -> TeacherSettings:
    return TeacherSettings(
        outputs=str(folder / OUTPUTS),
        features=None if features is None else str(features),
        temperature=teacher.temperature,
        weight=teacher.weight,
        feature_weight=teacher.feature_weight,
    )
