"""One network in both formats: nothing published tells of onnxruntime, so its estimate is held against LiteRT's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import edgekit
from edgekit_targets.catalog import load_profile
from edgekit_targets.estimate.predict import predict
from edgekit_targets.estimate.remedies import RATIO_SPREAD
from edgekit_targets.estimate.work import loads_of
from edgekit_targets.graph.read import read_graph

EXPORT = """
import sys, keras, tensorflow as tf
folder, resnet = sys.argv[1:]
mobilenet = keras.applications.MobileNetV2(weights=None)
for name, model in (("mobilenet_v2", mobilenet), ("resnet8", keras.models.load_model(resnet, compile=False))):
    signature = [keras.InputSpec(shape=(1, *model.input_shape[1:]), dtype="float32")]
    model.export(f"{folder}/{name}.onnx", format="onnx", input_signature=signature, verbose=False)
    tensor = tf.TensorSpec((1, *model.input_shape[1:]))
    model.export(f"{folder}/{name}", input_signature=[tensor], verbose=False)
    open(f"{folder}/{name}.tflite", "wb").write(tf.lite.TFLiteConverter.from_saved_model(f"{folder}/{name}").convert())
"""
NETWORKS = ("mobilenet_v2", "resnet8")


@pytest.fixture(scope="module")
def exported(tmp_path_factory, assets) -> Path:
    folder = tmp_path_factory.mktemp("formats")
    resnet = assets / "mlperf-tiny/pretrainedResnet.h5"
    subprocess.run([sys.executable, "-c", EXPORT, folder, resnet], check=True, capture_output=True)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_both_formats_compute_the_same(exported, network):
    tflite, onnx = (loads_of(read_graph(exported / f"{network}.{name}")) for name in ("tflite", "onnx"))
    for of in (lambda load: load.dense_macs, lambda load: load.depthwise_macs):
        assert sum(map(of, onnx)) == sum(map(of, tflite))
    assert sum(load.weight_bytes for load in onnx) == pytest.approx(sum(load.weight_bytes for load in tflite), rel=0.02)
    moved = sum(load.activation_bytes for load in tflite)
    assert moved * 0.75 < sum(load.activation_bytes for load in onnx) < moved * 1.5


@pytest.mark.slow
@pytest.mark.parametrize("target", ["raspberry-pi-3b-plus", "raspberry-pi-4b", "raspberry-pi-5"])
@pytest.mark.parametrize("network", NETWORKS)
def test_each_formats_latency_lies_in_the_range_that_is_printed_for_the_other(exported, network, target):
    profile = load_profile(target).profile
    times = {}
    for name in ("tflite", "onnx"):
        times[name] = predict(loads_of(read_graph(exported / f"{network}.{name}")), profile, 1).total_ms
    for name, other in (("tflite", "onnx"), ("onnx", "tflite")):
        printed = edgekit.estimate(exported / f"{network}.{name}", target=target).estimates[0].latency_range_ms
        assert printed is not None
        assert printed.low < times[other] < printed.high
    assert max(times.values()) < min(times.values()) * RATIO_SPREAD
