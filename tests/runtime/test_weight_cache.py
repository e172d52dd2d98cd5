"""Load times with and without XNNPACK's weight cache."""

from __future__ import annotations

import pytest

from edgekit_runtime import weight_cache
from edgekit_runtime.errors import ModelError
from edgekit_runtime.handover import ProbeRequest
from edgekit_runtime.progress import silent
from edgekit_runtime.weight_cache import measure_weight_cache


def test_a_model_is_loaded_by_fresh_processes_with_and_without_a_cache(dense):
    told = []
    found = measure_weight_cache("loading", ProbeRequest(str(dense), 1, 1), 60, lambda *p: told.append(p))
    assert len(found.uncached_ns) == len(found.cached_ns) == 5
    assert found.size_bytes > 0
    assert [done for _, done, _ in told] == list(range(6))


def test_an_interpreter_that_writes_no_cache_is_told(dense, monkeypatch):
    monkeypatch.setattr(weight_cache, "call_process", lambda *_: {"ns": 5})  # as one that overlooks the option
    found = measure_weight_cache("loading", ProbeRequest(str(dense), 1, 1), 60, silent)
    assert found.reason == "the interpreter wrote no weight cache for this model"


def test_a_file_that_is_refused_is_the_models_error(tmp_path):
    (tmp_path / "cut.tflite").write_bytes(b"\x1c\0\0\0TFL3")
    with pytest.raises(ModelError, match=r"cut\.tflite"):
        measure_weight_cache("loading", ProbeRequest(str(tmp_path / "cut.tflite"), 1, 1), 60, silent)
