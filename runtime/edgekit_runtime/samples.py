"""One sample of the source to the file's tensor and back: batch axis, order of axes, type and scale."""

from __future__ import annotations

import numpy as np

from edgekit_runtime.affine import restore, store
from edgekit_runtime.manifest import Binding
from edgekit_runtime.tensor import TensorSpec


def stored_input(sample: np.ndarray, binding: Binding) -> np.ndarray:
    """One sample as the file takes it.

    Args:
        sample: Real values as the source takes them, without batch axis, such as `(H, W, C)`.
        binding: Whose input it is.
    """
    return store(in_file_order(sample, binding), binding.stored)


def in_file_order(sample: np.ndarray, binding: Binding) -> np.ndarray:
    """One sample with its batch axis, its axes in the file's order; values and type are left as they are.

    Args:
        sample: As the source takes it, without batch axis.
        binding: Whose input it is.
    """
    value = sample[None] if binding.source.batched else np.asarray(sample)
    return value if binding.order is None else value.transpose(binding.order)


def stored_sample(value: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """The one sample of a tensor of the file: without batch axis, the axes in the file's order.

    Args:
        value: What the interpreter gave, such as `(1, H, W, C)`.
        spec: Its tensor, as the source or the file has it.
    """
    return value[0] if spec.batched else value


def real_samples(values: np.ndarray, binding: Binding) -> np.ndarray:
    """Stored samples as the source would give them, as real values.

    Args:
        values: Several of what `stored_sample` gives, `(N, ...)`.
        binding: Whose output they are.
    """
    if binding.source.batched:
        real = restore(values, binding.stored)
        if binding.order is None:
            return real
        return real.transpose(np.argsort(binding.order))
    real = np.stack([restore(value, binding.stored) for value in values])
    if binding.order is None:
        return real
    return real.transpose(0, *(1 + np.argsort(binding.order)))
