"""What Vela itself says of whole networks on the Ethos-U, beside edgekit's sum over their operators."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from figures import Row, Section, Target
from models import assets_file, convert, mobilenet

from edgekit_runtime.figure import Figure
from edgekit_targets.catalog import load_profile
from edgekit_targets.estimate.npu.roofline import operators_on
from edgekit_targets.estimate.ranges import ON_ETHOS_U
from edgekit_targets.estimate.subject import Subject, subject_of
from edgekit_targets.graph.read import read_graph
from edgekit_targets.profile import Profile
from edgekit_targets.vela.vela import compile_with_vela, vela_version

ACCELERATORS = (
    "ethos-u55-128",
    "ethos-u55-256",
    "ethos-u65-256",
    "ethos-u65-512",
    "ethos-u85-256",
    "ethos-u85-1024",
)
FILES = (
    "mlperf-tiny/pretrainedResnet_quant.tflite",
    "mlperf-tiny/kws_ref_model.tflite",
    "mlperf-tiny/vww_96_int8.tflite",
    "mlperf-tiny/ad01_int8.tflite",
    "tflite-micro/person_detect.tflite",
)
RANGE = Target(ON_ETHOS_U.high, ON_ETHOS_U.low)


def accelerators(quick: bool) -> Section:
    """Hold the roofline of each Ethos-U against Vela, over the networks at hand."""
    with tempfile.TemporaryDirectory() as folder:
        made = [] if quick else [convert(mobilenet(), "int8", Path(folder, "bundle"))]
        files = [*map(assets_file, FILES), *made]
        subjects = {file: subject_of(read_graph(file), file.stat().st_size) for file in files}
        rows = tuple(row for name in ACCELERATORS for row in _rows(name, subjects))
    return Section(
        "Accelerators",
        f"The time that Vela {vela_version()} estimates for a network, over edgekit's own sum: ResNet8, KWS, VWW and "
        "ad of MLPerf Tiny, person detection of TensorFlow Lite Micro, and MobileNetV2, in int8. Both are predictions, "
        "and nothing was measured on such hardware.",
        ("edgekit estimate model.tflite --target ethos-u55-256",),
        rows,
    )


def _rows(name: str, subjects: dict[Path, Subject]) -> Iterator[Row]:
    profile = load_profile(name).profile
    ratios = [_vela_us(file, profile) / _own_us(subject, profile) for file, subject in subjects.items()]
    for what, value in (("least", min(ratios)), ("median", median(ratios)), ("most", max(ratios))):
        ratio = Figure("predicted", "times", value, f"{what} of {len(ratios)} networks")
        yield Row(f"{name}, Vela's time over edgekit's, {what}", ratio, None, ratio, RANGE, len(ratios))


def _own_us(subject: Subject, profile: Profile) -> float:
    assert profile.npu is not None
    everything = range(len(subject.graph.main.operators))
    return sum(operator.total_us for operator in operators_on(subject, everything, profile.npu))


def _vela_us(file: Path, profile: Profile) -> float:
    npu = profile.npu
    assert npu is not None
    assert npu.compiler is not None
    assert npu.clock_mhz is not None
    with tempfile.TemporaryDirectory() as folder:
        summary = compile_with_vela(file, npu.compiler, Path(folder)).summary
    return float(summary["cycles_total"]) / npu.clock_mhz.value
