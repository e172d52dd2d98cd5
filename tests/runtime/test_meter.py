"""Logs of external meters: their columns, their clocks, and the energy that they tell."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.agent import run_agent
from edgekit_runtime.codec import loads_document
from edgekit_runtime.errors import UserError
from edgekit_runtime.meter import Sample, energy_of, join_meter, read_meter
from edgekit_runtime.readings import PowerWindow
from edgekit_runtime.record import Record
from edgekit_runtime.runs import BenchSettings
from edgekit_runtime.summary import figures

BEGIN_S = 1_700_000_000.0


def windows_of(count=5):
    """Windows of a second idle and a second busy, 100 inferences of 10 ms each."""
    starts = [BEGIN_S + 3 * place for place in range(count)]
    return tuple(PowerWindow(at, at + 1, at + 1.02, at + 2.02, 100, 1_000_000_000) for at in starts)


def samples_of(windows, idle_mw=2000.0, busy_mw=5000.0, step_s=0.05, offset_s=0.0):
    """A meter that shows one power while the device is busy, and another at all other times."""
    found, at_s = [], windows[0].idle_begin_s - 1
    while at_s < windows[-1].end_s + 1:
        busy = any(window.busy_begin_s <= at_s <= window.end_s for window in windows)
        found.append(Sample(at_s - offset_s, busy_mw if busy else idle_mw))
        at_s += step_s
    return tuple(found)


@pytest.fixture
def log(tmp_path):
    def write(text, name="power.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("head", "line", "sample"),
    [
        ("timestamp,power_w", "1700000000.5,2.5", (1700000000.5, 2500)),
        ("time_ms;Power [mW]", "1700000000500;2500", (1700000000.5, 2500)),
        ("Time\tVoltage (V)\tCurrent (mA)", "1700000000.5\t5\t500", (1700000000.5, 2500)),
        ("unix,sample,power_uw", "1700000000500000,7,2500000", (1700000000.5, 2500)),
        ("t (ns),P (W)", "1700000000500000000,2.5", (1700000000.5, 2500)),
        ("voltage_mv,current_a,timestamp", "5000,0.5,1700000000.5", (1700000000.5, 2500)),
    ],
)
def test_columns_are_told_by_their_names_and_units(log, head, line, sample):
    (found,) = read_meter(log(f"{head}\n{line}\n"))
    assert found.at_s == pytest.approx(sample[0], abs=1e-3)
    assert found.power_mw == pytest.approx(sample[1])


@pytest.mark.parametrize(
    "text", ["2023-11-14T22:13:20.5Z", "2023-11-14T23:13:20.500+01:00", "2023-11-14 22:13:20.500+00:00"]
)
def test_times_may_be_dates(log, text):
    (found,) = read_meter(log(f"datetime,power_w\n{text.replace('.5Z', '.500Z')},1\n"))
    assert found.at_s == datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=UTC).timestamp()


def test_a_line_that_is_being_written_is_left_out(log):
    assert len(read_meter(log("timestamp,power_w\n1700000000,1\n1700000001,2"))) == 1
    assert read_meter(log("timestamp,power_w\n")) == ()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "no first line"),
        ("timestamp,amps\n", "its columns are timestamp, amps; allowed: a first line with"),
        ("timestamp,power\n", "its columns are"),
        ("when,power_w\n", "its columns are"),
        ("timestamp,voltage_v\n", "its columns are"),
        ("timestamp,power_w\n1700000000\n", "line 2: it is not of the form"),
        ("timestamp,power_w\nx,1\n", "line 2: it is not of the form"),
        ("timestamp,power_w\n1700000000,1\n1700000001,x\n", "line 3: it is not of the form"),
        ("timestamp,power_w\n1700000001,1\n1700000000,1\n", "line 3: its time goes back"),
        ("timestamp,power_w\n1700000000,nan\n", "its power is no number"),
        ("timestamp,power_w\ninf,1\n", "line 2: it is not of the form"),
    ],
)
def test_what_is_no_log_is_told(log, text, part):
    with pytest.raises(UserError, match=part):
        read_meter(log(text))


def test_a_log_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_meter(tmp_path / "none.csv")


@given(st.text(max_size=200))
def test_any_text_is_a_log_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("log") / "power.csv"
    path.write_text("timestamp,power_w\n" + text, encoding="utf-8", errors="replace")
    with suppress(UserError):
        found = read_meter(path)
        assert [sample.at_s for sample in found] == sorted(sample.at_s for sample in found)


def test_energy_is_the_power_beyond_idling_times_the_time_of_an_inference():
    reading = energy_of(windows_of(), samples_of(windows_of()), "power.csv", 0.0, 0.0)
    assert [run.energy_uj for run in reading.runs] == pytest.approx([30_000] * 5)  # 3 W for 10 ms
    assert "external meter power.csv, 1" in reading.sensor


@given(st.floats(-50, 50), st.floats(0, 0.2))
def test_a_clock_that_is_set_right_changes_nothing(offset_s, uncertainty_s):
    samples = samples_of(windows_of(), offset_s=offset_s)
    reading = energy_of(windows_of(), samples, "power.csv", offset_s, uncertainty_s)
    assert [run.energy_uj for run in reading.runs] == pytest.approx([30_000] * 5)


def test_a_log_of_another_time_says_how_far_it_is_off():
    reading = energy_of(windows_of(), samples_of(windows_of(), offset_s=3600.0), "power.csv", 0.0, 0.0)
    assert "0 samples lie in a window" in reading.reason
    assert "begins 3601.0 s before the first window" in reading.reason
    assert "ends 3599.0 s before the last one" in reading.reason
    assert "--meter-offset" in reading.reason


def test_a_meter_that_samples_too_seldom_is_told():
    reading = energy_of(windows_of(), samples_of(windows_of(), step_s=0.8), "power.csv", 0.0, 0.0)
    assert "too few; let the meter sample more often" in reading.reason


def test_without_windows_there_is_no_energy():
    assert energy_of((), (), "power.csv", 0.0, 0.0).reason == "nothing was noted for an external meter"


def test_an_empty_log_is_told():
    assert "the log is empty" in energy_of(windows_of(), (), "power.csv", 0.0, 0.0).reason


def test_it_becomes_the_records_energy(make_record, make_run, log):
    lines = [f"{sample.at_s:.3f},{sample.power_mw / 1e3}" for sample in samples_of(windows_of())]
    path = log("timestamp,power_w\n" + "\n".join(lines) + "\n")
    record = replace(make_record(*[make_run(100)] * 5), windows=windows_of())
    energy = next(named.figure for named in figures(join_meter(record, path)) if named.name == "energy")
    assert energy.value == pytest.approx(30_000)
    assert energy.mode == "measured"
    assert "external meter power.csv" in energy.method


@pytest.mark.slow
def test_a_model_is_measured_while_a_meter_writes(dense, tmp_path, capsys):
    path, ended = tmp_path / "power.csv", threading.Event()
    path.write_text("timestamp,power_w\n")

    def write():
        while not ended.wait(0.02):
            with open(path, "a", encoding="utf-8") as file:
                file.write(f"{time.time():.3f},4.0\n")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        options = ["--max-runs=5", "--warmup=0", "--sample=0", "--min-samples=3", "--energy=0.4"]
        assert run_agent(["bench", "--json", *options, f"--meter={path}", str(dense)]) == 0
    finally:
        ended.set()
        thread.join()
    record = loads_document(Record, capsys.readouterr().out)
    assert len(record.windows) == len(record.energy.runs) == 5
    assert [run.busy_mw for run in record.energy.runs] == pytest.approx([4000.0] * 5)


def test_a_meter_needs_time_to_measure():
    with pytest.raises(ValueError, match="energy_s is 0; allowed: above 0 with an external meter"):
        BenchSettings(windows=True, energy_s=0.0)


def test_windows_follow_each_other():
    with pytest.raises(ValueError, match="follow each other"):
        PowerWindow(1.0, 2.0, 1.5, 3.0, 1, 1)
    with pytest.raises(ValueError, match="no inference"):
        PowerWindow(1.0, 2.0, 2.0, 3.0, 0, 1)
