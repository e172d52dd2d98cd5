"""What a model takes and gives: names, shapes, types, quantization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Quantization:
    """Affine quantization: real = scale * (stored - zero_point).

    Attributes:
        scale: One scale, or one for each channel.
        zero_point: As many as there are scales.
        axis: The channel axis; `None` for a single scale.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: Optional[int] = None


@dataclass(frozen=True)
class TensorSpec:
    """A tensor at the border of a model.

    Attributes:
        name: Its name.
        shape: Its shape with the batch axis first, such as `(N, H, W, C)`; -1 is a free axis. A first axis
            that is neither free nor 1 is no batch axis: the tensor as a whole belongs to one sample.
        dtype: Its numpy type, such as `float32`.
        quantization: How integers stand for real numbers; `None` for a float tensor.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Optional[Quantization] = None

    @property
    def batched(self) -> bool:
        """Whether the first axis is a batch axis; a recurrent model's state, say, may have none."""
        return self.shape[:1] in ((-1,), (1,))

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape of one sample, without the batch axis."""
        return self.shape[1:] if self.batched else self.shape
