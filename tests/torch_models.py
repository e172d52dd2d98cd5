"""Small PyTorch models of every kind that is converted; each `make_NAME()` gives the same weights each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

WORDS, LENGTH, WIDTH, HEADS = 64, 12, 32, 4


@dataclass(frozen=True)
class Input:
    """One input of a model."""

    name: str
    shape: tuple[int, ...]  # with the batch axis, 1
    dtype: str = "float32"

    @property
    def option(self) -> str:
        """As `--shape` takes it."""
        return f"{self.name}={','.join(map(str, self.shape))}"


INPUTS: Mapping[str, tuple[Input, ...]] = {
    "small_cnn": (Input("image", (1, 3, 32, 32)),),
    "residual_cnn": (Input("image", (1, 3, 32, 32)),),
    "mobilenet_v2": (Input("image", (1, 3, 64, 64)),),
    "lstm": (Input("signal", (1, 16, 8)),),
    "gru": (Input("signal", (1, 16, 8)),),
    "text_classifier": (Input("tokens", (1, LENGTH), "int64"),),
    "vit": (Input("image", (1, 3, 32, 32)),),
    "decoder": (Input("tokens", (1, LENGTH), "int64"),),
    "autoencoder": (Input("image", (1, 1, 32, 32)),),
    "two_in_three_out": (Input("image", (1, 3, 16, 16)), Input("extra", (1, 6))),
}


def samples(name: str, count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Random inputs of a model, `(count, ...)` by name."""
    random = np.random.default_rng(seed)
    return {one.name: _values(one, count, random) for one in INPUTS[name]}


def _values(one: Input, count: int, random: np.random.Generator) -> np.ndarray:
    shape = (count, *one.shape[1:])
    if one.dtype == "int64":
        return random.integers(0, WORDS, shape)
    return random.normal(size=shape).astype(np.float32)


def conv(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    bare = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [bare, nn.BatchNorm2d(outputs)]


class Block(nn.Module):
    """A residual block, as ResNet has it."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*conv(inputs, outputs, stride=stride), nn.ReLU(), *conv(outputs, outputs))
        same = stride == 1 and inputs == outputs
        self.short = nn.Identity() if same else nn.Sequential(*conv(inputs, outputs, kernel=1, stride=stride))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.body(x) + self.short(x))


class InvertedResidual(nn.Module):
    """A block of MobileNetV2: expand, depthwise, project."""

    def __init__(self, inputs: int, outputs: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = inputs * expand
        first = [*conv(inputs, hidden, kernel=1), nn.ReLU6()] if expand != 1 else []
        depthwise = [*conv(hidden, hidden, stride=stride, groups=hidden), nn.ReLU6()]
        self.body = nn.Sequential(*first, *depthwise, *conv(hidden, outputs, kernel=1))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x) if self.residual else self.body(x)


class MobileNetV2(nn.Module):
    """MobileNetV2 (Sandler et al., 2018, table 2) of any width."""

    BLOCKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))

    def __init__(self, width: float = 1.0, classes: int = 1000) -> None:
        super().__init__()

        def scaled(channels: int) -> int:
            return max(8, int(channels * width + 4) // 8 * 8)

        inputs = scaled(32)
        layers: list[nn.Module] = [*conv(3, inputs, stride=2), nn.ReLU6()]
        for expand, channels, repeats, stride in self.BLOCKS:
            for place in range(repeats):
                layers.append(InvertedResidual(inputs, scaled(channels), stride if place == 0 else 1, expand))
                inputs = scaled(channels)
        last = max(1280 if width >= 1 else 128, scaled(1280) if width > 1 else 0)
        self.features = nn.Sequential(*layers, *conv(inputs, last, kernel=1), nn.ReLU6())
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(last, classes))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = functional.adaptive_avg_pool2d(self.features(image), 1)
        return self.classifier(torch.flatten(x, 1))


class SmallCnn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *conv(3, 16), nn.ReLU(), nn.MaxPool2d(2), *conv(16, 32), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 32, 3)
        )
        self.head = nn.Linear(32 * 6 * 6, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(torch.flatten(functional.relu(self.features(image)), 1))


class ResidualCnn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*conv(3, 16), nn.ReLU())
        self.blocks = nn.Sequential(Block(16, 16, 1), Block(16, 32, 2), Block(32, 32, 1))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(32, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.pool(self.blocks(self.stem(image))).flatten(1))


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.LSTM] | type[nn.GRU]) -> None:
        super().__init__()
        self.cells = kind(8, 24, batch_first=True)
        self.head = nn.Linear(24, 6)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        steps, _ = self.cells(signal)
        return self.head(steps[:, -1])


class Attention(nn.Module):
    """Attention of several heads; with `causal`, no token sees a later one."""

    def __init__(self, causal: bool) -> None:
        super().__init__()
        self.queries_keys_values, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.causal = causal

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, _ = x.shape
        parts = self.queries_keys_values(x).view(batch, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2], is_causal=self.causal)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, WIDTH))


class Layer(nn.Module):
    """A transformer's layer, normalised first."""

    def __init__(self, causal: bool = False) -> None:
        super().__init__()
        self.norm1, self.attention, self.norm2 = nn.LayerNorm(WIDTH), Attention(causal), nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Tokens(nn.Module):
    """Embeddings of tokens and of their places."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(WORDS, WIDTH), nn.Embedding(LENGTH, WIDTH)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.words(tokens) + self.places(torch.arange(tokens.shape[1], device=tokens.device))


class TextClassifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = Tokens()
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, activation="gelu", batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(WIDTH, 4)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.layers(self.embed(tokens)).mean(1))


class Vit(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, 8, 8)
        self.token, self.places = nn.Parameter(torch.randn(1, 1, WIDTH)), nn.Parameter(torch.randn(1, 17, WIDTH))
        self.layers = nn.Sequential(Layer(), Layer())
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.patches(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        return self.head(self.norm(self.layers(x))[:, 0])


class Decoder(nn.Module):
    """One pass over a prompt: logits of the next word for each place."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = Tokens()
        self.layers = nn.Sequential(Layer(causal=True), Layer(causal=True))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WORDS, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.layers(self.embed(tokens))))


class Autoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Sequential(*conv(1, 8, stride=2), nn.ReLU(), *conv(8, 16, stride=2), nn.ReLU())
        self.decode = nn.Sequential(
            nn.ConvTranspose2d(16, 8, 2, 2), nn.ReLU(), nn.Upsample(scale_factor=2), nn.Conv2d(8, 1, 3, padding=1)
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.decode(self.encode(image)))


class TwoInThreeOut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(*conv(3, 12, stride=2), nn.ReLU())
        self.extra = nn.Linear(6, 12)
        self.classes, self.boxes = nn.Linear(12, 5), nn.Linear(12, 4)

    def forward(self, image: torch.Tensor, extra: torch.Tensor) -> dict[str, torch.Tensor]:
        features = self.features(image)
        joint = functional.adaptive_avg_pool2d(features, 1).flatten(1) + torch.tanh(self.extra(extra))
        return {"classes": self.classes(joint), "boxes": torch.sigmoid(self.boxes(joint)), "features": features}


class LeNet(nn.Module):
    """The network that Captum's `cifar_torchvision.pt` holds the weights of."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.pool = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5), nn.MaxPool2d(2, 2)
        self.fc1, self.fc2, self.fc3 = nn.Linear(16 * 5 * 5, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(functional.relu(self.conv1(x)))
        x = self.pool(functional.relu(self.conv2(x)))
        x = functional.relu(self.fc1(x.view(-1, 16 * 5 * 5)))
        return self.fc3(functional.relu(self.fc2(x)))


class PaddedBlock(nn.Module):
    """A residual block with shortcuts of option A (He et al., 2015): every second place, new channels zero."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, outputs, stride=stride)
        self.conv2, self.bn2 = conv(outputs, outputs)
        self.grows = outputs - inputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        if self.grows:
            x = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.grows // 2, self.grows // 2))
        return functional.relu(y + x)


class ResNet20(nn.Module):
    """ResNet20 for CIFAR-10, under the names that `resnet20-12fca82f.th` has for its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(3, 16)
        self.layer1 = nn.Sequential(*(PaddedBlock(16, 16, 1) for _ in range(3)))
        self.layer2 = nn.Sequential(PaddedBlock(16, 32, 2), PaddedBlock(32, 32, 1), PaddedBlock(32, 32, 1))
        self.layer3 = nn.Sequential(PaddedBlock(32, 64, 2), PaddedBlock(64, 64, 1), PaddedBlock(64, 64, 1))
        self.linear = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layer3(self.layer2(self.layer1(functional.relu(self.bn1(self.conv1(x))))))
        x = functional.avg_pool2d(x, x.shape[3])
        return self.linear(x.view(x.shape[0], -1))


def seeded(make: Callable[[], nn.Module], inputs: tuple[Input, ...]) -> nn.Module:
    """A module with fixed weights, whose batch norms have seen samples: else activations vanish layer by layer."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = make()
        norms = [part for part in model.modules() if isinstance(part, nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = None  # the plain mean of what it sees
        if norms:
            with torch.no_grad():
                model.train()(*(torch.randn(16, *one.shape[1:]) for one in inputs))
    return model.eval()


def make_small_cnn() -> nn.Module:
    return seeded(SmallCnn, INPUTS["small_cnn"])


def make_residual_cnn() -> nn.Module:
    return seeded(ResidualCnn, INPUTS["residual_cnn"])


def make_mobilenet_v2() -> nn.Module:
    return seeded(lambda: MobileNetV2(0.25, 10), INPUTS["mobilenet_v2"])


def make_lstm() -> nn.Module:
    return seeded(lambda: Recurrent(nn.LSTM), INPUTS["lstm"])


def make_gru() -> nn.Module:
    return seeded(lambda: Recurrent(nn.GRU), INPUTS["gru"])


def make_text_classifier() -> nn.Module:
    return seeded(TextClassifier, INPUTS["text_classifier"])


def make_vit() -> nn.Module:
    return seeded(Vit, INPUTS["vit"])


def make_decoder() -> nn.Module:
    return seeded(Decoder, INPUTS["decoder"])


def make_autoencoder() -> nn.Module:
    return seeded(Autoencoder, INPUTS["autoencoder"])


def make_two_in_three_out() -> nn.Module:
    return seeded(TwoInThreeOut, INPUTS["two_in_three_out"])


MAKERS: Mapping[str, Callable[[], nn.Module]] = {name: globals()[f"make_{name}"] for name in INPUTS}
