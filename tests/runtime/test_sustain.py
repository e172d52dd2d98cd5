"""A model that runs without a rest: its buckets, and what they come to."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from edgekit_runtime.agent import run_agent
from edgekit_runtime.codec import loads_document
from edgekit_runtime.conditions import Conditions, Fact, Throttling
from edgekit_runtime.figure import measured, unavailable
from edgekit_runtime.pace import drift, growth, sustained_words
from edgekit_runtime.progress import silent
from edgekit_runtime.record import Record
from edgekit_runtime.runs import BenchSettings, Workload
from edgekit_runtime.series import Bucket, CounterReading, CounterRun, Sustained
from edgekit_runtime.summary import figures
from edgekit_runtime.sustain import Seen, join_conditions, measure_sustained
from edgekit_runtime.sustain_process import run_on
from edgekit_runtime.table import record_table

MS = 1e6


def sustained_of(*latencies_ms, **changes):
    buckets = tuple(Bucket(float(i), 100, ms * MS, 2 * ms * MS, 10**7 + 1000 * i) for i, ms in enumerate(latencies_ms))
    return Sustained(float(len(buckets)), 0.99, tuple(replace(bucket, **changes) for bucket in buckets))


def conditions_of(temperature_c, bits):
    heat = measured(temperature_c, "°C", "zone") if temperature_c else unavailable("°C", "no zone")
    throttling = Throttling(reason="no Pi") if bits is None else Throttling(bits)
    return Conditions(Fact(reason="none"), unavailable("MHz", "none"), heat, throttling)


def test_a_run_has_buckets_until_its_time_is_over():
    calls = []
    found = run_on(lambda: calls.append(1), BenchSettings(sustain_s=0.6), lambda: 5, lambda: 1500.0)
    assert sum(bucket.inferences for bucket in found.buckets) == len(calls)
    assert found.elapsed_s >= 0.6
    assert 0 < found.inferring_share <= 1
    assert [bucket.begin_s for bucket in found.buckets] == sorted(bucket.begin_s for bucket in found.buckets)
    assert {(bucket.rss_bytes, bucket.clock_mhz) for bucket in found.buckets} == {(5, 1500.0)}


def test_a_model_runs_in_a_process_of_its_own(dense, tmp_path):
    np.save(tmp_path / "x.npy", np.ones((1, 8), np.float32))
    workload = Workload(str(dense), "tflite", (str(tmp_path / "x.npy"),), BenchSettings(sustain_s=0.5))
    found = measure_sustained("test", workload, silent)
    assert found.elapsed_s >= 0.5
    assert all(bucket.rss_bytes for bucket in found.buckets)


def test_each_bucket_gets_the_last_conditions_before_its_end():
    seen = [Seen(0.5, conditions_of(50, 0)), Seen(1.5, conditions_of(60, 4)), Seen(9.0, conditions_of(90, 4))]
    found = join_conditions(sustained_of(1, 1, 1), seen)
    assert [bucket.temperature_c for bucket in found.buckets] == [50, 60, 60]
    assert [bucket.throttle_bits for bucket in found.buckets] == [0, 4, 4]


def test_conditions_read_too_late_belong_to_no_bucket():
    found = join_conditions(sustained_of(1, 1), [Seen(5.0, conditions_of(50, 0))])
    assert [bucket.temperature_c for bucket in found.buckets] == [None, None]


def test_a_slower_last_third_is_a_drift():
    figure = drift(sustained_of(10, 10.1, 9.9, 11, 11, 11, 12, 12.1, 11.9))
    assert figure.value == pytest.approx(0.2, abs=1e-3)
    assert 0.15 < figure.interval.low < 0.2 < figure.interval.high < 0.25
    assert "inferences took 99.0% of the time" in figure.method


def test_a_few_buckets_tell_no_drift():
    assert "too short to tell" in drift(sustained_of(1, 1, 1, 1)).reason


def test_memory_grows_from_the_first_bucket_on():
    figure = growth(sustained_of(1, 1, 1))
    assert (figure.value, figure.unit) == (2000, "byte")
    assert "200 further inferences" in figure.method
    assert growth(sustained_of(1, 1, rss_bytes=None)).reason


@pytest.mark.parametrize(
    ("found", "parts"),
    [
        (sustained_of(*[10] * 6, 12, 12, 12.1), ("9 s, slows down by 20.", "throttling unknown")),
        (sustained_of(*[12] * 6, 10, 10, 10.1), ("speeds up by 16.",)),
        (sustained_of(10, 10.1, 10.2, 10, 10, 10, 10, 10.2, 10.1, throttle_bits=0), ("keeps its pace", "not thro")),
        (sustained_of(1, 1), ("too short to tell a drift",)),
        (sustained_of(1, 1, clock_mhz=600.0, temperature_c=82.0), ("82 to 82 °C", "600 to 600 MHz")),
        (sustained_of(1, 1, throttle_bits=0b1000), ("throttled from 0 s on (soft temperature limit now)",)),
        (sustained_of(1, 1, throttle_bits=0b1000 << 16), ("not throttled",)),
        (Sustained(reason="it died"), ("it died",)),
    ],
)
def test_it_is_told_in_a_line(found, parts):
    assert all(part in sustained_words(found) for part in parts)


def test_it_stands_in_the_record_and_its_table(dense, capsys):
    options = ["--max-runs=5", "--warmup=0", "--sample=0", "--min-samples=3", "--energy=0"]
    assert run_agent(["bench", "--json", *options, "--sustain=0.3", "--counters", str(dense)]) == 0
    record = loads_document(Record, capsys.readouterr().out)
    assert record.sustained.buckets
    assert record.moments[-1].stage == "sustain"
    assert "\nwithout a rest " in record_table(record)
    assert {"latency_drift", "memory_growth", "instructions", "cycles"} <= {named.name for named in figures(record)}


def test_counters_are_means_of_processes(make_record, make_run):
    runs = tuple(CounterRun(10, 1000 + place, 2000) for place in range(3))
    record = replace(make_record(*[make_run(100)] * 5), counters=CounterReading(runs))
    found = {named.name: named.figure for named in figures(record)}
    assert found["instructions"].value == pytest.approx(100.1)
    assert found["instructions"].interval.low < 100.1 < found["instructions"].interval.high
    assert found["cycles"].value == pytest.approx(200)


def test_without_counters_the_reason_is_told(make_record, make_run):
    record = replace(make_record(*[make_run(100)] * 5), counters=CounterReading(reason="no such counter"))
    found = {named.name: named.figure for named in figures(record)}
    assert found["instructions"].reason == found["cycles"].reason == "no such counter"


def test_a_core_that_is_not_here_ends_it(dense, capsys):
    assert run_agent(["bench", "--json", "--pin=1000", str(dense)]) == 2
    assert "--pin 1000" in json.loads(capsys.readouterr().out)["error"]["message"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Bucket(-1.0, 1, 1.0, 1.0),
        lambda: Bucket(0.0, 0, 1.0, 1.0),
        lambda: Sustained(1.0, 0.5),
        lambda: Sustained(reason="r", elapsed_s=1.0),
        lambda: CounterRun(1, 0, 1),
        CounterReading,
    ],
)
def test_readings_are_whole_or_have_a_reason(make):
    with pytest.raises(ValueError, match=" "):
        make()
