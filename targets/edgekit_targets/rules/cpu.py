"""What speaks against a model on a processor: missing kernels, slow ones, memory, open shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from edgekit_targets.estimate.memory import MemoryEstimate
from edgekit_targets.estimate.subject import Subject
from edgekit_targets.findings import Finding, Place, Severity, no_accelerator, predicted
from edgekit_targets.fixes import Fix
from edgekit_targets.graph.cost import operator_cost
from edgekit_targets.graph.graph import Graph, Operator, Subgraph, Tensor
from edgekit_targets.hardware import size_warnings
from edgekit_targets.profile import Profile
from edgekit_targets.rules.common import GIVE_SHAPES, INTEGER_SCHEME, NARROWER, OWN_OPERATORS, QUANTIZE, TO_INTEGER
from edgekit_targets.rules.precompiled import COMPILED_FOR
from edgekit_targets.rules.precompiled import FIX as GIVE_SOURCE
from edgekit_targets.rules.rule import names

FROM_SHAPES = "counted from the shapes in the file"
TAUGHT = frozenset({"AudioSpectrogram", "Mfcc", "NumericVerify", "TFLite_Detection_PostProcess"})
"""Custom operators that LiteRT's own resolver has (its kernels/register.cc)."""
STABLEHLO = names(
    "ABS BROADCAST_IN_DIM CBRT CLAMP COMPARE CONCATENATE CONVERT CONVOLUTION COSINE CUSTOM_CALL DIVIDE DOT_GENERAL "
    "DYNAMIC_SLICE DYNAMIC_UPDATE_SLICE EXPONENTIAL FLOOR IOTA LOG LOGISTIC NEGATE OR POWER REDUCE REMAINDER RESHAPE "
    "RSQRT SELECT SLICE SORT SUBTRACT TANH TRANSPOSE WHILE"
)
WITHOUT_KERNEL = names("CALL CONCAT_EMBEDDINGS DELEGATE") | {f"STABLEHLO_{name}" for name in STABLEHLO}
"""Operators of the format that LiteRT 2.3.0 has no kernel for; a test asks it."""
TRAINING = "ai.onnx.preview.training"
ONNX_WITHOUT_KERNEL = names("ImageDecoder") | {
    f"{TRAINING}.{name}" for name in ("Adagrad", "Adam", "Gradient", "Momentum")
}
"""Operators of ONNX that onnxruntime 1.31 has no kernel for, and that are made of no others; a test asks it."""
WITH_WEIGHTS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})
MEMORY_UNKNOWN = "cpu-memory-unknown"
SMALLER = Fix(f"Take a smaller model, or a quarter of its weights. {TO_INTEGER.text}", "samples")
MEASURE = Fix("Measure it on such a device: edgekit bench MODEL --device ADDRESS", "device")
WRITE_OTHERWISE = Fix("Write it with other operators, or convert the source again.", "rewrite")
BY_CHANNEL = Fix("Quantize with one scale for each channel: --quantize int8", "samples")
ANOTHER_CONVERTER = Fix("Convert the source again: an old or another converter wrote the file.", "convert")
FLOAT_AND_INT8 = "9 times as long as in float32, 17 as long as in int8"
MEASURED = "measured on one thread of an x86-64, not on such a device"
Test = Callable[[Operator, Subgraph], bool]


def check_cpu(subject: Subject, memory: MemoryEstimate, profile: Profile) -> tuple[Finding, ...]:
    """What speaks against a model on a target without an accelerator.

    Args:
        subject: The model.
        memory: What it takes there.
        profile: The target.
    """
    graph = subject.graph
    if graph.format not in profile.formats:
        return (_no_runtime(graph, profile),)
    checks = _tflite(graph) if graph.format == "tflite" else _onnx(graph)
    return (*checks, *_open_shapes(graph), *check_memory(memory, profile, subject))


def _tflite(graph: Graph) -> Iterator[Finding]:
    yield from _custom(graph)
    yield from _without_kernel(graph)
    yield from _slow(graph)
    blocks = [tensor.name for tensor in _tensors(graph) if tensor.block_size]
    if blocks:
        reason = f"LiteRT 2.3.0 aborts on weights whose scales are of blocks: {blocks[0]}"
        yield whole("error", "cpu-blocks", reason, BY_CHANNEL)
    yield from _odd_scales(graph)


def _odd_scales(graph: Graph) -> Iterator[Finding]:
    """Scales of an axis that is not there, or of another length than it: TensorFlow Lite Micro does not look."""
    odd = [tensor for tensor in _tensors(graph) if _has_odd_scales(tensor)]
    if odd:
        first = f"{odd[0].name.partition(';')[0]} {odd[0].shape}"
        more = f", and {len(odd) - 1} more tensors" if len(odd) > 1 else ""
        reason = f"LiteRT 2.3.0 refuses scales of an axis that the tensor does not have: {first}{more}"
        yield whole("error", "cpu-scales", reason, ANOTHER_CONVERTER)


def _has_odd_scales(tensor: Tensor) -> bool:
    scales = tensor.quantization
    if scales is None or scales.axis is None or -1 in tensor.shape:
        return False
    inside = 0 <= scales.axis < max(1, len(tensor.shape))
    return not inside or len(scales.scale) not in (1, *tensor.shape[scales.axis : scales.axis + 1])


def _onnx(graph: Graph) -> Iterator[Finding]:
    yield from _custom(graph)
    yield from _without_kernel(graph)


def _custom(graph: Graph) -> Iterator[Finding]:
    for name in sorted({op.name for op in _operators(graph) if _has_to_be_taught(op)}):
        if name in COMPILED_FOR:
            reason = f"{name}: the file was compiled for {COMPILED_FOR[name]}; a processor cannot run it"
            fix, rule = GIVE_SOURCE, "cpu-compiled"
        elif name.startswith("Flex"):
            reason = f"{name}: an operator of TensorFlow itself, which LiteRT runs only with TensorFlow beside it"
            fix, rule = Fix("Write it with layers that become TensorFlow Lite's own operators.", "rewrite"), "cpu-flex"
        elif graph.format == "onnx" and "." not in name:
            reason = f"{name}: none of ONNX's operators, as far as the onnx library here knows them"
            fix, rule = Fix("Write it with ONNX's own operators.", "rewrite"), "cpu-custom"
        else:
            reason = f"{name}: a custom operator, which the interpreter has to be taught"
            fix, rule = OWN_OPERATORS, "cpu-custom"
        yield _about(graph, "error", rule, reason, fix, lambda operator, _, name=name: operator.name == name)  # type: ignore[misc]  # mypy does not see the default


def _has_to_be_taught(operator: Operator) -> bool:
    """Whether an interpreter runs it only where it is taught to; onnxruntime's own domains name compiled parts, too."""
    return (operator.custom and operator.name not in TAUGHT) or operator.name in COMPILED_FOR


def _without_kernel(graph: Graph) -> Iterator[Finding]:
    runtime = "LiteRT 2.3.0" if graph.format == "tflite" else "onnxruntime 1.31"
    for name in sorted({op.name for op in _operators(graph) if not op.custom and _lacks_kernel(op.name)}):
        reason = f"{name}: {runtime} has no kernel for this operator"
        fix = WRITE_OTHERWISE
        yield _about(graph, "error", "cpu-operator", reason, fix, lambda operator, _, name=name: operator.name == name)  # type: ignore[misc]  # mypy does not see the default


def _lacks_kernel(name: str) -> bool:
    return name in WITHOUT_KERNEL | ONNX_WITHOUT_KERNEL or name.startswith(
        "operator "
    )  # a number that the reader's schema does not know


def _slow(graph: Graph) -> Iterator[Finding]:
    for rule, reason, fix, slow in SLOW:
        concerned = _weighted(slow)
        if any(concerned(operator, part) for part in graph.subgraphs for operator in part.operators):
            yield _about(graph, "warning", rule, reason, fix, concerned)


def _weighted(test: Test) -> Test:
    """Of operators with weights only: the others cost little."""
    return lambda operator, subgraph: operator.name in WITH_WEIGHTS and test(operator, subgraph)


def _value_type(operator: Operator, subgraph: Subgraph) -> str:
    """The type of what a convolution or dense layer computes from."""
    place = operator.inputs[2 if operator.name == "TRANSPOSE_CONV" else 0] if len(operator.inputs) > 2 else None
    place = operator.inputs[0] if place is None and operator.inputs else place
    return "" if place is None else subgraph.tensors[place].dtype


def _mixed(operator: Operator, subgraph: Subgraph) -> bool:
    weights = operator.inputs[1] if len(operator.inputs) > 1 else None
    return (
        weights is not None and subgraph.tensors[weights].dtype == "int8" and "float" in _value_type(operator, subgraph)
    )


def _open_shapes(graph: Graph) -> Iterator[Finding]:
    main = graph.main
    free = [tensor for tensor in main.tensors_of(main.inputs) if tensor.free_axes or -1 in tensor.shape]
    if free:
        shape = ", ".join(
            "?" if i in free[0].free_axes or size == -1 else str(size) for i, size in enumerate(free[0].shape)
        )
        reason = f"input {free[0].name} ({shape}) leaves a length open: memory cannot be planned ahead"
        yield whole("warning", "cpu-open-shape", reason, GIVE_SHAPES)


def check_left(graph: Graph, left: Sequence[int]) -> Iterator[Finding]:
    """What the processor beside an accelerator cannot run of the operators that are left to it.

    Args:
        graph: The model.
        left: Indexes of those operators of the main graph, in order.
    """
    main = graph.main
    part = replace(main, operators=tuple(main.operators[index] for index in left))
    rest = replace(graph, subgraphs=(part, *graph.subgraphs[1:]))
    for finding in (*_custom(rest), *_without_kernel(rest)):
        yield replace(finding, places=tuple(Place.of(main, left[place.operator]) for place in finding.places))


def check_memory(memory: MemoryEstimate, profile: Profile, subject: Subject) -> Iterator[Finding]:
    """What speaks against a model's file and memory: by the very prediction that an estimate tells.

    Args:
        memory: What the model takes.
        profile: The target.
        subject: The model.
    """
    smaller = NARROWER if subject.mostly_integers else SMALLER
    too_long = size_warnings(profile, subject.size_bytes)
    for reason in too_long:
        yield whole("error", "cpu-size", reason, smaller)
    for limit in () if too_long else memory.limits:
        if limit.outcome == "over":
            yield whole("error", "cpu-memory", limit.reason, smaller)
        elif limit.outcome == "unknown" and memory.peak_rss.available:
            yield whole("warning", MEMORY_UNKNOWN, limit.reason, MEASURE)


def _no_runtime(graph: Graph, profile: Profile) -> Finding:
    allowed = " or ".join(f".{name}" for name in profile.formats)
    fix = f"Convert the source for it: edgekit convert MODEL --target TARGET --format {profile.formats[0]}"
    return whole(
        "error",
        "cpu-format",
        f"{profile.name} has no runtime for .{graph.format}; allowed: {allowed}",
        Fix(fix, "format"),
    )


def _about(graph: Graph, severity: Severity, rule: str, reason: str, fix: Fix, concerned: Test) -> Finding:
    main = graph.main
    places = tuple(Place.of(main, i) for i, operator in enumerate(main.operators) if concerned(operator, main))
    macs = sum(
        operator_cost(op, part).macs or 0 for part in graph.subgraphs for op in part.operators if concerned(op, part)
    )
    return Finding(
        severity,
        rule,
        reason,
        fix.text,
        fix.needs,
        places,
        predicted(macs, "MAC", FROM_SHAPES),
        no_accelerator("partition"),
        no_accelerator("byte"),
    )


def whole(severity: Severity, rule: str, reason: str, fix: Fix) -> Finding:
    """A finding about the model as a whole."""
    none = predicted(0, "MAC", FROM_SHAPES)
    there = no_accelerator("partition"), no_accelerator("byte")
    return Finding(severity, rule, reason, fix.text, fix.needs, (), none, *there)


def _operators(graph: Graph) -> Iterable[Operator]:
    return (operator for part in graph.subgraphs for operator in part.operators)


def _tensors(graph: Graph) -> Iterable[Tensor]:
    return (tensor for part in graph.subgraphs for tensor in part.tensors)


SLOW: tuple[tuple[str, str, Fix, Test], ...] = (
    (
        "cpu-int16",
        f"int16 values have no fast kernels: MobileNetV1 0.25 took 78 times as long as in int8, {MEASURED}",
        Fix(f"{INTEGER_SCHEME}; int16x8 is for accelerators, and for accuracy.", "samples"),
        lambda operator, subgraph: _value_type(operator, subgraph) == "int16",
    ),
    (
        "cpu-dynamic-depthwise",
        f"depthwise layers of float by int8 have no fast kernels: MobileNetV1 0.25 took {FLOAT_AND_INT8}, {MEASURED}",
        Fix(f"{INTEGER_SCHEME}; without data take --quantize float16.", "samples"),
        lambda operator, subgraph: operator.name == "DEPTHWISE_CONV_2D" and _mixed(operator, subgraph),
    ),
    (
        "cpu-uint8",
        "uint8 values run on older and slower kernels than int8",
        Fix(f"Convert the float source again: {QUANTIZE}", "samples"),
        lambda operator, subgraph: _value_type(operator, subgraph) == "uint8",
    ),
)
"""Kernels that are slow: rule, reason, fix, and which operators take them."""
