"""Files that a vendor's compiler has been at: what its custom operators give away."""

from __future__ import annotations

from edgekit_targets.fixes import Fix
from edgekit_targets.graph.graph import Graph

COMPILED_FOR = {
    "ethos-u": "an Arm Ethos-U, by Vela",
    "edgetpu-custom-op": "a Coral Edge TPU, by edgetpu_compiler",
    "neutronGraph": "an NXP eIQ Neutron, by neutron-converter",
    "NeutronGraph": "an NXP eIQ Neutron, by neutron-converter",
    "DISPATCH_OP": "the accelerator of a phone, by LiteRT's compiler plugins",
    "com.microsoft.EPContext": "an accelerator, by onnxruntime",
}
"""From custom operators to what the rest of the file was compiled for, and by what."""
FIX = Fix("Give the file that it was compiled from; a bundle keeps it as model.tflite.", "original")


def compiled_for(graph: Graph) -> str:
    """What a file was compiled for; empty where it is a plain one."""
    names = {operator.name for operator in graph.main.operators}
    return next((what for name, what in COMPILED_FOR.items() if name in names), "")
