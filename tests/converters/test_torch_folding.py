"""edgekit_converters.torch.folding: a module computes the same without its batch norms, and has them again after."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from edgekit_converters.torch.folding import folded_norms
from tests.torch_models import MobileNetV2

X = torch.rand((1, 3, 12, 12), generator=torch.Generator().manual_seed(1))


def trained(module: nn.Module) -> nn.Module:
    """In evaluation mode, with statistics and weights of its norms that do something."""
    torch.manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            if part.affine:
                nn.init.uniform_(part.weight, 0.5, 2)
                nn.init.normal_(part.bias)
            if part.running_mean is not None:
                nn.init.normal_(part.running_mean)
                nn.init.uniform_(part.running_var, 0.5, 2)
    return module.eval()


def outputs(module: nn.Module) -> list[torch.Tensor]:
    with torch.no_grad():
        found = module(X)
    return list(found) if isinstance(found, tuple) else [found]


def norms_left(module: nn.Module) -> int:
    program = torch.export.export(module, (X,))
    return sum("batch_norm" in str(node.target) for node in program.graph.nodes)


class Base(nn.Module):
    def __init__(self, conv: nn.Module | None = None, norm: nn.Module | None = None) -> None:
        super().__init__()
        self.conv = conv or nn.Conv2d(3, 3, 3, padding=1)
        self.norm = norm or nn.BatchNorm2d(3)

    def forward(self, x):
        return self.norm(self.conv(x))


class ReadTwice(Base):
    def forward(self, x):
        y = self.conv(x)
        return self.norm(y) + y


class Returned(Base):
    def forward(self, x):
        y = self.conv(x)
        return self.norm(y), y


class ConvolvesTwice(Base):
    def forward(self, x):
        return self.norm(self.conv(x)) + torch.relu(self.conv(x))


class NormsTwice(Base):
    def forward(self, x):
        return self.norm(self.conv(x)) + self.norm(x)


class PastTheHooks(Base):
    def forward(self, x):
        return self.norm(self.conv(x)) + self.norm.forward(x)


class ReadsTheWeights(Base):
    def forward(self, x):
        return self.norm(self.conv(x)) * self.conv.weight.sum()


class ReluBetween(Base):
    def forward(self, x):
        return self.norm(torch.relu(self.conv(x)))


class Doubling(nn.BatchNorm2d):
    def forward(self, x):
        return 2 * super().forward(x)


def hooked() -> Base:
    module = Base()
    module.conv.register_forward_hook(lambda part, given, got: got * 3)
    return module


def parametrized() -> Base:
    return Base(nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 3, 3, padding=1)))


LEFT = {  # modules, and how many of their norms must stay
    "read twice": (ReadTwice, 1),
    "returned": (Returned, 1),
    "convolves twice": (ConvolvesTwice, 1),
    "norms twice": (NormsTwice, 2),
    "past the hooks": (PastTheHooks, 2),
    "reads the weights": (ReadsTheWeights, 1),
    "relu between": (ReluBetween, 1),
    "a class of one's own": (lambda: Base(norm=Doubling(3)), 1),
    "a hook": (hooked, 1),
    "parametrized": (parametrized, 1),
    "statistics of the batch": (lambda: Base(norm=nn.BatchNorm2d(3, track_running_stats=False)), 1),
}


@pytest.mark.parametrize(
    "make",
    [
        Base,
        lambda: Base(nn.Conv2d(3, 3, 3, padding=1, bias=False)),
        lambda: Base(nn.Conv2d(3, 6, 3, groups=3, padding_mode="reflect", padding=1), nn.BatchNorm2d(6)),
        lambda: Base(norm=nn.BatchNorm2d(3, affine=False)),
        lambda: Base(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 1))),
    ],
)
def test_a_norm_behind_a_convolution_becomes_part_of_it(make):
    module = trained(make())
    before = outputs(module)
    with folded_norms(module, lambda: outputs(module)):
        assert norms_left(module) == 0
        assert torch.allclose(outputs(module)[0], before[0], atol=1e-5)


@pytest.mark.parametrize(("make", "left"), LEFT.values(), ids=LEFT)
def test_what_would_change_the_outputs_is_left_alone(make, left):
    module = trained(make())
    before = outputs(module)
    with folded_norms(module, lambda: outputs(module)):
        assert norms_left(module) == left
        assert all(torch.equal(one, other) for one, other in zip(outputs(module), before, strict=True))


def test_a_whole_network_loses_all_its_norms_and_gets_them_back():
    module = trained(MobileNetV2(0.25, 10))
    state, before = copy.deepcopy(module.state_dict()), outputs(module)
    with folded_norms(module, lambda: outputs(module)):
        assert norms_left(module) == 0
        assert torch.allclose(outputs(module)[0], before[0], rtol=1e-4, atol=1e-4)
    assert norms_left(module) == 52
    assert torch.equal(outputs(module)[0], before[0])
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())
    assert module.state_dict().keys() == state.keys()


def test_an_export_that_fails_leaves_the_module_as_it_was():
    module = trained(Base())
    before = outputs(module)
    with pytest.raises(RuntimeError, match="refused"), folded_norms(module, lambda: outputs(module)):
        raise RuntimeError("refused")
    assert norms_left(module) == 1
    assert torch.equal(outputs(module)[0], before[0])
