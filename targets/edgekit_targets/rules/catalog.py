"""The families of accelerators, by name."""

from __future__ import annotations

from collections.abc import Callable

from edgekit_targets.names import NpuFamily
from edgekit_targets.rules.rule import Family


def family_of(name: NpuFamily) -> Family | None:
    """The rules of a family; `None` for the Ethos-U, whose rules are Vela's."""
    return _FAMILIES[name]() if name in _FAMILIES else None


def _edgetpu() -> Family:
    from edgekit_targets.rules.edgetpu import FAMILY

    return FAMILY


def _rockchip() -> Family:
    from edgekit_targets.rules.rockchip import FAMILY

    return FAMILY


def _hexagon() -> Family:
    from edgekit_targets.rules.hexagon import FAMILY

    return FAMILY


def _hailo() -> Family:
    from edgekit_targets.rules.hailo import FAMILY

    return FAMILY


def _neutron() -> Family:
    from edgekit_targets.rules.neutron import FAMILY

    return FAMILY


_FAMILIES: dict[NpuFamily, Callable[[], Family]] = {
    "edgetpu": _edgetpu,
    "hailo": _hailo,
    "hexagon": _hexagon,
    "neutron": _neutron,
    "rockchip": _rockchip,
}
