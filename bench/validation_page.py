"""Write docs/validation.md: `python bench/validation_page.py`, or tell with --check whether it is out of date."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from thresholds import LEAVE_OUT, Threshold, Validation, share_inside
from validation import (
    NOISE,
    PRIOR,
    SPREAD,
    Held,
    Method,
    fit,
    has_other_algorithm,
    middle,
    ratios,
    sources,
    with_copy_bandwidth,
)
from validation_npu import NpuRow, read_npu_rows

from edgekit_targets.estimate.cores import FITTED_BANDWIDTH
from edgekit_targets.estimate.latency import EFFICIENCY, MOST_GAIN, REFILL_CYCLES
from edgekit_targets.estimate.ranges import CHECKED, ON_EDGETPU, ON_ETHOS_U, SHORT, SHORT_MS, UNCHECKED

WIDTH = 120
PAGE = Path(__file__).parents[1] / "docs/validation.md"
HEAD = f"""# Predictions held against what others published

Written by `python bench/validation_page.py` from `bench/published.toml`, `bench/models_published.toml`,
`bench/counts.toml`, and of accelerators `bench/published_npu.toml` and `bench/models_npu.toml`; not edited by hand. No
number here was measured by edgekit on a board: published latencies stand beside what `edgekit estimate` predicts.
"Error" is the larger of the two over the smaller.

`estimated` is the prediction from the operator list alone, by rates that were counted once for each core
(`edgekit_targets/estimate/cores.py`). `counted` is the one from an emulated run of the very model. Both take the
formula and the constants of `edgekit_targets/estimate/latency.py`. On cores with a second-level cache each, to which no
constant was fitted, four threads are held back to {MOST_GAIN:g} times the speed of one: the most in any table below.

**Fitted** are the twelve figures of XNNPACK's own table for the Raspberry Pi 3 B+ and 4, and nothing else. What edgekit
predicts is LiteRT with XNNPACK. ncnn has kernels of its own, so the rows of its Raspberry Pi 3 B+ **set its factors**,
and its rows of other boards test whether the boards are told rightly. Every other row was **only tested**: no constant
was set by it.

What is printed beside a prediction is a range: {CHECKED.low:g} to {CHECKED.high:g} times it where published figures of
such cores were there to check it, {UNCHECKED.low:g} to {UNCHECKED.high:g} times where other cores, another runtime or a
precision without any published figure stand in, which claims no
more than an even chance. Under {SHORT_MS:g} ms no value is printed, only {SHORT.low:g} to {SHORT.high:g} times
as an order of magnitude. "Ratio" is the published figure over the estimated one, and where an
engine has a factor, over the estimated one times it.
"""
ROLES = {
    "fitted": "Fitted",
    "engine": "Sets the factors of its engine",
    "tested": "Only tested",
    "refused": "Not predicted, since its cores are of their maker's own and were never counted",
}
FORMS = """
## The constants

| constant | edgekit has | fitted, estimated | fitted, counted | drawn towards |
|---|---:|---:|---:|---:|
"""
FIT = f"""They are fitted in logarithms, with an error that grows linearly far off, towards the round values in the
last column, which physics suggests: a line of 64 bytes over a bus of 8 bytes, and a copy that reads and
writes each byte. The spread around them is {SPREAD[0]:g}, {SPREAD[1]:g} and {SPREAD[2]:g}, against
{NOISE:g} for a published latency. Four such spreads, one of them next to none, and two ways to tell the
bandwidth were tried on the fitted rows. From one table to the other the median error lay between 1.09x and
1.14x in all of them, the worst between 1.16x and 1.34x, and the worst ratio of two models between 1.33x and
1.41x; the spread taken is the one with small errors, so that its worst ratio is the least certain figure
above. The rates of the operator list were counted on four MobileNets, so leaving a model out does not leave
its counts out: so left out, the twelve figures are {{}}x off in the median and {{}}x at worst."""


def page() -> str:
    """The whole page."""
    validation = Validation()
    parts = [
        HEAD,
        "\n## What has to hold\n",
        *_thresholds(validation.thresholds()),
        _verdict(validation),
        FORMS.rstrip("\n"),
        *_constants(validation),
        _fit(validation),
        *_tables(validation),
        *_short(validation),
        *_same_case(),
        *_accelerators(),
        *_memory(),
    ]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip("\n") + "\n"


def _fit(validation: Validation) -> str:
    errors = [one.error for one in validation.left_out_models["estimated"]]
    return f"\n{_prose(FIT.format(f'{middle(errors):.2f}', f'{max(errors):.2f}'))}\n"


def _thresholds(thresholds: Iterable[Threshold]) -> Iterator[str]:
    yield "| what | limit | found | of | |"
    yield "|---|---:|---:|---:|---|"
    for row in thresholds:
        limit = f"at least {_percent(row.limit)}" if row.least else f"at most {row.limit:g}x"
        found = _percent(row.found) if row.least else f"{row.found:.2f}x"
        yield f"| {row.what} | {limit} | {found} | {row.of} | {'met' if row.met else 'MISSED'} |"


def _verdict(validation: Validation) -> str:
    paragraphs = (*_told_of_rows(validation), *_told_of_phones(validation))
    return "\n" + "\n\n".join(map(_prose, paragraphs)) + "\n\n" + "\n".join(_factor_table(validation)) + "\n"


def _told_of_rows(validation: Validation) -> Iterator[str]:
    tested, setting = validation.tested("estimated"), validation.tested("estimated", "engine")
    missed = [one for one in tested if not one.narrowly]
    own = [one for one in tested if one.row.engine not in _factors(validation)]
    plain = [replace(one, factor=1.0) for one in (*tested, *setting)]
    yield f"""\
**Missed** are {len(missed)} of {len(tested)} rows, by {_span(missed)}: all of them MobileNetV1 in float32 by one
person (issue 814), on a Raspberry Pi 4 with XNNPACK's own program. Others published 77 ms and 72 ms for the same
board, clock and threads; why that board took 142 ms is not known. A user's board may be such a one."""
    yield f"""\
**Of LiteRT and XNNPACK alone**, without ncnn, {_narrowly(own)} rows lie inside, {_percent(share_inside(own))}: less
than 9 of 10, as issue 814 weighs more among them. The other {len(tested) - len(own)} tell more of boards than of the
runtime: ncnn's factors were set by {len(setting)} rows of one board, and held on the others. Without any factor, and
with those {len(setting)}, {_narrowly(plain)} rows lie inside ({_percent(share_inside(plain))}): what is outside there
is ncnn's int8 with four threads, its ResNet50 in float32, whose 3x3 convolutions it computes by Winograd's algorithm,
and issue 814."""
    yield f"""\
Ratios of two models hold on one board with the predicted runtime. With other engines, whose kernels favour other
models, the worst of {len(ratios(tested))} pairs of the never fitted rows is {max(ratios(tested)):.2f}x, and none is
promised."""


def _told_of_phones(validation: Validation) -> Iterator[str]:
    phones = [one for one in validation.tested("estimated") if "Pixel" in one.row.table]
    kryo = validation.tested("estimated", "refused")
    yield f"""\
**Phones**: {_narrowly(phones)} rows lie inside, at {_span(phones)}. Before, it was 9 of 28, as the Cortex-A73 and A75
were taken to be a Cortex-A72 in everything. Now what their makers publish of them counts: a first cache of 64 KiB, from
the A75 on a second one for each core alone, and a wider memory. No number was fitted to phones; but these facts were
looked up after the rows had been seen to be off, so the rows are weaker evidence than those of the boards."""
    yield f"""\
**The first Pixel** has cores of Qualcomm's own (Kryo), which nobody counted: edgekit predicts nothing for them. A
Cortex-A72 in their place would be off: published were {_span(kryo)}, with {_narrowly(kryo)} rows inside."""


def _factors(validation: Validation) -> dict[str, dict[tuple[str, str], dict[Method, float]]]:
    """The factors of engines, by engine, by what they are for, by method."""
    found: dict[str, dict[tuple[str, str], dict[Method, float]]] = {}
    for method in LEAVE_OUT:
        for one in validation.tested(method, "engine"):
            model = one.row.model if has_other_algorithm(one.row) else ""
            what = f"{one.row.precision}{f', {model}' if model else ''}"
            threads = "1 thread" if one.row.threads == 1 else "several threads"
            found.setdefault(one.row.engine, {}).setdefault((what, threads), {})[method] = one.factor
    return found


def _factor_table(validation: Validation) -> Iterator[str]:
    yield "| engine | rows | | times as long, estimated | counted |"
    yield "|---|---|---|---:|---:|"
    for engine, factors in _factors(validation).items():
        for (what, threads), found in sorted(factors.items()):
            counted = f"{found['counted']:.2f}" if "counted" in found else ""
            yield f"| {engine} | {what} | {threads} | {found['estimated']:.2f} | {counted} |"


def _constants(validation: Validation) -> Iterator[str]:
    rows = with_copy_bandwidth(validation.fitted)
    fitted = [fit(rows, validation.works, method) for method in LEAVE_OUT]
    for name, has, get in (
        ("share of the cycles in which the busiest port works", EFFICIENCY, "efficiency"),
        (
            "cycles for a line into the first cache, all cores that share a second one together",
            REFILL_CYCLES,
            "refill_cycles",
        ),
        ("bytes to and from memory for each byte that a copy copies", FITTED_BANDWIDTH, "bandwidth_scale"),
    ):
        found = " | ".join(f"{getattr(constants, get):.2f}" for constants in fitted)
        yield f"| {name} | {has:g} | {found} | {getattr(PRIOR, get):g} |"


def _tables(validation: Validation) -> Iterator[str]:
    yield "\n## Every published row\n"
    told = sources()
    by_method = {method: {_key(one): one for one in held} for method, held in validation.held.items()}
    for name in told:
        rows = [one for one in validation.held["estimated"] if one.row.table == name]
        if rows[0].row.published_ms < SHORT_MS:
            continue
        engine, source = told[name]
        first = rows[0].row
        threads = f"{first.threads} thread{'' if first.threads == 1 else 's'}"
        yield f"### {name}\n"
        role = ROLES[first.role]
        yield (
            _prose(f"{role}. {engine}; {first.core} at {first.machine.clock_mhz:g} MHz, {threads}. {source}.\n") + "\n"
        )
        yield "| model | precision | published | estimated | range | ratio | counted | |"
        yield "|---|---|---:|---:|---:|---:|---:|---|"
        yield from (_line(one, by_method["counted"].get(_key(one))) for one in rows)
        yield from _group(rows)


def _line(one: Held, counted: Held | None) -> str:
    row = one.row
    span = f"{_ms(one.expected_ms * one.trust.low)} to {_ms(one.expected_ms * one.trust.high)}"
    beside = "" if counted is None else f"{_ms(counted.predicted_ms)}"
    note = ("inside" if one.narrowly else "OUTSIDE") + ("" if one.factor == 1 else f", with {one.factor:.2f}")
    if row.role == "refused":
        span, note = "none", f"{note}; not predicted"
    return (
        f"| {row.model} | {row.precision} | {_ms(row.published_ms)} | {_ms(one.predicted_ms)} | {span} | "
        f"{one.ratio:.2f} | {beside} | {note} |"
    )


def _group(rows: Sequence[Held]) -> Iterator[str]:
    errors = [one.error for one in rows]
    pairs = ratios(rows)
    apart = f"; ratios of two models: worst {max(pairs):.2f}x" if pairs else ""
    yield f"\nMedian error {middle(errors):.2f}x, worst {max(errors):.2f}x{apart}.\n"


def _short(validation: Validation) -> Iterator[str]:
    yield f"## Under {SHORT_MS:g} ms\n"
    rows = [one for one in validation.held["estimated"] if one.row.published_ms < SHORT_MS]
    engine, source = sources()[rows[0].row.table]
    yield _prose(f"""\
Only tested. {engine}. {source}. edgekit prints the range and no value, and promises no gain: published int8
over float32 is 1.14 for ad and 1.07 for kws, where every form that was tried expects less than 1.""")
    yield ""
    yield "| model | precision | published | printed range | |"
    yield "|---|---|---:|---:|---|"
    for one in rows:
        span = f"{_ms(one.predicted_ms * one.trust.low)} to {_ms(one.predicted_ms * one.trust.high)}"
        yield (
            f"| {one.row.model} | {one.row.precision} | {_ms(one.row.published_ms)} | {span} | "
            f"{'inside' if one.inside else 'OUTSIDE'} |"
        )


def _same_case() -> Iterator[str]:
    yield "\n## The floor\n"
    yield _prose("""\
MobileNetV1 in float32 on a Raspberry Pi 4 at 1.5 GHz with four threads is published as 77 ms (XNNPACK's
README), 142 ms (issue 814, another person with the same program) and 72 ms (ncnn). MobileNetV1 in int8 is
24 ms with XNNPACK and 40 ms with ncnn. No prediction can be nearer to all of them than they are to each
other: 1.9x and 1.7x.""")


def _accelerators() -> Iterator[str]:
    rows = read_npu_rows()
    tested = [row for row in rows if row.role == "tested" and row.published_ms >= SHORT_MS]
    inside = sum(row.inside for row in tested)
    yield "\n## Accelerators\n"
    yield _prose(f"""\
**Edge TPU.** The chip's two rates and the bandwidth of its links are fitted to the rows that say so; the formula is in
`edgekit_targets/estimate/npu/roofline.py`. Of the rows of {SHORT_MS:g} ms and more that were only tested, {inside} of
{len(tested)} lie in the printed {ON_EDGETPU.low:g} to {ON_EDGETPU.high:g} times. All are of one maker, so the range
claims no more than an even chance. Outside is Inception-ResNet V2, on both: its weights that do not fit on the chip are
48.6 MB, which no link of 500 MB/s carries in 57 ms, so what was published must be of a smaller file than this one.""")
    yield ""
    yield _prose(f"""\
**Ethos-U.** No latency on hardware is published beside clock and memories, so none is told as a value. The range,
{ON_ETHOS_U.low:g} to {ON_ETHOS_U.high:g} times, is held against Vela's own estimate of whole networks
(docs/benchmarks.md, section Accelerators), which is an estimate itself.""")
    yield ""
    yield _prose("**Others** (RK3588, Hailo-8, Hexagon, Neutron): a bound where the profile tells one, and no time.")
    for table in dict.fromkeys(row.table for row in rows):
        yield from _npu_table([row for row in rows if row.table == table])


def _npu_table(rows: Sequence[NpuRow]) -> Iterator[str]:
    yield f"\n### {rows[0].table}\n"
    yield _prose(f"{ROLES[rows[0].role]}. {rows[0].source}.")
    yield ""
    yield "| model | published | estimated | range | ratio | |"
    yield "|---|---:|---:|---:|---:|---|"
    for row in rows:
        span = f"{_ms(row.predicted_ms * row.trust.low)} to {_ms(row.predicted_ms * row.trust.high)}"
        note = "inside" if row.inside else "OUTSIDE"
        yield (
            f"| {row.model} | {_ms(row.published_ms)} | {_ms(row.predicted_ms)} | {span} | {row.ratio:.2f} | {note} |"
        )


def _memory() -> Iterator[str]:
    yield "\n## Memory\n"
    yield _prose("""\
The plan of the activations is the interpreter's own (builtin kernels, one thread), to the byte, on
convolutional networks: ResNet8, VWW, KWS, ad, MobileNetV1 0.25, and MobileNetV1, V2, V3, EfficientNet-B0 and
ResNet50 of keras.applications, and on 53 of 68 files at hand. It leaves out scratch memory that some kernels
take to themselves, and says so with a range up to twice the plan: float activations by integer weights (a
keyword spotter: 66 kB, and 106 kB in truth), recurrent layers (two small LSTMs: 5,672 bytes and 5,840; in int8
1,546 and 1,812), products of two computed values (435 kB and 640 kB). With XNNPACK the process takes more; these were
measured on x86-64 by `edgekit bench`, with LiteRT 2.3.0 and one thread, and on no board.""")
    yield ""
    yield "| model | file | plan | model_memory, measured | predicted |"
    yield "|---|---:|---:|---:|---:|"
    for model, file, plan, taken in MEMORY:
        yield f"| {model} | {file:.2f} MB | {plan:.2f} MB | {taken:.1f} MB | {2 * file + plan + 5.0:.1f} MB |"


# edgekit bench MODEL.tflite --runs 5 --max-runs 5 on x86-64, 2026-11-21.
MEMORY = (
    ("mobilenet_v1 float32", 16.86, 5.42, 44.05),
    ("mobilenet_v1 int8", 4.53, 1.35, 15.59),
    ("mobilenet_v2 float32", 13.92, 6.62, 39.57),
    ("mobilenet_v2 int8", 3.94, 1.66, 14.81),
    ("mobilenet_v3_small float32", 10.16, 2.76, 26.84),
    ("efficientnet_b0 float32", 21.02, 10.24, 58.17),
    ("efficientnet_b0 int8", 6.07, 2.56, 19.76),
    ("resnet50 float32", 102.05, 15.05, 221.94),
    ("ResNet8 float32", 0.32, 0.80, 4.33),
    ("vww int8", 0.33, 0.11, 4.45),
)


def _prose(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _key(one: Held) -> tuple[str, str, str]:
    return one.row.table, one.row.model, one.row.precision


def _narrowly(held: Sequence[Held]) -> str:
    return f"{sum(1 for one in held if one.narrowly)} of {len(held)}"


def _span(held: Sequence[Held]) -> str:
    found = [one.ratio for one in held]
    return f"{min(found):.2f} to {max(found):.2f} times the predicted"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _ms(value: float) -> str:
    return f"{value:.0f} ms" if value >= 20 else f"{value:.1f} ms" if value >= 2 else f"{value:.2f} ms"


def main() -> int:
    """Write the page, or tell whether it is out of date."""
    text = page()
    if "--check" in sys.argv[1:]:
        current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
        if not current:
            print(f"{PAGE.name} is out of date: run python bench/validation_page.py", file=sys.stderr)
        return int(not current)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
