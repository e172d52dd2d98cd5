"""Limits of clocks, in a made sysfs: they are set and set back."""

from __future__ import annotations

import os

import pytest

from edgekit_runtime.clock_cap import CapError, ClockCap


def sysfs_of(folder, *steps, highest="2400000"):
    for number, each in enumerate(steps):
        policy = folder / f"sys/devices/system/cpu/cpufreq/policy{number}"
        policy.mkdir(parents=True)
        (policy / "scaling_max_freq").write_text(f"{highest}\n")
        (policy / "cpuinfo_min_freq").write_text("600000\n")
        (policy / "cpuinfo_max_freq").write_text(f"{highest}\n")
        if each:
            (policy / "scaling_available_frequencies").write_text(f"{each}\n")
    return folder


def limits(folder):
    return [path.read_text() for path in sorted(folder.glob("sys/devices/system/cpu/cpufreq/*/scaling_max_freq"))]


def test_the_lowest_the_middle_and_the_highest_are_tried(tmp_path):
    cap = ClockCap(sysfs_of(tmp_path, "600000 1000000 1500000 2000000 2400000"))
    assert cap.steps_mhz() == (600, 1500, 2400)


def test_only_limits_that_all_processors_take_are_tried(tmp_path):
    cap = ClockCap(sysfs_of(tmp_path, "600000 1000000 2400000", "600000 1800000 2400000"))
    assert cap.steps_mhz() == (600, 2400)


def test_without_a_list_the_ends_tell(tmp_path):
    assert ClockCap(sysfs_of(tmp_path, "")).steps_mhz() == (600, 1500, 2400)


def interrupted_under(cap, folder):
    with cap.limited(600.0):
        assert limits(folder) == ["600000\n"] * 2
        raise KeyboardInterrupt


def test_a_limit_holds_within_the_block_and_is_set_back_even_after_an_error(tmp_path):
    cap = ClockCap(sysfs_of(tmp_path, "600000 2400000", "600000 2400000"))
    with pytest.raises(KeyboardInterrupt):
        interrupted_under(cap, tmp_path)
    assert limits(tmp_path) == ["2400000\n"] * 2


def test_a_system_without_limits_says_so(tmp_path):
    with pytest.raises(CapError, match="no limits to set"):
        ClockCap(tmp_path)


def test_a_user_who_may_not_set_them_is_told(tmp_path, monkeypatch):
    sysfs_of(tmp_path, "600000 2400000")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(CapError, match=r"only root may write .*scaling_max_freq"):
        ClockCap(tmp_path)


@pytest.mark.parametrize("steps", ["600000", "slow fast"])
def test_limits_that_make_no_sense_are_told(tmp_path, steps):
    with pytest.raises(CapError, match="left as it is"):
        ClockCap(sysfs_of(tmp_path, steps)).steps_mhz()
