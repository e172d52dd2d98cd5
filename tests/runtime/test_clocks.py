"""Limits and governors of clocks, in a made sysfs: they are set and set back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from edgekit_runtime.clocks import ClockError, Clocks, ClockSetting

POLICIES = "sys/devices/system/cpu/cpufreq"
PI = "conservative ondemand userspace powersave performance schedutil"


def sysfs_of(folder, *steps, highest="2400000", governors="", governor="ondemand"):
    """A tree with a policy for each list of clocks; `governors` are what each could run under."""
    for number, each in enumerate(steps):
        policy = folder / POLICIES / f"policy{number}"
        policy.mkdir(parents=True)
        files = {"scaling_max_freq": highest, "cpuinfo_min_freq": "600000", "cpuinfo_max_freq": highest}
        if each:
            files["scaling_available_frequencies"] = each
        if governors:
            files.update(scaling_governor=governor, scaling_available_governors=governors)
        for name, text in files.items():
            (policy / name).write_text(f"{text}\n")
    return folder


def now(folder, name):
    return [path.read_text().strip() for path in sorted(folder.glob(f"{POLICIES}/*/{name}"))]


def limits(folder):
    return now(folder, "scaling_max_freq")


def test_the_lowest_the_middle_and_the_highest_limit_are_tried(tmp_path):
    assert Clocks(sysfs_of(tmp_path, "600000 1000000 1500000 2000000 2400000")).caps == (600, 1500, 2400)


def test_only_limits_that_all_processors_take_are_tried(tmp_path):
    clocks = Clocks(sysfs_of(tmp_path, "600000 1000000 2400000", "600000 1800000 2400000"))
    assert clocks.caps == (600, 2400)


def test_without_a_list_the_ends_tell(tmp_path):
    assert Clocks(sysfs_of(tmp_path, "")).caps == (600, 1500, 2400)


def test_each_governor_that_sets_the_clock_itself_is_tried_but_the_one_of_now(tmp_path):
    clocks = Clocks(sysfs_of(tmp_path, "600000 2400000", governors=PI))
    assert clocks.governors == ("performance", "schedutil", "conservative")  # powersave is the lowest limit again
    assert clocks.governors_by == "performance, schedutil, conservative tried without a limit, and set back"
    assert clocks.settings() == (
        ClockSetting(cap_mhz=600),
        ClockSetting(cap_mhz=2400),
        *(ClockSetting(governor=name) for name in clocks.governors),
    )


def test_where_powersave_is_no_fixed_clock_it_is_tried(tmp_path):
    clocks = Clocks(sysfs_of(tmp_path, "", governors="performance powersave", governor="performance"))
    assert clocks.governors == ("powersave",)


def test_processors_under_different_governors_may_all_get_the_same(tmp_path):
    root = sysfs_of(tmp_path, "600000 2400000", "600000 2400000", governors="ondemand performance")
    (root / POLICIES / "policy1/scaling_governor").write_text("performance\n")
    assert Clocks(root).governors == ("performance", "ondemand")


def interrupted_under(clocks, folder):
    with clocks.held() as set_clocks:
        set_clocks(ClockSetting(cap_mhz=600.0))
        assert (limits(folder), now(folder, "scaling_governor")) == (["600000"] * 2, ["ondemand"] * 2)
        set_clocks(ClockSetting(governor="performance"))
        assert (limits(folder), now(folder, "scaling_governor")) == (["2400000"] * 2, ["performance"] * 2)
        set_clocks(ClockSetting(cap_mhz=600.0))
        raise KeyboardInterrupt


def test_settings_hold_within_the_block_and_are_set_back_even_after_an_error(tmp_path):
    clocks = Clocks(sysfs_of(tmp_path, "600000 2400000", "600000 2400000", governors=PI))
    with pytest.raises(KeyboardInterrupt):
        interrupted_under(clocks, tmp_path)
    assert limits(tmp_path) == ["2400000"] * 2
    assert now(tmp_path, "scaling_governor") == ["ondemand"] * 2


KILLED = """
import sys, time
from pathlib import Path
from edgekit_runtime.clocks import Clocks, ClockSetting
with Clocks(Path(sys.argv[1])).held() as set_clocks:
    set_clocks(ClockSetting(cap_mhz=600.0, governor="performance"))
    print("set", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_process_that_is_killed_with_its_group_leaves_the_clocks_as_they_were(tmp_path, number):
    root = sysfs_of(tmp_path, "600000 2400000", governors=PI)
    argv = [sys.executable, "-c", KILLED, str(root)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"set\n"
        assert limits(root) == ["600000"]
        os.killpg(process.pid, number)
    deadline = time.monotonic() + 30
    while limits(root) != ["2400000"] or now(root, "scaling_governor") != ["ondemand"]:
        assert time.monotonic() < deadline, "the clock stayed as it was set"
        time.sleep(0.01)


def test_a_guard_that_is_killed_leaves_it_to_the_process_itself(tmp_path, monkeypatch):
    monkeypatch.setattr("edgekit_runtime.put_back.GUARD", "print('ready', flush=True); raise SystemExit(1)")
    root = sysfs_of(tmp_path, "600000 2400000")
    with Clocks(root).held() as set_clocks:
        set_clocks(ClockSetting(cap_mhz=600.0))
    assert limits(root) == ["2400000"]


def test_without_a_guard_nothing_is_set(tmp_path, monkeypatch):
    monkeypatch.setattr("edgekit_runtime.put_back.GUARD", "raise SystemExit(1)")
    root = sysfs_of(tmp_path, "600000 2400000")
    with pytest.raises(ClockError), Clocks(root).held():
        pytest.fail("the block must not be entered")
    assert limits(root) == ["2400000"]


def refused_at(clocks, limit):
    with clocks.held() as set_clocks:
        limit.unlink()
        limit.mkdir()
        try:
            set_clocks(ClockSetting(cap_mhz=600.0))
        finally:
            limit.rmdir()
            limit.write_text("600000\n")


def test_a_setting_that_the_system_refuses_is_told_with_its_file(tmp_path):
    root = sysfs_of(tmp_path, "600000 2400000")
    with pytest.raises(ClockError, match=r"policy0/scaling_max_freq: is a directory"):
        refused_at(Clocks(root), root / POLICIES / "policy0/scaling_max_freq")
    assert limits(root) == ["2400000"]


def test_a_system_without_clocks_to_set_says_so_and_has_one_setting(tmp_path):
    clocks = Clocks(tmp_path)
    assert clocks.caps_by == "left as it is: this system has no scaling_max_freq to set"
    assert clocks.governors_by == "left as it is: this system has no scaling_governor to set"
    assert clocks.settings() == (ClockSetting(),)
    with clocks.held() as set_clocks:
        set_clocks(ClockSetting())


def test_a_user_who_may_not_set_them_is_told(tmp_path, monkeypatch):
    sysfs_of(tmp_path, "600000 2400000", governors=PI)
    monkeypatch.setattr(os, "access", lambda *_: False)
    clocks = Clocks(tmp_path)
    assert clocks.caps_by.startswith("left as it is: only root may write ")
    assert clocks.caps_by.endswith("/policy0/scaling_max_freq")
    assert clocks.governors_by.endswith("/policy0/scaling_governor")
    assert clocks.settings() == (ClockSetting(),)


@pytest.mark.parametrize("steps", ["600000", "slow fast"])
def test_limits_that_make_no_sense_are_told(tmp_path, steps):
    clocks = Clocks(sysfs_of(tmp_path, steps))
    assert clocks.caps == ()
    assert clocks.caps_by.startswith("left as it is: ")


def test_one_governor_alone_is_no_choice(tmp_path):
    clocks = Clocks(sysfs_of(tmp_path, "600000 2400000", governors="userspace ondemand"))
    assert clocks.governors_by == "left as it is: the processors have no other one in common"
