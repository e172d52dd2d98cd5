"""MobileNetV2 as a user has it: converted, its memory planned as the interpreter does, its latency as published."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import edgekit
from edgekit_runtime.arena import arena_bytes
from edgekit_runtime.litert import tensor_places
from edgekit_targets.estimate.work import loads_of
from edgekit_targets.graph.plan import plan_memory
from edgekit_targets.graph.tflite import read_tflite

CONVERT = """
import sys, tensorflow as tf
model = tf.keras.applications.MobileNetV2(weights=None)
model.export(sys.argv[1], input_signature=[tf.TensorSpec((1, 224, 224, 3))], verbose=False)
open(sys.argv[2], "wb").write(tf.lite.TFLiteConverter.from_saved_model(sys.argv[1]).convert())
"""


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("mobilenet")
    path = folder / "mobilenet_v2.tflite"
    subprocess.run([sys.executable, "-c", CONVERT, folder / "saved", path], check=True, capture_output=True)
    return path


@pytest.mark.slow
def test_its_memory_is_planned_within_a_tenth_of_the_interpreters_own(mobilenet):
    arena = arena_bytes(tensor_places(str(mobilenet)))
    plan = plan_memory(read_tflite(mobilenet).main)
    assert plan.size_bytes == pytest.approx(arena, rel=0.10)
    assert plan.size_bytes >= plan.bound_bytes


@pytest.mark.slow
def test_what_it_computes_is_what_the_validation_was_made_with(mobilenet, repository):
    told = tomllib.loads((repository / "bench/models_published.toml").read_text())["mobilenet_v2"]["float32"]
    loads = loads_of(read_tflite(mobilenet))
    assert len(loads) == told["operators"]
    assert sum(load.dense_macs for load in loads) == told["dense_macs"]
    assert sum(load.depthwise_macs for load in loads) == told["depthwise_macs"]
    assert sum(load.weight_bytes for load in loads) == pytest.approx(told["weight_bytes"], rel=0.01)
    assert sum(load.activation_bytes for load in loads) == told["activation_bytes"]


@pytest.mark.slow
def test_its_published_latency_lies_in_the_printed_range(mobilenet):
    figure = edgekit.estimate(mobilenet, target="raspberry-pi-4b", threads=4).estimates[0].latency
    assert figure.interval is not None
    assert figure.interval.low < 46e6 < figure.interval.high
