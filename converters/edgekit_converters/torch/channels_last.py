"""Write what a module does with images so that litert-torch leaves no transpose around its convolutions.

litert-torch keeps values channels last from one convolution to the next as long as they have four axes. A mean that
drops the axes of an image, a flatten before a dense layer and a norm by the image's own statistics, which it takes
apart in five axes, are written otherwise here while a module is traced. They compute the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from edgekit_converters.torch.layout import CHANNELS_LAST

CHANNELS_FIRST = (0, 3, 1, 2)
aten = torch.ops.aten  # a .pt2 program calls operators, and code functions
REDUCTIONS = (
    *(torch.mean, torch.Tensor.mean, aten.mean.dim),
    *(torch.sum, torch.Tensor.sum, aten.sum.dim_IntList),
    *(torch.amax, torch.Tensor.amax, aten.amax.default),
    *(torch.amin, torch.Tensor.amin, aten.amin.default),
)
FLATTENS = (
    *(torch.flatten, torch.Tensor.flatten, aten.flatten.using_ints),
    *(torch.reshape, torch.Tensor.reshape, aten.reshape.default),
    *(torch.Tensor.view, aten.view.default),
)
DROPOUTS = (functional.dropout, torch.dropout, aten.dropout.default)  # a module that is exported drops nothing
DENSE = (functional.linear, aten.linear.default)
GROUP_NORMS = (functional.group_norm, torch.group_norm, aten.group_norm.default)
INSTANCE_NORMS = (torch.instance_norm, aten.instance_norm.default)
PIXELS = (2, -1, (2,), (-1,), [2], [-1])  # the last axis of an image whose pixels lie in a row


class ChannelsLast(TorchFunctionMode):  # type: ignore[misc]  # torch ships no types that this project reads
    """Rewrites the functions that a module in evaluation mode calls while it is in force, for one run."""

    def __init__(self) -> None:
        super().__init__()
        self._images: dict[int, Any] = {}  # of which a tensor is a flat view
        self._alive: list[Any] = []

    def __torch_function__(self, func: Any, types: object, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        """Run one function, or what computes the same."""
        kwargs = kwargs or {}
        if not args or not isinstance(args[0], torch.Tensor):
            return func(*args, **kwargs)
        image = self._images.get(id(args[0]))
        if func in DENSE and image is not None and args[0].ndim == 2:
            return _dense(func, image, args, kwargs)
        norm = _norm(func, args, kwargs) if args[0].ndim == 4 else None
        if norm is not None:
            return norm
        result = func(*args, **kwargs)
        if func in REDUCTIONS:
            return _reduce(func, image, result, args, kwargs)
        if func in FLATTENS and _is_flat_view(args[0], result):
            self._keep(result, args[0])
        elif func in DROPOUTS and image is not None:
            self._keep(result, image)
        return result

    def _keep(self, flat: Any, image: Any) -> None:
        self._images[id(flat)] = image
        self._alive.append(flat)  # an id is given anew once its tensor is gone


def _is_flat_view(image: Any, result: Any) -> bool:
    """Whether a result is an image's values in a row, or each channel's; only of a view both see what is written."""
    if image.ndim != 4 or not image.is_contiguous() or not isinstance(result, torch.Tensor):
        return False
    count, channels, rows, columns = image.shape
    return tuple(result.shape) in ((count, channels * rows * columns), (count, channels, rows * columns))


def _dense(func: Any, image: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """A dense layer on an image in a row: channels last, and the columns of its weights likewise."""
    rest = {key: value for key, value in kwargs.items() if key != "weight"}
    weight = args[1] if len(args) > 1 else kwargs["weight"]
    columns = weight.reshape(-1, *image.shape[1:]).permute(CHANNELS_LAST).reshape(weight.shape)
    return func(image.permute(CHANNELS_LAST).reshape(args[0].shape), columns, *args[2:], **rest)


def _reduce(func: Any, image: Any, result: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """A mean or the like of an image with its axes kept, which are dropped behind it."""
    dim = kwargs.get("dim", kwargs.get("axis", args[1] if len(args) > 1 else None))
    given = args[0]
    if image is not None and given.ndim == 3 and dim in PIXELS:
        given, dim = image, (2, 3)
    if dim is None or given.ndim != 4 or result.ndim == 4:
        return result
    rest = {key: value for key, value in kwargs.items() if key not in ("dim", "axis", "keepdim")}
    return func(given, dim, True, **rest).reshape(result.shape)


def _norm(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """What a norm by an image's own statistics gives; `None` where the function is none."""
    channels = args[0].shape[1]
    if func in GROUP_NORMS:
        return _group_norm(*args, **kwargs)
    if func is functional.instance_norm and kwargs.get("running_mean") is None:
        return _group_norm(args[0], channels, kwargs.get("weight"), kwargs.get("bias"), kwargs.get("eps", 1e-5))
    if func in INSTANCE_NORMS and args[3] is None:
        return _group_norm(args[0], channels, args[1], args[2], args[7])
    return None


def _group_norm(
    image: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5, *_cudnn: bool, **_more: bool
) -> Any:
    """A group norm on pixels in a row, channels last, whose statistics are means of the channels' own."""
    count, channels, rows, columns = image.shape
    pixels = image.permute(CHANNELS_LAST).reshape(count, rows * columns, channels)
    centred = pixels - _over_groups(pixels.mean(1, keepdim=True), num_groups)
    variance = _over_groups((centred * centred).mean(1, keepdim=True), num_groups)
    result = centred * torch.rsqrt(variance + eps)
    result = result if weight is None else result * weight
    result = result if bias is None else result + bias
    return result.reshape(count, rows, columns, channels).permute(CHANNELS_FIRST)


def _over_groups(values: Any, groups: int) -> Any:
    """The mean over each group of channels, which are all equally large, for each channel; `(N, 1, C)`."""
    count, _, channels = values.shape
    means = values.reshape(count, groups, channels // groups).mean(2, keepdim=True)
    return means.expand(count, groups, channels // groups).reshape(values.shape)
