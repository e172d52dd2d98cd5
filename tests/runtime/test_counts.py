"""Counts of one inference: what they refuse to hold, how they are read, and how a record shows them."""

from __future__ import annotations

from dataclasses import asdict, astuple, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.codec import FormatError, dumps_document, loads_document
from edgekit_runtime.conditions import BEGIN
from edgekit_runtime.counting import emulated_record
from edgekit_runtime.counts import UNTIMED, Counts, CountsError, Tally, per_inference, read_marks
from edgekit_runtime.handover import Prepared
from edgekit_runtime.record import Record
from edgekit_runtime.runs import BenchSettings
from edgekit_runtime.summary import figures
from edgekit_runtime.table import record_table
from tests.runtime.conftest import moment_of, record_of, run_of

COUNTS = Counts(
    cpu="cortex-a72",
    instructions=3_618_804,
    loads=685_000,
    stores=47_000,
    simd=2_240_000,
    dot_products=0,
    port_cycles=1_560_000,
    l1_refill_bytes=900_032,
    dram_bytes=0,
    operators=31,
)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"loads": -1}, "loads is below 0"),
        ({"cpu": ""}, "have a processor"),
        ({"instructions": 0, "loads": 0, "stores": 0, "simd": 0}, "no class has more"),
        ({"stores": 3_618_805}, "no class has more"),
        ({"dot_products": 2_240_001}, "at most simd"),
    ],
)
def test_refuses_what_cannot_be(changes: dict[str, object], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Counts(**{**asdict(COUNTS), **changes})


NAMES = list(Tally.__dataclass_fields__)
TALLIES = st.builds(Tally, *[st.integers(0, 10**15) for _ in NAMES])


def line(mark: int, tally: Tally) -> str:
    return f"mark {mark} " + " ".join(f"{n} {v}" for n, v in zip(NAMES, astuple(tally), strict=True)) + "\n"


@given(st.dictionaries(st.integers(0, 4095), TALLIES))
def test_reads_what_the_counter_writes(marks: dict[int, Tally]) -> None:
    assert read_marks("".join(line(mark, tally) for mark, tally in marks.items())) == marks


@given(st.text(max_size=200))
def test_any_other_text_is_refused_not_misread(text: str) -> None:
    try:
        marks = read_marks(text)
    except CountsError:
        return
    assert text.splitlines() == [line(mark, tally).rstrip() for mark, tally in marks.items()]


ZERO = Tally(0, 0, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("mark 1 instructions 5\n", "line 1 has other counts: instructions"),
        (line(1, ZERO).replace("dram_lines", "dram"), "line 1 has other counts"),
        (line(1, ZERO) + line(1, ZERO), "line 2 is no count at a mark of its own"),
        (line(1, ZERO)[:-3], "line 1 is no count"),
        ("mark -1" + line(1, ZERO)[6:], "line 1 is no count"),
    ],
)
def test_refuses_what_the_counter_does_not_write(text: str, fault: str) -> None:
    with pytest.raises(CountsError, match=fault):
        read_marks(text)


EMPTY = Tally(900, 90, 80, 70, 0, 16000, 7, 3)
EACH = Tally(1000, 300, 100, 500, 50, 16 * 400, 2, 1)
ONCE = Tally(12_345, 1000, 1000, 0, 0, 160, 40, 50)


def region(*parts: Tally) -> Tally:
    return Tally(*map(sum, zip(*map(astuple, parts), strict=True)))


@pytest.mark.parametrize("once", range(3))
def test_an_inference_is_free_of_marking_and_of_what_happens_once(once: int) -> None:
    regions = [region(EMPTY, *[EACH] * 10) for _ in range(3)]
    regions[once] = region(regions[once], ONCE)
    assert per_inference("cortex-a76", EMPTY, regions, 10) == Counts(
        "cortex-a76", 1000, 300, 100, 500, 50, port_cycles=400, l1_refill_bytes=128, dram_bytes=64, operators=None
    )


def test_regions_that_took_no_more_than_none_are_no_count() -> None:
    with pytest.raises(CountsError, match="no more instructions"):
        per_inference("cortex-a72", EMPTY, [EMPTY], 1)


def emulated() -> Record:
    record = record_of(*[run_of(100)] * 5)
    return replace(record, runs=(), precise=False, moments=(moment_of(BEGIN),), counts=COUNTS)


def test_a_record_of_an_emulated_board_has_counts_in_place_of_times_and_memory() -> None:
    named = {each.name: each.figure for each in figures(emulated())}
    assert named["instructions"].value == 3_618_804
    assert named["instructions"].mode == "simulated"
    assert named["instructions"].interval is not None
    assert named["instructions"].interval.high == pytest.approx(3_618_804 * 1.0001)
    assert named["latency_p50"].reason == named["peak_rss"].reason == UNTIMED
    assert "instructions" in record_table(emulated())


def test_a_count_of_nothing_is_exact() -> None:
    figure = {each.name: each.figure for each in figures(emulated())}["dot_products"]
    assert (figure.value, figure.interval) == (0, None)


def test_a_record_is_either_timed_or_counted() -> None:
    with pytest.raises(ValueError, match="allowed: one of both"):
        replace(record_of(*[run_of(100)] * 5), counts=COUNTS)


def test_a_record_with_counts_survives_its_file_and_one_without_them_is_still_read() -> None:
    assert loads_document(Record, dumps_document(emulated())) == emulated()
    older = dumps_document(record_of(*[run_of(100)] * 5)).replace(',\n "counts": null', "")
    assert '"counts"' not in older
    assert loads_document(Record, older).counts is None


def test_counts_of_a_file_are_checked() -> None:
    with pytest.raises(FormatError, match="no class has more"):
        loads_document(Record, dumps_document(emulated()).replace('"loads": 685000', '"loads": 9999999'))


def test_what_was_asked_for_and_is_not_timed_says_why() -> None:
    settings = BenchSettings(
        throughput=True, weight_cache=True, operators=True, sustain_s=1.0, operating_points=True, energy_s=1.0
    )
    record = emulated()
    prepared = Prepared("tflite", "ai-edge-litert 2.3.0", "xnnpack", record.golden, ())
    made = emulated_record(record.model, record.environment, prepared, COUNTS, settings)
    parts = (made.throughput, made.weight_cache, made.operators, made.sustained, made.points, made.energy)
    assert [part and part.reason for part in parts] == [UNTIMED] * len(parts)
    assert loads_document(Record, dumps_document(made)) == made
    assert {each.name for each in figures(made) if each.figure.available} >= {"instructions", "model_size"}
