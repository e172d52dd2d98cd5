"""Write MobileNetV2 1.0 with random weights as a float .onnx: ANSWER.json MODEL.onnx."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

# Table 2 of Sandler et al., "MobileNetV2" (2018): expansion, channels, repeats, stride.
BLOCKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
SIZE, CLASSES = 224, 1000


class Network:
    """Operators and weights as they are added; biases and gains are those of folded batch normalization."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {"zero": np.float32(0), "six": np.float32(6)}
        self.random = np.random.default_rng(0)

    def add(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        """Add an operator; gives the name of its output."""
        output = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def convolve(self, x: str, channels: tuple[int, int], size: int = 1, stride: int = 1, groups: int = 1) -> str:
        """Add a convolution from the first to the second count of channels."""
        shape = (channels[1], channels[0] // groups, size, size)
        names = [f"weight_{len(self.nodes)}", f"bias_{len(self.nodes)}"]
        gain = self.random.uniform(0.5, 1.5, (shape[0], 1, 1, 1))  # channels differ, as in trained networks
        spread = np.sqrt(2 / np.prod(shape[1:]))
        self.constants[names[0]] = (self.random.normal(size=shape) * spread * gain).astype(np.float32)
        self.constants[names[1]] = self.random.normal(scale=0.3, size=shape[0]).astype(np.float32)
        pads = [size // 2] * 4
        return self.add("Conv", [x, *names], pads=pads, strides=[stride] * 2, group=groups, kernel_shape=[size] * 2)

    def clip(self, x: str) -> str:
        """Add a ReLU6."""
        return self.add("Clip", [x, "zero", "six"])

    def block(self, x: str, channels: tuple[int, int], expansion: int, stride: int) -> str:
        """Add an inverted residual."""
        wide, y = channels[0] * expansion, x
        if expansion > 1:
            y = self.clip(self.convolve(y, (channels[0], wide)))
        y = self.clip(self.convolve(y, (wide, wide), 3, stride, wide))
        y = self.convolve(y, (wide, channels[1]))
        return self.add("Add", [x, y]) if stride == 1 and channels[0] == channels[1] else y


def make_mobilenet() -> Any:
    """The model: `x (1, 3, 224, 224)` to `logits (1, 1000)`."""
    net = Network()
    x, known = net.clip(net.convolve("x", (3, 32), 3, 2)), 32
    for expansion, channels, repeats, stride in BLOCKS:
        for k in range(repeats):
            x, known = net.block(x, (known, channels), expansion, stride if k == 0 else 1), channels
    x = net.clip(net.convolve(x, (known, 1280)))
    x = net.add("Flatten", [net.add("GlobalAveragePool", [x])])
    net.constants["dense"] = (net.random.normal(size=(CLASSES, 1280)) / np.sqrt(1280)).astype(np.float32)
    net.nodes.append(helper.make_node("Gemm", [x, "dense"], ["logits"], "logits", transB=1))
    graph = helper.make_graph(
        net.nodes,
        "mobilenet",
        [helper.make_tensor_value_info("x", 1, [1, 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("logits", 1, [1, CLASSES])],
        [numpy_helper.from_array(value, name) for name, value in net.constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def main() -> None:
    """Write it."""
    onnx.save_model(make_mobilenet(), sys.argv[2])
    Path(sys.argv[1]).write_text("{}", encoding="utf-8")


if __name__ == "__main__":
    main()
