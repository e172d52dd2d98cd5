"""What a profile says against itself, found in the raw tree so that no other fault hides it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Tree = Mapping[str, Any]

# From the end of a key to the least and the most that any device has; what lies beyond is in another unit.
MAGNITUDES: Mapping[str, tuple[float, float]] = {
    "clock_mhz": (1, 20_000),
    "bandwidth_mb_s": (1, 100_000_000),
    "cores": (1, 4096),
    "l1_data_kib": (1, 4096),
    "l1_instruction_kib": (1, 4096),
    "l2_kib": (1, 1_048_576),
    "l3_kib": (1, 4_194_304),
    "ram_kib": (1, 2**40),
    "sram_kib": (1, 2**30),
    "flash_kib": (1, 2**32),
    "macs_per_cycle": (0.001, 10_000_000),
    "operator_overhead_us": (0.001, 1_000_000),
    "latency_us": (0.001, 10_000_000),
    "peak_gops": (0.01, 100_000_000),
    "sustained_gops": (0.01, 100_000_000),
    "mw": (0.01, 10_000_000),
}
ORDERED = (
    ("power.idle_mw", "power.busy_mw"),
    ("npu.sustained_gops", "npu.peak_gops"),
    ("budgets.latency_p50_ms", "budgets.latency_p90_ms"),
    ("budgets.latency_p90_ms", "budgets.latency_p99_ms"),
    ("budgets.latency_p50_ms", "budgets.latency_p99_ms"),
    ("budgets.peak_rss_kib", "memory.ram_kib"),
    ("budgets.model_memory_kib", "memory.ram_kib"),
    ("budgets.model_memory_kib", "budgets.peak_rss_kib"),
    ("cpu.caches.l1_data_kib", "cpu.caches.l2_kib"),
)
"""Figures of which the first is never above the second."""
GOPS_APART = 2.0  # makers count in their own ways, but not by so much
OPERATIONS = 2  # of each multiply-accumulate
MHZ_PER_GHZ = 1000
LARGEST = 1e300  # whole numbers in TOML have no end
VELAS = "ethos-u"
ACCELERATOR = re.compile(r"ethos-u\d+-\d+")
BARE = ("budgets.", "recipe.", "npu.family", "npu.compiler.")  # keys whose values have no source of their own


def contradictions(tree: Tree) -> Iterator[str]:
    """What the figures of a profile's tree contradict, each as `key: fault; allowed: ...`.

    Args:
        tree: As a TOML reader gives it; what is of another type than it should be is passed over.
    """
    yield from _both(tree)
    yield from _of_the_whole(tree)
    yield from _magnitudes("", tree)
    for small, large in ORDERED:
        least, most = _number(tree, small), _number(tree, large)
        if least is not None and most is not None and least > most:
            yield f"{small}: is {_plain(least)}, and {large} is {_plain(most)}; allowed: at most as much"
    yield from _speed(tree)
    yield from _compiler(tree)


def _both(tree: Tree) -> Iterator[str]:
    has, lacks = (_words(tree, f"cpu.{name}") for name in ("features", "features_absent"))
    both = sorted(set(has) & set(lacks))
    if both:
        yield f"cpu: features and features_absent both name {', '.join(both)}; allowed: each in one of them"


def _of_the_whole(tree: Tree) -> Iterator[str]:
    npu = tree.get("npu")
    if tree.get("runtimes") == [] and npu is None:
        yield "document: runtimes is empty; allowed: at least one, or none beside an [npu]"
    if npu is None and tree.get("link") is not None:
        yield "document: link is given without an [npu] at its other end; allowed: both or no link"
    schemes, recipe = _words(tree, "npu.schemes"), _at(tree, "recipe.name")
    if schemes and isinstance(recipe, str) and recipe not in schemes:
        yield f"document: recipe.name is {recipe}, which npu.schemes does not hold; allowed: {', '.join(schemes)}"


def _magnitudes(at: str, tree: Tree) -> Iterator[str]:
    for name, part in tree.items():
        key = f"{at}.{name}" if at else name
        if isinstance(part, Mapping):
            yield from _magnitude(key, part)
            yield from _magnitudes(key, part)


def _magnitude(key: str, fact: Tree) -> Iterator[str]:
    value = _as_number(fact.get("value"))
    if value is None or value <= 0:  # others say what is wrong with these
        return
    for end, (least, most) in MAGNITUDES.items():
        if key.endswith((f".{end}", f"_{end}")) and not least <= value <= most:
            yield f"{key}: is {_plain(value)}; allowed: {_plain(least)} to {_plain(most)}, or is it in another unit?"
            return


def _speed(tree: Tree) -> Iterator[str]:
    macs, clock, peak = (_number(tree, f"npu.{name}") for name in ("macs_per_cycle", "clock_mhz", "peak_gops"))
    if macs is None or clock is None or peak is None:
        return
    most = OPERATIONS * macs * clock / MHZ_PER_GHZ
    if not most / GOPS_APART <= peak <= most * GOPS_APART:
        told = f"npu.macs_per_cycle and npu.clock_mhz make {_plain(most)}"
        yield f"npu.peak_gops: is {_plain(peak)}, and {told}; allowed: two operations for each MAC"


def _compiler(tree: Tree) -> Iterator[str]:
    family, told, model = (_at(tree, key) for key in ("npu.family", "npu.compiler.accelerator", "npu.model"))
    if not isinstance(family, str) or not isinstance(told, str):
        return
    if (family == VELAS) != told.startswith(VELAS):
        yield f"npu.compiler.accelerator: is {told}, and npu.family is {family}; allowed: one of that family"
    named = ACCELERATOR.search(model.lower()) if isinstance(model, str) else None
    if named is not None and named[0] != told:
        yield f"npu.compiler.accelerator: is {told}, and npu.model names {named[0]}; allowed: the same"


def _at(tree: Tree, key: str) -> object:
    """What a key says: the value of a statement, or what stands there where no statement is wanted."""
    part: object = tree
    for name in key.split("."):
        part = part.get(name) if isinstance(part, Mapping) else None
    if isinstance(part, Mapping):
        return part.get("value")
    return part if key.startswith(BARE) else None


def _number(tree: Tree, key: str) -> float | None:
    return _as_number(_at(tree, key))


def _as_number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(min(max(value, -LARGEST), LARGEST))


def _plain(value: float) -> str:
    return f"{value:.12g}"


def _words(tree: Tree, key: str) -> list[str]:
    value = _at(tree, key)
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []
