"""What runs on the device: bundles, interpreters, measuring.

from edgekit_runtime import load
model = load("bundle.edgekit")
outputs = model(inputs)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgekit_runtime.model import load as load

__all__ = ["load"]


def __getattr__(name: str) -> Any:  # the measuring process imports this package and must stay small
    if name == "load":
        from edgekit_runtime.model import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
