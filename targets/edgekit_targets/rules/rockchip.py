"""What Rockchip's compiler is known not to take, or leaves to the processor; no complete list is known."""

from __future__ import annotations

from edgekit_targets.fixes import Fix
from edgekit_targets.rules.common import CONTROL_FLOW, CUSTOM, FREE_SHAPES
from edgekit_targets.rules.rule import Family, Rule, Site, names

LONGEST_SIDE = 8192
REWRITE = Fix("Write it with other operators; the compiler of rknn-toolkit2 has the last word.", "rewrite")


def _too_long(site: Site) -> bool:
    return any(size > LONGEST_SIDE for tensor in site.inputs[:1] for size in tensor.shape[1:] if len(tensor.shape) == 4)


FAMILY = Family(
    name="rockchip",
    title="Rockchip NPU",
    operators={},
    rules=(
        CUSTOM,
        CONTROL_FLOW,
        FREE_SHAPES,
        Rule(
            "not-taken",
            names("Abs BitShift Ceil CumSum Einsum ABS CEIL CUMSUM RIGHT_SHIFT"),
            "the compiler does not take this operator",
            REWRITE,
            lambda _: True,
        ),
        Rule(
            "on-processor",
            names("Cast Cos GRU ScatterND Sin CAST COS SCATTER_ND SIN"),
            "the compiler leaves this operator to the processor",
            REWRITE,
            lambda _: True,
        ),
        Rule(
            "input-size",
            names("Conv CONV_2D DEPTHWISE_CONV_2D"),
            f"height and width are at most {LONGEST_SIDE}",
            Fix("Cut the picture into tiles.", "rewrite"),
            _too_long,
        ),
    ),
    one_partition=False,
    source="github.com/airockchip/rknn-toolkit2 2.3.2, RKNNToolKit2_OP_Support and CHANGELOG; rknpu2 release notes",
)
