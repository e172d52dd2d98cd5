"""The profile that onnxruntime writes."""

from __future__ import annotations

import json

import pytest

from edgekit_runtime.errors import ModelError
from edgekit_runtime.onnx_profile import read_profile


def event(name, begin, taken, kind="Conv"):
    return {"cat": "Node", "name": f"{name}_kernel_time", "ts": begin, "dur": taken, "args": {"op_name": kind}}


def profile_of(*events):
    return json.dumps([{"cat": "Session", "name": "model_run", "ts": 0, "dur": 99}, *events])


def test_each_node_has_its_mean_without_the_warm_up():
    runs = [event("a", 100 * i, 50 if i == 0 else 10 + i % 2) for i in range(9)]
    rows = read_profile(profile_of(*runs, *[event("b", 100 * i + 60, 3, "Gemm") for i in range(9)]), 1)
    assert [(row.place, row.kind, row.name) for row in rows] == [(0, "Conv", "a"), (1, "Gemm", "b")]
    assert [row.time_ns for row in rows] == [10_500, 3_000]


def test_what_a_node_runs_within_itself_counts_once():
    rows = read_profile(profile_of(event("if", 0, 20, "If"), event("inner", 5, 10), event("after", 21, 4)), 0)
    assert [row.name for row in rows] == ["if", "after"]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "cannot be read"),
        ("{}", "tells of no operator"),
        ("[1]", "cannot be read"),
        ("[]", "tells of no operator"),
        ('[{"cat": "Node", "name": "a_kernel_time", "ts": 0}]', "cannot be read"),
        ('[{"cat": "Node", "name": "a_kernel_time", "ts": 0, "dur": "x", "args": {"op_name": "a"}}]', "cannot be read"),
    ],
)
def test_what_is_no_profile_is_told(text, part):
    with pytest.raises(ModelError, match=part):
        read_profile(text, 0)
