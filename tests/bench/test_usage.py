"""Counting a tree of processes: whoever did the work, it is counted."""

import sys

import pytest
from usage import run_counted

WORK = "import time; end = time.process_time() + 0.2; x = bytearray(64 << 20)\nwhile time.process_time() < end: pass"
IN_A_GRANDCHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WORK!r}])"
LEFT_BEHIND = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {WORK!r}])"


@pytest.mark.parametrize("program", [WORK, IN_A_GRANDCHILD, LEFT_BEHIND])
def test_work_is_counted_wherever_in_the_tree_it_is_done(program: str) -> None:
    usage = run_counted([sys.executable, "-c", program])
    assert usage.cpu_s >= 0.2
    assert usage.peak_rss_bytes >= 64 << 20


def test_a_program_that_fails_ends_the_benchmark_with_what_it_wrote() -> None:
    with pytest.raises(SystemExit, match="no such model"):
        run_counted([sys.executable, "-c", "raise SystemExit('no such model')"])
