"""Graphs made in memory, such as a reader makes of files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from edgekit_runtime.tensor import Quantization
from edgekit_targets.graph.graph import Graph, Operator, Subgraph, Tensor
from edgekit_targets.profile import Profile

POST_PROCESS = "TFLite_Detection_PostProcess"  # a custom operator that LiteRT brings along
BITS_OF = {"float32": 4, "int8": 1, "int16": 2}
# Of each block of MobileNetV1: output channels, stride.
MOBILENET = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]


@dataclass
class GraphMaker:
    """Puts operators one behind the other."""

    dtype: str
    tensors: list[Tensor] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)

    def tensor(self, *shape: int) -> int:
        self.tensors.append(Tensor(f"t{len(self.tensors)}", shape, self.dtype))
        return len(self.tensors) - 1

    def weights(self, *shape: int) -> int:
        elements = 1
        for size in shape:
            elements *= size
        place = len(self.tensors)
        data = memoryview(bytes(elements * BITS_OF[self.dtype]))
        self.tensors.append(Tensor(f"w{place}", shape, self.dtype, data=data, storage=place))
        return place

    def operator(self, name: str, inputs: tuple[int, ...], *shape: int) -> int:
        output = self.tensor(*shape)
        self.operators.append(Operator(name, inputs, (output,)))
        return output

    def graph(self, source: int, target: int, file_format: str = "tflite") -> Graph:
        return Graph(file_format, (Subgraph("", tuple(self.tensors), (source,), (target,), tuple(self.operators)),))


def mobilenet_v1(dtype: str = "float32", blocks: int = 1) -> Graph:
    """MobileNetV1 of 224 x 224 as TensorFlow Lite has it; more blocks repeat its heaviest one."""
    made = GraphMaker(dtype)
    source = made.tensor(1, 224, 224, 3)
    x = made.operator("CONV_2D", (source, made.weights(32, 3, 3, 3)), 1, 112, 112, 32)
    size, channels = 112, 32
    layers = [*MOBILENET[:7], *[(512, 1)] * (blocks - 1), *MOBILENET[7:]]
    for width, stride in layers:
        size //= stride
        x = made.operator("DEPTHWISE_CONV_2D", (x, made.weights(1, 3, 3, channels)), 1, size, size, channels)
        x = made.operator("CONV_2D", (x, made.weights(width, 1, 1, channels)), 1, size, size, width)
        channels = width
    x = made.operator("MEAN", (x,), 1, 1, 1, channels)
    x = made.operator("CONV_2D", (x, made.weights(1000, 1, 1, channels)), 1, 1, 1, 1000)
    x = made.operator("RESHAPE", (x,), 1, 1000)
    return made.graph(source, made.operator("SOFTMAX", (x,), 1, 1000))


def chain(*operators: str, dtype: str = "int8", custom: bool = False) -> Graph:
    """A made model of operators one behind the other, each with weights of 4x4 where it is a FULLY_CONNECTED."""
    scale = Quantization((0.5,), (0,), None) if "int" in dtype else None
    tensors = [Tensor("x", (1, 4), dtype, quantization=scale)]
    made: list[Operator] = []
    for index, name in enumerate(operators):
        inputs: tuple[int | None, ...] = (0 if index == 0 else made[-1].outputs[0],)
        if name == "FULLY_CONNECTED":
            data = memoryview(np.zeros((4, 4), np.int8))
            tensors.append(Tensor(f"w{index}", (4, 4), "int8", quantization=scale, data=data, storage=index + 1))
            inputs = (*inputs, len(tensors) - 1)
        tensors.append(Tensor(f"t{index}", (1, 4), dtype, quantization=scale))
        made.append(Operator(name, inputs, (len(tensors) - 1,), custom=custom and name in ("Strange", POST_PROCESS)))
    main = Subgraph("main", tuple(tensors), (0,), (len(tensors) - 1,), tuple(made))
    return Graph("tflite", (main,))


def with_limit(profile: Profile, budget: str, allowed_kib: int) -> Profile:
    if budget != "ram_kib":
        return replace(profile, budgets=replace(profile.budgets, **{budget: float(allowed_kib)}))
    assert profile.memory.ram_kib is not None
    ram = replace(profile.memory.ram_kib, value=allowed_kib)
    return replace(profile, memory=replace(profile.memory, ram_kib=ram))


def tensor_named(graph: Graph, name: str) -> Tensor:
    return next(tensor for part in graph.subgraphs for tensor in part.tensors if tensor.name == name)
