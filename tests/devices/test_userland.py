"""Where there can be no stand-in, it says why, and its tests are skipped with that reason."""

from __future__ import annotations

import pytest

from tests.devices.conftest import standin_or_skip
from tests.devices.standin.userland import ARM64, UnavailableError, build_userland


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
