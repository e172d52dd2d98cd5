"""What is known of Qualcomm's HTP: the types that it computes in; its compiler, which has the last word, is closed."""

from __future__ import annotations

from edgekit_targets.rules.common import CONTROL_FLOW, CUSTOM, DYNAMIC_PRODUCTS, FLOAT_VALUES, FREE_SHAPES, OTHER_TYPES
from edgekit_targets.rules.rule import Family

FAMILY = Family(
    name="hexagon",
    title="Qualcomm Hexagon HTP",
    operators={},
    rules=(CUSTOM, CONTROL_FLOW, FREE_SHAPES, FLOAT_VALUES, OTHER_TYPES, DYNAMIC_PRODUCTS),
    one_partition=False,
    source="ai-hub-apps wiki, types by version of the HTP; operators are not checked: the compiler is closed",
)
