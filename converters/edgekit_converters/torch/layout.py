"""Which inputs and outputs are images to the convolutions, and so lie channels last in a .tflite file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

CHANNELS_LAST = (0, 2, 3, 1)
# TFLite has these with channels last only, so each of them would stand between two transposes.
IMAGE_OPERATORS = (
    "convolution",
    "max_pool2d_with_indices",
    "avg_pool2d",
    "_adaptive_avg_pool2d",
    "upsample_nearest2d",
    "upsample_bilinear2d",
    "native_batch_norm",
    "_native_batch_norm_legit_no_training",
)
# What these do to an image, they do whatever the order of its axes; so does whatever torch tags as pointwise.
INDIFFERENT = (
    *("cat", "constant_pad_nd", "clone", "_to_copy", "detach", "alias"),
    *("hardswish", "hardswish_", "_prelu_kernel"),  # pointwise, but not tagged as such in 2.13
)


class LayoutWatch(TorchDispatchMode):  # type: ignore[misc]  # torch ships no types that this project reads
    """Follows tensors with four axes through a run of a module.

    Args:
        inputs: The tensors that it is given, by name.
    """

    def __init__(self, inputs: Mapping[str, Any]) -> None:
        super().__init__()
        self._origins = {id(tensor): frozenset({name}) for name, tensor in inputs.items() if tensor.ndim == 4}
        self._images: set[int] = set()
        self._alive: list[Any] = []
        self._image_inputs: set[str] = set()

    @property
    def image_inputs(self) -> frozenset[str]:
        """Names of the inputs that an operator on images takes, directly or after steps that keep their shape."""
        return frozenset(self._image_inputs)

    def is_image(self, tensor: Any) -> bool:
        """Whether a tensor came out of an operator on images, likewise."""
        return tensor.ndim == 4 and id(tensor) in self._images

    def __torch_dispatch__(self, func: Any, types: object, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        """Run one operator, and note what it does to its tensors."""
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in IMAGE_OPERATORS:
            self._follow(list(_four_axes(args)), list(_four_axes(result)), image=True)
        elif name in INDIFFERENT or torch.Tag.pointwise in func.tags:
            self._follow(list(_four_axes(args)), list(_four_axes(result)), image=False)
        return result

    def _follow(self, given: list[Any], got: list[Any], *, image: bool) -> None:
        origins = frozenset[str]().union(*(self._origins.get(id(tensor), frozenset()) for tensor in given))
        if image:
            self._image_inputs |= origins
        image = image or any(id(tensor) in self._images for tensor in given)
        for tensor in got:
            self._alive.append(tensor)  # an id is given anew once its tensor is gone
            if image:
                self._images.add(id(tensor))
            if origins:
                self._origins[id(tensor)] = origins


def _four_axes(values: object) -> Iterable[Any]:
    return (value for value in tree_leaves(values) if isinstance(value, torch.Tensor) and value.ndim == 4)
