"""What a formula for multiply-accumulates is."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edgekit_targets.graph.graph import Operator

Shape = tuple[int, ...]
Shapes = Mapping[int, Shape]  # by the input's place; optional inputs may be left out
Formula = Callable[[Operator, Shapes, Shape], Shape | None]
"""From an operator, its inputs' shapes and its first output's to the factors of its MACs.

A factor is -1 where a length is open; there are none, `None`, where it cannot count them.
"""
Counted = tuple[Formula, Mapping[int, int]]
"""A formula, and the least number of axes of the inputs that it takes, by their places."""
