"""Real numbers to a tensor's stored form and back, by scale and zero point."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from edgekit_runtime.tensor import Quantization, TensorSpec

BYTES = ("uint8", "int8")
BYTE_KINDS = "Bb"  # numpy's letters for them
KEPT = 16  # tensors


def storable(values: np.ndarray, spec: TensorSpec) -> bool:
    """Whether every value has a stored form: NaN has none among integers, nor a fraction without a scale.

    Args:
        values: Real values, of any shape.
        spec: The tensor that is to take them.
    """
    dtype = np.dtype(spec.dtype)
    if dtype.kind not in "iub":
        return True
    if spec.quantization is not None:  # what lies outside the range is clipped
        return values.dtype.kind in "iub" or not np.isnan(values).any()
    with np.errstate(invalid="ignore"):
        return bool(np.array_equal(values.astype(dtype), values))


def store(values: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Bring real values into a tensor's type; integers without a scale are only cast.

    Args:
        values: Real values of the tensor's shape, such as `(N, H, W, C)`.
        spec: The tensor that takes them.
    """
    if spec.quantization is None:
        return np.asarray(values, dtype=spec.dtype, order="C")
    if values.dtype.char in BYTE_KINDS and spec.dtype in BYTES and spec.quantization.axis is None:
        content = bytearray(np.ascontiguousarray(values)).translate(_stored_bytes(values.dtype.char, spec))
        return np.ndarray(values.shape, spec.dtype, content)
    return _computed(values, spec, spec.quantization)


@lru_cache(maxsize=KEPT)
def _stored_bytes(kind: str, spec: TensorSpec) -> bytes:
    """What each byte of a type becomes: pixels are looked up in a quarter of the time that computing them takes."""
    assert spec.quantization is not None
    every = np.arange(256, dtype=np.uint8).view(kind)
    return _computed(every, spec, spec.quantization).tobytes()


def _computed(values: np.ndarray, spec: TensorSpec, quantization: Quantization) -> np.ndarray:
    scale, zero_point = _broadcast(quantization, values.ndim)
    limits = np.iinfo(spec.dtype)
    # One array of float64, worked on in place: several would be given back to the system and fetched again each time.
    steps = np.asarray(np.divide(values, scale, dtype=np.float64))
    np.rint(steps, out=steps)
    steps += zero_point
    np.clip(steps, limits.min, limits.max, out=steps)
    return steps.astype(spec.dtype)


def restore(values: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Turn a tensor's stored values into real ones, as float32; others stay as they are."""
    if spec.quantization is None:
        return values
    scale, zero_point = _broadcast(spec.quantization, values.ndim)
    return np.asarray((values.astype(np.float64) - zero_point) * scale, dtype=np.float32)


@lru_cache(maxsize=KEPT)
def _broadcast(quantization: Quantization, rank: int) -> tuple[np.ndarray, np.ndarray]:
    scale = np.asarray(quantization.scale, np.float64)
    zero_point = np.asarray(quantization.zero_point, np.float64)
    if quantization.axis is not None and scale.size > 1:
        shape = [1] * rank
        shape[quantization.axis] = -1
        return scale.reshape(shape), zero_point.reshape(shape)
    return scale.reshape(()), zero_point.reshape(())  # a scalar tensor stays one
