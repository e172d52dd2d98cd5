"""Attention whose heads need not make up the width of what it is given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional


class CutAttention(nn.MultiheadAttention):  # type: ignore[misc]  # torch ships no types that this project reads
    """`nn.MultiheadAttention` that can lose heads, and channels of what it is given; it has the same parameters.

    PyTorch's own takes the width of a head to be the width of its input by the number of heads.
    """

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,  # noqa: ARG002  # PyTorch's own signature; the mask says the same
    ) -> tuple[Any, Any]:
        """See `nn.MultiheadAttention`."""
        alone = query.ndim == 2
        along = 0 if alone or self.batch_first else 1
        if alone:
            query, key, value = (one.unsqueeze(0) for one in (query, key, value))
        elif not self.batch_first:
            query, key, value = (one.transpose(0, 1) for one in (query, key, value))
        queries, keys, values = (self._heads(one) for one in self._project(query, key, value))
        mask = _added(attn_mask, key_padding_mask, queries)
        if need_weights:
            mixed, weights = _weighed(queries, keys, values, mask)
            weights = weights.mean(1) if average_attn_weights else weights
        else:
            mixed, weights = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask), None
        given = self.out_proj(mixed.transpose(1, 2).flatten(2))
        if alone:
            return given.squeeze(0), None if weights is None else weights.squeeze(0)
        return given.transpose(0, 1) if along else given, weights

    def _project(self, query: Any, key: Any, value: Any) -> tuple[Any, ...]:
        weight, bias = self.in_proj_weight, self.in_proj_bias
        if query is key and key is value:
            return tuple(functional.linear(query, weight, bias).chunk(3, -1))
        biases = (None,) * 3 if bias is None else bias.chunk(3)
        parts = zip((query, key, value), weight.chunk(3), biases, strict=True)
        return tuple(functional.linear(one, *parameters) for one, *parameters in parts)

    def _heads(self, tensor: Any) -> Any:
        batch, length, _ = tensor.shape
        return tensor.view(batch, length, self.num_heads, self.head_dim).transpose(1, 2)


def _weighed(query: Any, key: Any, value: Any, mask: Any) -> tuple[Any, Any]:
    scores = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5
    weights = torch.softmax(scores if mask is None else scores + mask, -1)
    return weights @ value, weights


def _added(attention: Any, padding: Any, queries: Any) -> Any:
    """Both masks as one that is added to the scores; where one is true, nothing is looked at."""
    masks = [_as_numbers(mask, queries.dtype) for mask in (attention, padding)]
    if masks[1] is not None:
        masks[1] = masks[1][..., None, None, :]
    if masks[0] is not None and masks[0].ndim == 3:
        masks[0] = masks[0].unflatten(0, (queries.shape[0], -1))  # one for each head of each sample
    found = [mask for mask in masks if mask is not None]
    return sum(found[1:], found[0]) if found else None


def _as_numbers(mask: Any, dtype: Any) -> Any:
    if mask is None or mask.dtype != torch.bool:
        return mask
    return torch.zeros_like(mask, dtype=dtype).masked_fill(mask, float("-inf"))


def attentions(module: Any) -> Iterator[Any]:
    """The parts that can become `CutAttention`: queries, keys and values of one width, and nothing added to keys."""
    for part in module.modules():
        plain = type(part) is nn.MultiheadAttention and part._qkv_same_embed_dim
        if plain and part.bias_k is None and not part.add_zero_attn:
            yield part


@contextmanager
def followed(module: Any) -> Iterator[None]:
    """While the block runs, attention is such that channels can be followed through it."""
    parts = list(attentions(module))
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        for part in parts:
            become_cut(part)
        yield
    finally:
        for part in parts:
            part.__class__ = nn.MultiheadAttention
            part._qkv_same_embed_dim = True
        torch.backends.mha.set_fastpath_enabled(fast)


def become_cut(part: Any) -> None:
    """Turn `nn.MultiheadAttention` into `CutAttention`."""
    part.__class__ = CutAttention
    part._qkv_same_embed_dim = False  # layers around it look at this, and then call it instead of doing its work
