"""What is known of Hailo's compiler, which has the last word: it takes a float model and quantizes by itself."""

from __future__ import annotations

from edgekit_targets.fixes import Fix
from edgekit_targets.rules.common import CONTROL_FLOW, CUSTOM, EVERY, FREE_SHAPES
from edgekit_targets.rules.rule import Family, Rule, Site, names


def _quantized(site: Site) -> bool:
    return any(tensor.quantization is not None for tensor in (*site.inputs, *site.outputs))


TO_FLOAT = Fix("Give it the float model: edgekit convert MODEL --target TARGET --quantize float32", "convert")
FAMILY = Family(
    name="hailo",
    title="Hailo-8",
    operators={},
    rules=(
        CUSTOM,
        CONTROL_FLOW,
        FREE_SHAPES,
        Rule("quantized", EVERY, "the compiler takes float models only, and quantizes by itself", TO_FLOAT, _quantized),
        Rule(
            "quantization-operators",
            names("QuantizeLinear DequantizeLinear DynamicQuantizeLinear QUANTIZE DEQUANTIZE"),
            "the compiler takes float models only, and quantizes by itself",
            TO_FLOAT,
            lambda _: True,
        ),
    ),
    one_partition=False,
    source="github.com/hailo-ai/hailo_model_zoo, branch v2.x; operators are not checked: the compiler needs a licence",
)
