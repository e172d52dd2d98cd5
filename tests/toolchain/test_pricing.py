"""edgekit.pricing: what a fix takes, and what the model costs with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import edgekit
from edgekit.fitting import SAME_RULES
from edgekit.pricing import Twins
from edgekit_targets.catalog import load_profile
from edgekit_targets.estimate.estimate import Estimate, estimate
from edgekit_targets.estimate.price import Price
from edgekit_targets.estimate.subject import Subject, subject_of
from edgekit_targets.graph.read import read_graph
from edgekit_targets.profile import Profile
from edgekit_targets.vela.vela import core_of, operator_rules
from tests.graphs import with_limit
from tests.onnx_models import save_convolutions
from tests.tflite_files import write_dense, write_free_batch, write_quantized_dense, write_recurrent

RESNET, RESNET_INT8 = "mlperf-tiny/pretrainedResnet.tflite", "mlperf-tiny/pretrainedResnet_quant.tflite"
MOBILENET = "tflite-support/mobilenet_v1_0.25_224_1_default_1.tflite"


def row(model: Path, target: str) -> Estimate:
    return edgekit.estimate(model, target=target).estimates[0]


def price(model: Path, target: str) -> Price:
    found = row(model, target).price
    assert found is not None
    return found


def test_what_fits_has_no_price(assets):
    assert row(assets / MOBILENET, "raspberry-pi-4b").price is None


@pytest.mark.parametrize("target", ["ethos-u55-256", "ethos-u85-256"])
def test_a_float_model_is_predicted_as_its_authors_int8_one_is(assets, target):
    pytest.importorskip("ethosu")
    real, then = row(assets / RESNET_INT8, target), price(assets / RESNET, target)
    assert real.fit == then.fit == "fits"
    assert then.needs == ("samples",)
    assert real.latency_range_ms is not None
    assert then.latency_range_ms is not None
    assert then.latency_range_ms.low == pytest.approx(real.latency_range_ms.low, rel=0.1)
    assert then.latency_range_ms.high == pytest.approx(real.latency_range_ms.high, rel=0.1)


def test_the_memory_is_that_of_the_model_with_the_fix(assets):
    found = row(assets / MOBILENET, "coral-dev-board")
    assert found.price is not None
    assert found.price.memory.mode == "predicted"
    assert found.price.memory.value is not None
    assert found.memory.peak_rss.value is not None
    assert found.price.memory.value < found.memory.peak_rss.value


def test_the_fix_behind_the_first_is_priced_with_it(tmp_path):
    found = row(write_free_batch(tmp_path / "free.tflite"), "coral-dev-board")
    assert "--shape" in found.fix
    assert found.price is not None
    assert found.price.needs == ("shapes", "samples")
    assert found.price.fit == "fits"


def test_an_integer_model_takes_its_samples_anew_where_its_source_is_converted(assets):
    found = price(assets / RESNET_INT8, "coral-dev-board")
    assert found.needs == ("shapes", "samples")
    assert found.fit == "fits"


def test_what_still_speaks_against_it_is_told_with_what_that_takes(assets):
    model = next((assets / "tricky/tflite").glob("*simple_mirror_pad_symmetric_op.tflite"))
    found = price(model, "coral-dev-board")
    assert found.fit == "does not fit"
    assert found.needs == ("samples", "rewrite")
    assert found.fit_reason.startswith("1 of 1 operators still run on the processor: MIRROR_PAD")
    assert "that takes operators of the source changed" in found.fit_reason
    assert found.words == "samples of real inputs, without labels"


@pytest.mark.parametrize(
    ("write", "target", "needs", "reason"),
    [
        (write_recurrent, "coral-dev-board", "samples", "may leave UNIDIRECTIONAL_SEQUENCE_RNN in float"),
        (write_dense, "imx-neutron", "vendor", "only once it is done"),
        (save_convolutions, "coral-dev-board", "samples", "of an .onnx file"),
    ],
)
def test_where_nothing_can_be_known_no_figure_is_made_up(tmp_path, write, target, needs, reason):
    found = price(write(tmp_path / "model.bin"), target)
    assert found.needs == (needs,)
    assert (found.fit, found.latency_range_ms) == ("unknown", None)
    assert reason in found.fit_reason
    assert not found.latency.available
    assert not found.memory.available
    assert not found.energy.available


def test_a_fix_that_changes_nothing_here_promises_nothing(assets):
    model = next((assets / "tricky/tflite").glob("*blockwise_quantized.tflite"))
    found = price(model, "raspberry-pi-4b")
    assert (found.needs, found.fit) == (("samples",), "unknown")
    assert "another quantization" in found.fit_reason


def test_hailo_takes_the_source_converted_once_more_and_no_samples(tmp_path):
    assert price(write_quantized_dense(tmp_path, "int8")[1], "hailo-8").needs == ("convert",)


@pytest.mark.parametrize(
    ("model", "target", "needs"),
    [(MOBILENET, "cortex-a55", "figure"), (MOBILENET, "rk3588-npu", "vendor")],
)
def test_what_would_tell_whether_it_fits_has_a_price_too(assets, model, target, needs):
    found = row(assets / model, target)
    assert found.fit == "unknown"
    assert found.fix
    assert found.price is not None
    assert found.price.needs == (needs,)


def test_machines_get_the_price_in_figures(assets, capsys):
    from edgekit.cli.main import main

    assert main(["estimate", str(assets / RESNET), "--target", "coral-dev-board", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["estimates"][0]["price"]
    assert found["needs"] == ["shapes", "samples"]
    assert found["memory"]["mode"] == "predicted"
    assert found["memory"]["interval"]["low"] < found["memory"]["value"]


class Predictions:
    """Predicts, and keeps which models were asked for."""

    def __init__(self) -> None:
        self.asked: list[Subject] = []

    def __call__(self, subject: Subject, profile: Profile) -> Estimate:
        self.asked.append(subject)
        return estimate(subject, profile)


def test_a_twin_is_made_once_for_every_target(assets, tmp_path):
    file = assets / MOBILENET
    subject, predict = subject_of(read_graph(file), file.stat().st_size), Predictions()
    twins = Twins(subject, file, tmp_path, predict)
    for target in ("raspberry-pi-4b", "raspberry-pi-5", "pixel-4"):
        profile = with_limit(load_profile(target).profile, "model_size_kib", 1000)
        found = twins.priced(estimate(subject, profile), profile)
        assert found.price is not None
        assert (found.price.needs, found.price.fit) == (("samples",), "fits")
        assert found.price.latency_range_ms is not None
    assert len(predict.asked) == 3
    assert len(set(map(id, predict.asked))) == 1


def test_what_int8_does_not_make_small_enough_takes_training(assets, tmp_path):
    file = assets / MOBILENET
    subject = subject_of(read_graph(file), file.stat().st_size)
    profile = with_limit(load_profile("raspberry-pi-4b").profile, "model_size_kib", 100)
    found = Twins(subject, file, tmp_path, estimate).priced(estimate(subject, profile), profile)
    assert found.price is not None
    assert (found.price.needs, found.price.fit) == (("samples", "training"), "does not fit")


def test_kinds_of_ethos_u_that_are_asked_once_have_the_same_rules():
    pytest.importorskip("ethosu")
    examples = {core_of(name): name for name in ("ethos-u55-256", "ethos-u65-256", "ethos-u85-256")}
    for kind, other in SAME_RULES.items():
        assert operator_rules(examples[kind]) == operator_rules(examples[other])
