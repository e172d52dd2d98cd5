"""Measure edgekit itself: `python bench/run.py`, or some of it with --only, or a first look with --quick."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from accelerators import accelerators
from checks import checks
from conversion import convert_int8
from deploying import deploying
from distilling import distilling
from emulated import emulated
from estimates import estimates
from figures import Section
from int8_latency import int8_latency
from latency import latency
from onnx_quantization import onnx_quantization
from overhead import overhead
from page import merge
from pictures import pictures
from pruning import pruned_latency, pruning
from render import load_now, machine, render_section
from serving import serving
from startup import startup
from torch_conversion import convert_torch
from training import training

PAGE = Path(__file__).parents[1] / "docs/benchmarks.md"
BENCHMARKS: Mapping[str, Callable[[bool], Section]] = {
    "startup": startup,
    "conversion": convert_int8,
    "torch": convert_torch,
    "onnx": onnx_quantization,
    "pruning": pruning,
    "pruned-latency": pruned_latency,
    "latency": latency,
    "int8-latency": int8_latency,
    "overhead": overhead,
    "pictures": pictures,
    "deploying": deploying,
    "checks": checks,
    "estimates": estimates,
    "accelerators": accelerators,
    "training": training,
    "distilling": distilling,
    "serving": serving,
    "emulated": emulated,
}


def main() -> int:
    """Run what was asked for, and write it into the page, but for a first look."""
    parser = argparse.ArgumentParser(description="Measure edgekit itself, into docs/benchmarks.md.")
    parser.add_argument("--only", action="append", choices=BENCHMARKS, help="run this one; may be given again")
    parser.add_argument("--quick", action="store_true", help="fewer repeats, for a first look")
    options = parser.parse_args()
    for name in options.only or BENCHMARKS:
        load = load_now()
        block = f"{render_section(BENCHMARKS[name](options.quick))}\n" + "\n".join(machine(load))
        print(f"\n{block}", flush=True)
        if not options.quick:
            page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
            PAGE.write_text(merge(page, {name: block}, tuple(BENCHMARKS)), encoding="utf-8")
    if options.quick:
        print(f"A first look only, so {PAGE.name} stays as it is.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
