"""All operators of a module that an exporter lacks, where it names the first alone.

Both exporters keep their tables to themselves; their versions are pinned, and where the tables have moved all the
same, nothing is found here and the first operator is still told.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable
from typing import Any

import torch

from edgekit_converters.torch.border import Border

FIRST = re.compile(r"Lowering not found: ([\w.]+)|No ONNX function found for <OpOverload\(op='([\w.]+)'")


def first_lacking(error: BaseException) -> str:
    """The operator that an exporter's error names; empty where it is about something else."""
    found = FIRST.search(str(error)) or (FIRST.search(str(error.__cause__)) if error.__cause__ else None)
    return (found[1] or found[2]).removesuffix(".default") if found else ""


def lacking_in_tflite(border: Border) -> tuple[str, ...]:
    """Operators that litert-torch does not lower."""
    try:
        from litert_torch import fx_infra
        from litert_torch.backend import lowerings

        program = torch.export.export(border, (), kwargs=border.samples())
        for decompositions in (fx_infra.decomp.pre_convert_decomp(), fx_infra.decomp.pre_lower_decomp()):
            program = fx_infra.safe_run_decompositions(program, decompositions, can_skip=False)
        return _names(one for one in _targets(program) if lowerings.lookup(one) is None)
    except Exception:  # noqa: BLE001  # told at the top
        return ()


def lacking_in_onnx(border: Border) -> tuple[str, ...]:
    """Operators that PyTorch's exporter has no ONNX function for."""
    try:
        from torch.onnx._internal.exporter._fx_passes import decompose_with_registry
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        registry = ONNXRegistry.from_torchlib()
        program = decompose_with_registry(torch.export.export(border, (), kwargs=border.samples()), registry)
        return _names(one for one in _targets(program) if not registry.is_registered(one))
    except Exception:  # noqa: BLE001  # told at the top
        return ()


def _targets(program: Any) -> set[Any]:
    return {node.target for node in program.graph.nodes if node.op == "call_function"} - {operator.getitem}


def _names(targets: Iterable[Any]) -> tuple[str, ...]:
    return tuple(sorted({str(target).removesuffix(".default") for target in targets}))
