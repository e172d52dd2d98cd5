"""Peak memory from a made process folder, and from this process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edgekit_runtime.memory import PeakMeter

STATUS = "Name:\tpython3\nVmHWM:\t   {peak} kB\nVmRSS:\t   {now} kB\nRssAnon:\t   {anonymous} kB\n"


def write_status(folder, peak, now, anonymous):
    (folder / "status").write_text(STATUS.format(peak=peak, now=now, anonymous=anonymous))


def test_the_peak_is_reset_first_and_read_beside_its_baseline(tmp_path):
    write_status(tmp_path, 30_000, 20_000, 9_000)
    meter = PeakMeter(str(tmp_path))
    assert (tmp_path / "clear_refs").read_text() == "5"
    write_status(tmp_path, 24_000, 22_000, 11_000)
    reading = meter.read()
    assert reading.baseline_rss_bytes == 20_000 * 1024
    assert reading.peak_rss_bytes == 24_000 * 1024
    assert reading.anonymous_rss_bytes == 11_000 * 1024
    assert reading.reason == ""
    assert "VmHWM" in reading.method


def test_without_procfs_the_reason_names_what_is_missing(tmp_path):
    reading = PeakMeter(str(tmp_path / "none")).read()
    assert reading.peak_rss_bytes is None
    assert "clear_refs" in reading.reason


def test_a_kernel_that_refuses_the_reset_gives_a_reason_and_no_peak(tmp_path):
    write_status(tmp_path, 30_000, 20_000, 9_000)
    (tmp_path / "clear_refs").mkdir()  # cannot be opened for writing
    reading = PeakMeter(str(tmp_path)).read()
    assert reading.peak_rss_bytes is None
    assert "cannot be reset" in reading.reason


@pytest.mark.parametrize("status", ["VmRSS:\t20000 kB\n", "VmRSS:\t20000 kB\nVmHWM:\tmany\nRssAnon:\t1 kB\n"])
def test_a_status_that_lacks_the_peak_gives_a_reason(tmp_path, status):
    (tmp_path / "status").write_text(status)
    reading = PeakMeter(str(tmp_path)).read()
    assert reading.peak_rss_bytes is None
    assert "cannot be read" in reading.reason


@pytest.mark.skipif(sys.platform != "linux", reason="the high-water mark is Linux's")
def test_memory_that_was_given_back_still_shows_in_the_peak():
    script = (
        "from edgekit_runtime.memory import PeakMeter\n"
        "early = bytearray(64 << 20); del early\n"
        "meter = PeakMeter()\n"
        "block = bytearray(16 << 20); del block\n"
        "reading = meter.read()\n"
        "print(reading.reason or (reading.peak_rss_bytes - reading.baseline_rss_bytes) >> 20)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    if not done.stdout.strip().isdigit():
        pytest.skip(f"this kernel gives no peak: {done.stdout.strip()}")
    assert 15 <= int(done.stdout) <= 20  # the later block, and not the earlier one
