"""Every conversion ends by running source and file on the same samples: here the two are held against each other."""

from __future__ import annotations

from pathlib import Path

from edgekit.pipeline.arrays import read_arrays
from edgekit_converters.binding import Border
from edgekit_converters.equality import FLOAT_LIMIT, OutputEquality, StepEquality, compare_outputs, parted
from edgekit_converters.framework import FrameworkSession
from edgekit_converters.parting import Parting
from edgekit_converters.settings import DataSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.errors import ConversionError
from edgekit_runtime.samples import real_samples


def compare_files(step: str, source: Path, exported: Path, border: Border) -> StepEquality:
    """Hold the outputs of a file against its source's.

    Args:
        step: What left the file.
        source: Outputs of the source, `.npz`.
        exported: Stored outputs of the file, `.npz`.
        border: The file's inputs and outputs.
    """
    stored = read_arrays(exported)
    real = {binding.source.name: real_samples(stored[binding.source.name], binding) for binding in border.outputs}
    return compare_outputs(step, read_arrays(source), real)


def check_export(
    session: FrameworkSession, source: Path, float_model: Path, info: SourceInfo, data: DataSettings, step: StepEquality
) -> None:
    """Refuse a float export that computes something else than its source.

    Args:
        session: Has the source loaded.
        source: The source, for the error.
        float_model: What it was exported to.
        info: The source.
        data: The samples that were run.
        step: What came of them.

    Raises:
        ConversionError: The two part; it says where.
    """
    wrong = parted(step)
    if not wrong:
        return
    where = _place(session.find_parting(float_model, info, data))
    raise ConversionError(
        f"{source}: the float file does not compute what its source does: {_outputs(wrong)}; "
        f"allowed: {FLOAT_LIMIT:g} of the largest value.{where}",
        hint="Replace that operator by others, or try the other --format.",
    )


def _outputs(wrong: tuple[OutputEquality, ...]) -> str:
    return ", ".join(f"output {one.name} differs by {_error(one)}" for one in wrong)


def _error(one: OutputEquality) -> str:
    if one.max_error.value is None:
        return f"more than can be told ({one.max_error.reason})"
    return f"{one.max_error.value:.2g}"


def _place(parting: Parting) -> str:
    places = []
    if parting.source is not None:
        places.append(f"{parting.source} of the source")
    if parting.exported is not None:
        places.append(f"{parting.exported} of the file")
    return f" They part at {', and at '.join(places)}." if places else ""
