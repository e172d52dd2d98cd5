"""Lists of cores, and the processes that keep to them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.errors import UserError
from edgekit_runtime.pinning import parse_cores, pin_to
from edgekit_runtime.runs import BenchSettings

linux = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not pin processes")


@pytest.mark.parametrize(
    ("text", "cores"), [("", ()), ("2", (2,)), ("2,3", (2, 3)), ("0-3", (0, 1, 2, 3)), ("3,0-1,1", (0, 1, 3))]
)
def test_a_list_of_cores_is_read(text, cores):
    assert parse_cores(text) == cores


@pytest.mark.parametrize("text", ["a", "1,", "-1", "1-", "3-1", "1024", "0-99999", "1 ,2", "²", "1-2-3"])
def test_what_is_no_list_of_cores_is_refused(text):
    with pytest.raises(ValueError, match="allowed"):
        BenchSettings(pin=text)


@given(st.sets(st.integers(0, 1023), min_size=1, max_size=8))
def test_any_cores_are_read_back(cores):
    assert parse_cores(",".join(map(str, cores))) == tuple(sorted(cores))


@linux
def test_a_process_keeps_to_its_core():
    core = max(os.sched_getaffinity(0))
    code = f"from edgekit_runtime.pinning import pin_to; import os; pin_to('{core}'); print(os.sched_getaffinity(0))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{{{core}}}"


@linux
def test_a_core_that_is_not_here_is_told():
    with pytest.raises(UserError, match=r"--pin 1023: not all of these cores may be used here; allowed: some of 0"):
        pin_to("1023")


def test_where_nothing_pins_it_is_told(monkeypatch):
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    with pytest.raises(UserError, match="does not pin"):
        pin_to("0")
    pin_to("")
