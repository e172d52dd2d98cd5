"""Every conversion ends by running source and file on the same samples: here the two are held against each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgekit.pipeline.arrays import read_arrays
from edgekit_converters.binding import Border
from edgekit_converters.equality import FLOAT_LIMIT, OutputEquality, StepEquality, compare_outputs, no_numbers, parted
from edgekit_converters.framework import FrameworkSession
from edgekit_converters.parting import Parting
from edgekit_converters.settings import DataSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.errors import ConversionError, ModelError
from edgekit_runtime.samples import real_samples

QUANTIZE = "quantize"


def compare_files(step: str, source: Path, exported: Path, border: Border) -> StepEquality:
    """Hold the outputs of a file against its source's.

    Args:
        step: What left the file.
        source: Outputs of the source, `.npz`.
        exported: Stored outputs of the file, `.npz`.
        border: The file's inputs and outputs.

    Raises:
        ConversionError: Quantization made NaN, or nothing but infinity, of an output.
    """
    stored = read_arrays(exported)
    real = {binding.source.name: real_samples(stored[binding.source.name], binding) for binding in border.outputs}
    wanted = read_arrays(source)
    if step == QUANTIZE and (wrong := set(no_numbers(real)) - set(no_numbers(wanted))):
        raise ConversionError(
            f"in the quantized file, {', and '.join(sorted(wrong))} where the source has numbers.",
            hint="Its values leave the range of the scheme: choose another --quantize.",
        )
    return compare_outputs(step, wanted, real)


def check_source(source: Path, inputs: Path, outputs: Path, kind: str) -> None:
    """Refuse a source whose outputs are no numbers: every file that is as wrong would count as equal to it.

    Args:
        source: The source, for the error.
        inputs: What it was run on, `.npz`.
        outputs: What it gave, `.npz`.
        kind: Where the inputs come from: `calibration`, `evaluation` or `synthetic`.

    Raises:
        ModelError: An output has NaN, or nothing but infinity, though every input is finite.
    """
    wrong = no_numbers(read_arrays(outputs))
    finite = all(values.dtype.kind != "f" or np.isfinite(values).all() for values in read_arrays(inputs).values())
    if not wrong or not finite:
        return
    made_up = " If only made-up samples do that, give real ones with --calibrate." if kind == "synthetic" else ""
    raise ModelError(
        f"{source}: {', and '.join(wrong)} for finite inputs ({kind} samples); allowed: numbers.",
        hint=f"Its weights may be lost, or overflow: take an earlier checkpoint.{made_up}",
    )


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
