"""Batch norms of PyTorch that follow a short training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.nn.modules.batchnorm import _BatchNorm

from edgekit_converters.compress.schedule import least_share


@contextmanager
def quickened(module: Any, batch: int) -> Iterator[None]:
    """While the block runs, the running statistics of batch norms take at least `least_share` of each batch.

    Args:
        module: The module; norms without a momentum take all batches alike, and are left so.
        batch: Samples in a step.
    """
    before = [(part, part.momentum) for part in module.modules() if isinstance(part, _BatchNorm)]
    for part, momentum in before:
        if momentum is not None:
            part.momentum = max(momentum, least_share(batch))
    try:
        yield
    finally:
        for part, momentum in before:
            part.momentum = momentum
