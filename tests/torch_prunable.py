"""PyTorch networks whose channels run through what pruning must follow, and some that it must leave alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from tests.torch_models import Input, conv, seeded

IMAGE = (Input("image", (1, 3, 16, 16)),)
SIGNAL = (Input("signal", (1, 12, 8)),)


def mean(x: torch.Tensor) -> torch.Tensor:
    return functional.adaptive_avg_pool2d(x, 1).flatten(1)


class DenseBlock(nn.Module):
    """Every layer takes what all before it gave."""

    def __init__(self, inputs: int, growth: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(inputs + k * growth), nn.ReLU(), nn.Conv2d(inputs + k * growth, growth, 3, 1, 1)
            )
            for k in range(layers)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return x


class DenseNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 1, 1)
        self.first, self.second = DenseBlock(16, 12, 3), DenseBlock(26, 12, 3)
        self.transition = nn.Sequential(*conv(52, 26, kernel=1), nn.ReLU(), nn.AvgPool2d(2))
        self.norm, self.head = nn.BatchNorm2d(62), nn.Linear(62, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.second(self.transition(self.first(self.stem(image))))
        return self.head(mean(functional.relu(self.norm(x))))


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down1 = nn.Sequential(*conv(3, 16), nn.ReLU())
        self.down2 = nn.Sequential(nn.MaxPool2d(2), *conv(16, 32), nn.ReLU())
        self.bottom = nn.Sequential(nn.MaxPool2d(2), *conv(32, 64), nn.ReLU())
        self.up2, self.join2 = nn.ConvTranspose2d(64, 32, 2, 2), nn.Sequential(*conv(64, 32), nn.ReLU())
        self.up1, self.join1 = nn.ConvTranspose2d(32, 16, 2, 2), nn.Sequential(*conv(32, 16), nn.ReLU())
        self.head = nn.Conv2d(16, 4, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        one = self.down1(image)
        two = self.down2(one)
        x = self.join2(torch.cat([self.up2(self.bottom(two)), two], 1))
        return self.head(self.join1(torch.cat([self.up1(x), one], 1)))


class Excited(nn.Module):
    """Squeeze-and-excitation, PReLU, and group normalization that goes by whole groups."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm, self.act = nn.Conv2d(3, 24, 3, 2, 1), nn.GroupNorm(6, 24), nn.PReLU(24)
        self.squeeze, self.excite = nn.Conv2d(24, 8, 1), nn.Conv2d(8, 24, 1)
        self.last, self.instance = nn.Conv2d(24, 32, 3, 1, 1, bias=False), nn.InstanceNorm2d(32, affine=True)
        self.head = nn.Linear(32, 5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.act(self.norm(self.stem(image)))
        gate = self.excite(functional.relu(self.squeeze(functional.adaptive_avg_pool2d(x, 1))))
        x = self.instance(self.last(x * torch.sigmoid(gate)))
        return self.head(mean(functional.hardswish(x)))


class Grouped(nn.Module):
    """Grouped convolutions, forward and transposed, and a depthwise one that makes two channels of each."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*conv(3, 16), nn.ReLU())
        self.widen = nn.Sequential(*conv(16, 32, groups=16), nn.ReLU())
        self.body = nn.Sequential(*conv(32, 32, kernel=1), nn.ReLU(), *conv(32, 32, groups=8), nn.ReLU())
        self.up = nn.ConvTranspose2d(32, 16, 2, 2, groups=4)
        self.head = nn.Linear(16, 5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(mean(functional.relu(self.up(self.body(self.widen(self.stem(image)))))))


class Shuffled(nn.Module):
    """A channel shuffle, a pixel shuffle, a gated unit, and a flatten before a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.gated = nn.Conv2d(3, 16, 3, 2, 1), nn.Conv2d(16, 32, 1)
        self.up, self.last = nn.Conv2d(16, 48, 3, 1, 1), nn.Conv2d(12, 6, 3, 4, 1)
        self.head = nn.Linear(6 * 4 * 4, 5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.stem(image))
        batch, channels, height, width = x.shape
        x = x.view(batch, 2, channels // 2, height, width).transpose(1, 2).reshape(batch, -1, height, width)
        x = functional.pixel_shuffle(self.up(functional.glu(self.gated(x), 1)), 2)
        return self.head(functional.relu(self.last(x)).flatten(1))


class SplitAttention(nn.Module):
    """Attention by matrix products, whose heads its attributes tell."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.num_heads, self.head_dim = heads, width // heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, _ = x.shape
        shape = (batch, length, self.num_heads, self.head_dim)
        query, key, value = (part(x).view(shape).transpose(1, 2) for part in (self.query, self.key, self.value))
        scores = query @ key.transpose(-2, -1) / self.head_dim**0.5
        return self.out((torch.softmax(scores, -1) @ value).transpose(1, 2).flatten(2))


class FusedAttention(nn.Module):
    """The same from one linear layer, with PyTorch's own attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.inner = heads, width
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width)
        self.size = width // heads

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, _ = x.shape
        query, key, value = self.qkv(x).view(batch, length, 3, self.heads, self.size).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, self.inner))


class SharedAttention(nn.Module):
    """Three heads of queries for each of keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.size = heads, heads // 3, width // heads
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width // 3)
        self.value, self.out = nn.Linear(width, width // 3), nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, _ = x.shape
        query = self.query(x).view(batch, length, self.heads, self.size).transpose(1, 2)
        pair = (
            part(x).view(batch, length, self.kv_heads, self.size).transpose(1, 2) for part in (self.key, self.value)
        )
        key, value = (one.unsqueeze(2).expand(-1, -1, 3, -1, -1).flatten(1, 2) for one in pair)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).flatten(2))


class OwnAttention(nn.Module):
    """`nn.MultiheadAttention` as a module of one's own calls it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.attention(x, x, x)[0]


class TransformerBlock(nn.Module):
    def __init__(self, attention: nn.Module, width: int) -> None:
        super().__init__()
        self.attention, self.norm1, self.norm2 = attention, nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    """Tokens with learned places and a token of their own, through blocks with some kind of attention."""

    def __init__(self, attention: Callable[[int, int], nn.Module]) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 48)
        self.token, self.places = nn.Parameter(torch.randn(1, 1, 48)), nn.Parameter(torch.randn(1, 13, 48))
        self.blocks = nn.Sequential(*(TransformerBlock(attention(48, 6), 48) for _ in range(2)))
        self.norm, self.head = nn.LayerNorm(48), nn.Linear(48, 5)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        x = torch.cat([self.token.expand(signal.shape[0], -1, -1), self.embed(signal)], 1) + self.places
        return self.head(self.norm(self.blocks(x))[:, 0])


class Mixer(nn.Module):
    """Linear layers over channels and over time, by turns."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 24)
        self.over_time = nn.Sequential(nn.Linear(12, 32), nn.GELU(), nn.Linear(32, 12))
        self.over_channels = nn.Sequential(nn.Linear(24, 48), nn.GELU(), nn.Linear(48, 24))
        self.head = nn.Linear(24, 5)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        x = self.embed(signal)
        x = x + self.over_time(x.transpose(1, 2)).transpose(1, 2)
        x = x + self.over_channels(x)
        return self.head(x.mean(1))


class Signal(nn.Module):
    """Convolutions over time before a recurrent layer."""

    def __init__(self, kind: Callable[..., nn.Module]) -> None:
        super().__init__()
        self.convs = nn.Sequential(nn.Conv1d(8, 24, 3, 1, 1), nn.BatchNorm1d(24), nn.ReLU(), nn.Conv1d(24, 16, 3, 1, 1))
        self.cells, self.head = (
            kind(16, 20, batch_first=True),
            nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 5)),
        )

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        steps, _ = self.cells(self.convs(signal.transpose(1, 2)).transpose(1, 2))
        return self.head(steps[:, -1])


class Gated(nn.Module):
    """A root-mean-square norm, as large language models have it, before a gated layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.norm, self.head = nn.Linear(8, 24), nn.RMSNorm(24), nn.Linear(24, 3)
        self.gate, self.up, self.down = nn.Linear(24, 48), nn.Linear(24, 48), nn.Linear(48, 24)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        x = self.embed(signal)
        y = self.norm(x)
        return self.head((x + self.down(functional.silu(self.gate(y)) * self.up(y))).mean(1))


class Weighed(nn.Module):
    """Weights that are computed from others, and a slice of time."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.utils.parametrizations.weight_norm(nn.Conv1d(8, 16, 3))
        self.two, self.head = nn.Conv1d(16, 12, 3), nn.Linear(12, 3)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.one(signal.transpose(1, 2)))
        return self.head(functional.relu(self.two(x))[..., :-1].mean(-1))


class Tied(nn.Module):
    """One matrix for the words going in and coming out, and a layer that is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.twice, self.out = nn.Embedding(40, 24), nn.Linear(24, 24), nn.Linear(24, 40, bias=False)
        self.out.weight = self.words.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.out(torch.tanh(self.twice(torch.tanh(self.twice(self.words(tokens))))))


class Written(nn.Module):
    """Widths written into its forward, a branch over channels, an operator on channels, an unused layer."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.three = nn.Conv2d(3, 16, 3, 2, 1), nn.Conv2d(16, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 2, 1)
        self.fold, self.free, self.head = nn.Linear(32, 20), nn.Linear(20, 20), nn.Linear(20, 5)
        self.unused = nn.Linear(3, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.one(image))
        x = self.two(x / x.amax(1, keepdim=True).clamp_min(1))
        x = functional.relu(self.three(torch.sort(x, 1)[0]))
        return self.head(functional.relu(self.free(functional.relu(self.fold(x.view(-1, 32))))))


Maker = Callable[[], Any]
NETWORKS: Mapping[str, tuple[Maker, tuple[Input, ...]]] = {
    "dense_net": (DenseNet, IMAGE),
    "u_net": (UNet, IMAGE),
    "excited": (Excited, IMAGE),
    "grouped": (Grouped, IMAGE),
    "shuffled": (Shuffled, IMAGE),
    "split_attention": (lambda: Transformer(SplitAttention), SIGNAL),
    "fused_attention": (lambda: Transformer(FusedAttention), SIGNAL),
    "own_attention": (lambda: Transformer(OwnAttention), SIGNAL),
    "shared_attention": (lambda: Transformer(SharedAttention), SIGNAL),
    "mixer": (Mixer, SIGNAL),
    "lstm_signal": (lambda: Signal(nn.LSTM), SIGNAL),
    "gru_signal": (lambda: Signal(nn.GRU), SIGNAL),
    "tied": (Tied, (Input("tokens", (1, 9), "int64"),)),
    "written": (Written, IMAGE),
    "weighed": (Weighed, SIGNAL),
}


def make(name: str) -> nn.Module:
    """One of the networks, with the same weights each time."""
    return seeded(*NETWORKS[name])
