"""The intermediate values of an exported file for one sample."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgekit_converters.binding import open_exported
from edgekit_converters.parting import Activation
from edgekit_converters.source import SourceInfo
from edgekit_runtime.interpreter import detect_format
from edgekit_runtime.samples import in_file_order
from edgekit_targets.graph.read import read_graph


def exported_activations(model: Path, info: SourceInfo, sample: Mapping[str, np.ndarray]) -> tuple[Activation, ...]:
    """What each operator of a float file gives.

    Args:
        model: The file.
        info: The source that it was exported from.
        sample: Inputs by name, without batch axis, as the source takes them.

    Raises:
        ModelError: The interpreter refuses the file.
    """
    border = open_exported(model, info)[1]
    bindings = [border.inputs[place] for place in border.file_order]
    values = tuple(
        np.asarray(in_file_order(sample[b.source.name], b), dtype=b.stored.dtype, order="C") for b in bindings
    )
    found = _tensors(model, values)
    main = read_graph(model).main
    activations = []
    for operator in main.operators:
        inputs = tuple(main.tensors[place].name for place in operator.inputs if place is not None)
        outputs = [main.tensors[place].name for place in operator.outputs if place is not None]
        activations += [
            Activation(name, operator.name, tuple(i for i in inputs if i in found), found[name])
            for name in outputs
            if name in found
        ]
    return tuple(activations)


def _tensors(model: Path, values: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    if detect_format(model) == "onnx":
        from edgekit_converters.onnx.tensors import open_tensors

        return {spec.name: value for spec, value in open_tensors(model).run(values)}
    from edgekit_runtime.litert import TensorReader

    return {spec.name: value for spec, value in TensorReader(str(model)).run(values)}
