"""What a vendor's compiler made of a model, in rows of words."""

from __future__ import annotations

from edgekit.reports.render.units import plain, unit_for
from edgekit_converters.compile.compilation import Compilation
from edgekit_runtime.figure import Figure

TITLES = {
    "sram": "SRAM",
    "dram": "DRAM",
    "on_chip_flash": "flash on the chip",
    "off_chip_flash": "flash",
    "weights_on_chip": "weights on the chip",
    "weights_streamed": "weights that cross the link each time",
}
"""The memories that a compiler tells of."""


def compilation_rows(compilation: Compilation | None) -> list[tuple[str, str]]:
    """What a user reads of a compilation; nothing for a target without an accelerator."""
    if compilation is None:
        return []
    if compilation.file is None:
        return [
            ("compiled", f"not yet, by {compilation.compiler}: {compilation.reason}"),
            ("to compile", compilation.command),
        ]
    figures = {one.name: one.figure for one in compilation.figures}
    rows = [("compiled", f"{compilation.file}, by {compilation.compiler}")]
    there, here = figures.get("operators_on_npu"), figures.get("operators_on_cpu")
    if there is not None and here is not None:
        rows.append(("operators", f"{there.value:.0f} on the accelerator, {here.value:.0f} on the processor"))
    rows += [("left out", f"{one.count} of {one.kind}: {one.status}") for one in compilation.kinds if not one.on_npu]
    memories = [f"{TITLES[name]} {_amount(figure)}" for name, figure in figures.items() if name in TITLES]
    if memories:
        rows.append(("memory", f"{', '.join(memories)}, {figures[next(iter(figures))].mode}"))
    rows += [("does not fit", reason) for reason in compilation.beyond_chip]
    if "latency" in figures:
        latency = figures["latency"]
        rows.append(("latency", f"{_amount(latency)}, {latency.mode}: {latency.method}"))
    if "cycles" in figures:
        share = figures.get("mac_utilisation")
        used = f", {100 * (share.value or 0):.0f} % of the MACs used" if share is not None else ""
        rows.append(("cycles", f"{figures['cycles'].value:,.0f}{used}, {figures['cycles'].mode}"))
    return rows


def _amount(figure: Figure) -> str:
    unit = unit_for([figure])
    return f"{plain((figure.value or 0) / unit.size)} {unit.name}"
