"""How many bytes weights take in the memory of an Ethos-U: its compiler packs them without loss."""

from __future__ import annotations

from edgekit_targets.estimate.work import Load
from edgekit_targets.graph.graph import Subgraph

SCALE_BYTES = 10  # scale and bias of a channel of an output (ethos-u-vela 5.2.0, npu_performance.py)
# Over the entropy of single values; Vela's own packing took 1.05 to 1.34 of it in six networks for six accelerators,
# the most where a small network is spread over many cores.
PACKING = 1.06
BITS = 8


def encoded_bytes(load: Load, graph: Subgraph) -> float:
    """Bytes of an operator's packed weights, scales and biases, by the entropy of its values.

    Args:
        load: The operator.
        graph: The graph around it.
    """
    if not load.macs:
        return float(load.weight_bytes)
    operator = graph.operators[load.place]
    outputs, weights = graph.tensors_of(operator.outputs[:1]), graph.tensors_of(operator.inputs[1:2])
    scales = SCALE_BYTES * (outputs[0].shape[-1] if outputs and outputs[0].shape else 0)
    if not weights or weights[0].data is None or weights[0].dtype not in ("int8", "uint8"):
        return float(load.weight_bytes + scales)
    return PACKING * _entropy_bits(weights[0].data) / BITS + scales


def _entropy_bits(data: memoryview) -> float:
    import numpy as np

    counts = np.bincount(np.frombuffer(data, np.uint8))
    counts = counts[counts > 0]
    return float(np.sum(counts * np.log2(data.nbytes / counts)))
