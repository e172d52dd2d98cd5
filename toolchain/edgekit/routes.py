"""What edgekit does with libraries and programs that may not be there, and what brings them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

NO_CONVERTER = {"Windows": "litert-converter has no wheel for Windows: use WSL, or convert to .onnx"}
LINUX_ONLY = dict.fromkeys(("Windows", "Darwin"), "qemu's user mode runs on Linux alone")


@dataclass(frozen=True)
class RouteNeeds:
    """Something edgekit does with what may not be there.

    Attributes:
        does: What it does.
        libraries: The libraries that it needs.
        extra: The extra of edgekit that brings them; empty where they are installed by themselves.
        programs: The programs that it needs.
        packages: The packages of Debian that bring the programs.
        nowhere: By operating system, why it cannot be done there.
    """

    does: str
    libraries: tuple[str, ...] = ()
    extra: str = ""
    programs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    nowhere: Mapping[str, str] = field(default_factory=dict)


KERAS = ("tensorflow", "keras", "ai-edge-litert", "ai-edge-quantizer")
TORCH = ("torch", "litert-torch", "ai-edge-litert", "ai-edge-quantizer")
ROUTES = (
    RouteNeeds("convert Keras to .tflite", KERAS, "keras"),
    RouteNeeds("convert Keras to .onnx", ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime"), "keras-onnx"),
    RouteNeeds("convert PyTorch to .tflite", TORCH, "torch", nowhere=NO_CONVERTER),
    RouteNeeds("convert PyTorch to .onnx", ("torch", "onnx", "onnxscript", "onnxruntime"), "torch,onnx"),
    RouteNeeds("prune PyTorch", ("torch", "torch-pruning"), "torch"),
    RouteNeeds("quantize and bundle .onnx", ("onnx", "onnxruntime"), "onnx"),
    RouteNeeds("bundle .tflite as it is", ("ai-edge-litert", "flatbuffers"), "tflite"),
    RouteNeeds("quantize .tflite", ("ai-edge-litert", "ai-edge-quantizer")),
    RouteNeeds("run and measure .tflite", ("ai-edge-litert",), "tflite"),
    RouteNeeds("run and measure .onnx", ("onnxruntime",), "onnx"),
    RouteNeeds("inspect and check .tflite", ("ai-edge-litert", "flatbuffers"), "tflite"),
    RouteNeeds("inspect and check .onnx", ("onnx",), "onnx"),
    RouteNeeds("compile for Ethos-U", ("ethos-u-vela",), "ethos-u"),
    RouteNeeds("take pictures as data", ("pillow",), "pictures"),
    RouteNeeds("run the demo", (*KERAS, "scikit-learn"), "demo"),
    RouteNeeds("reach boards over SSH", programs=("ssh",), packages=("openssh-client",)),
    RouteNeeds(
        "emulate boards",
        programs=("qemu-aarch64", "gcc"),
        packages=("qemu-user", "gcc", "debian-archive-keyring"),
        nowhere=LINUX_ONLY,
    ),
)
