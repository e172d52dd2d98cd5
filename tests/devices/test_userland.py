"""Where there can be no stand-in, it says why, and its tests are skipped with that reason; programs are installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.devices.conftest import standin_or_skip
from tests.devices.standin.userland import ARM64, UnavailableError, build_userland, require_programs


def test_without_root_it_says_so(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(UnavailableError, match="needs root"):
        build_userland(ARM64)
    with pytest.raises(pytest.skip.Exception, match="needs root"), standin_or_skip("pi4"):
        pass


def test_without_debians_programs_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="needs a Debian"):
        build_userland(ARM64)


def test_a_program_that_is_missing_is_installed_by_root_alone(monkeypatch, tmp_path):
    apt = tmp_path / "apt-get"
    apt.write_text(
        f"""#!/bin/sh\necho "$*" >> {tmp_path}/told\n[ "$2" = update ] || ln -s /bin/true {tmp_path}/tool\n"""
    )
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    needed = {"tool": "tool-package tool-headers", "sh": "dash"}

    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(UnavailableError, match="tool-headers, tool-package is not installed; root on a Debian"):
        require_programs(needed)
    assert not Path(tmp_path, "told").exists()
    monkeypatch.setattr("os.geteuid", lambda: 0)
    for _ in range(2):
        require_programs(needed)
    assert Path(tmp_path, "told").read_text().splitlines() == [
        "-q update",
        "-q -y --no-install-recommends install tool-headers tool-package",
    ]
