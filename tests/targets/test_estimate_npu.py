"""edgekit_targets.estimate.npu: what bounds a model on an accelerator, its link, and its processor's part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_targets.catalog import load_profile
from edgekit_targets.check import check_graph
from edgekit_targets.estimate.estimate import Estimate, estimate
from edgekit_targets.estimate.latency import Unpredictable
from edgekit_targets.estimate.npu.blocks import cycles_of
from edgekit_targets.estimate.npu.encoded import encoded_bytes
from edgekit_targets.estimate.npu.link import streamed_bytes
from edgekit_targets.estimate.npu.on_accelerator import with_accelerator
from edgekit_targets.estimate.npu.roofline import operators_on
from edgekit_targets.estimate.npu.timing import NpuTime, npu_time
from edgekit_targets.estimate.subject import Subject, subject_of
from edgekit_targets.estimate.work import loads_of
from edgekit_targets.findings import Place, Placement, predicted
from edgekit_targets.graph.graph import Graph
from edgekit_targets.graph.read import read_graph
from edgekit_targets.profile import Profile
from edgekit_targets.sourced import Sourced
from edgekit_targets.vela.vela import compile_with_vela
from tests.claims import forbidden_claims
from tests.graphs import GraphMaker, mobilenet_v1

BOARD, USB, ETHOS = (load_profile(n).profile for n in ("coral-dev-board", "coral-edgetpu-usb", "ethos-u55-256"))
MODELS = ("pretrainedResnet_quant", "kws_ref_model", "vww_96_int8", "ad01_int8")
SIZE = 5_000_000


def placed(graph: Graph, *left: int, link_bytes: float = 151_528) -> Placement:
    """A placement with some operators left to the processor."""
    main = graph.main
    return Placement(
        operators=predicted(len(main.operators) - len(left), "operator", "made"),
        macs=predicted(1, "MAC", "made"),
        partitions=predicted(1, "partition", "made"),
        link=predicted(link_bytes, "byte", "made"),
        first_refused=None,
        left=tuple(Place.of(main, index) for index in left),
    )


def timed(graph: Graph, profile: Profile, *left: int) -> NpuTime:
    return npu_time(subject_of(graph, SIZE), placed(graph, *left), profile)


def estimated(graph: Graph, profile: Profile, *left: int) -> Estimate:
    subject = subject_of(graph, SIZE)
    return with_accelerator(estimate(subject, profile), subject, placed(graph, *left), profile)


def dense(inputs: int, outputs: int, values: np.ndarray | None = None) -> Graph:
    """One dense layer in int8."""
    made = GraphMaker("int8")
    source, weights = made.tensor(1, inputs), made.weights(outputs, inputs)
    if values is not None:
        made.tensors[weights] = replace(made.tensors[weights], data=memoryview(values.tobytes()))
    return made.graph(source, made.operator("FULLY_CONNECTED", (source, weights), 1, outputs))


def without_link_latency(profile: Profile) -> Profile:
    assert profile.link is not None
    return replace(profile, link=replace(profile.link, latency_us=None))


@pytest.mark.parametrize(("profile", "published_us"), [(BOARD, 2400), (USB, 4200)])
def test_a_mobilenet_takes_on_an_edge_tpu_what_its_maker_published(profile: Profile, published_us: float) -> None:
    assert timed(mobilenet_v1("int8"), profile).total_us == pytest.approx(published_us, rel=0.2)


def test_under_five_milliseconds_only_the_order_is_told_and_no_bench_that_edgekit_has_not() -> None:
    found = estimated(mobilenet_v1("int8"), BOARD)
    assert found.latency.value is None
    assert "only the order of magnitude" in found.latency.reason
    assert "edgekit bench" not in found.latency.reason
    assert found.latency_range_ms is not None
    assert found.latency_range_ms.low < 2.4 < found.latency_range_ms.high


def test_weights_that_do_not_fit_on_the_chip_cross_the_link_and_bound_the_time() -> None:
    graph = dense(4096, 8192)  # 32 MiB
    subject = subject_of(graph, SIZE)
    assert BOARD.npu is not None
    assert BOARD.npu.sram_kib is not None
    assert streamed_bytes(subject, BOARD) == 4096 * 8192 - BOARD.npu.sram_kib.value * 1024
    found = estimated(graph, BOARD)
    assert found.bounds[0].bound == "link"
    assert (found.bounds[0].share.value or 0) > 0.9
    assert found.latency.value is not None
    assert "--prune" in found.remedies[0].flag
    assert "cross the link" in found.remedies[0].what
    assert streamed_bytes(subject, ETHOS) == 0


def test_figures_of_an_accelerator_that_nothing_published_checks_give_a_wider_range() -> None:
    assert BOARD.npu is not None
    graph, other = dense(4096, 8192), replace(BOARD, npu=replace(BOARD.npu, family="rockchip"))
    known, unknown = (estimated(graph, profile).latency.interval for profile in (BOARD, other))
    assert known is not None
    assert unknown is not None
    assert unknown.low < known.low < known.high < unknown.high


def test_the_parts_of_accelerator_link_and_processor_add_up() -> None:
    graph = mobilenet_v1("int8")
    last = len(graph.main.operators) - 1
    found = estimated(graph, USB, last)
    assert sum(row.share.value or 0 for row in found.bounds) == pytest.approx(1)
    assert {row.bound for row in found.bounds} >= {"compute", "sram", "link", "crossing", "processor"}
    assert [row.place for row in found.operators if row.bound == "processor"] == [last]
    assert timed(graph, USB, last).total_us > timed(graph, USB).total_us - 1
    assert sum(timed(graph, USB, last).parts_us.values()) == pytest.approx(timed(graph, USB, last).total_us)


def test_what_a_link_costs_beside_its_bytes_is_paid_once_for_each_part() -> None:
    graph = mobilenet_v1("int8")
    assert USB.link is not None
    assert USB.link.latency_us is not None
    with_latency, without = timed(graph, USB), timed(graph, without_link_latency(USB))
    assert with_latency.total_us - without.total_us == pytest.approx(USB.link.latency_us.value)


def test_a_faster_link_shortens_what_crosses_and_nothing_else() -> None:
    assert USB.link is not None
    assert USB.link.bandwidth_mb_s is not None
    fast = replace(USB.link.bandwidth_mb_s, value=2 * USB.link.bandwidth_mb_s.value)
    faster = replace(USB, link=replace(USB.link, bandwidth_mb_s=fast))
    slow, quick = timed(mobilenet_v1("int8"), USB), timed(mobilenet_v1("int8"), faster)
    assert quick.link_us == pytest.approx(slow.link_us / 2)
    assert quick.operators == slow.operators


@pytest.mark.parametrize(
    ("profile", "why"),
    [
        (replace(BOARD, link=replace(BOARD.link, bandwidth_mb_s=None)) if BOARD.link else BOARD, "link.bandwidth_mb_s"),
        (replace(BOARD, npu=replace(BOARD.npu, sustained_gops=None)) if BOARD.npu else BOARD, "npu.sustained_gops"),
        (replace(ETHOS, npu=replace(ETHOS.npu, clock_mhz=None)) if ETHOS.npu else ETHOS, "npu.clock_mhz"),
    ],
)
def test_a_figure_that_the_profile_does_not_tell_is_named_in_place_of_a_time(profile: Profile, why: str) -> None:
    found = estimated(mobilenet_v1("int8"), profile)
    assert found.latency.value is None
    assert why in found.latency.reason
    assert found.latency_range_ms is None
    assert not found.operators


def test_no_time_is_told_where_it_is_not_known_what_runs_there() -> None:
    graph = mobilenet_v1("int8")
    unknown = replace(placed(graph), complete=False)
    with pytest.raises(Unpredictable, match="not known what"):
        npu_time(subject_of(graph, SIZE), unknown, BOARD)
    with pytest.raises(Unpredictable, match="nothing of the model"):
        timed(graph, BOARD, *range(len(graph.main.operators)))


def test_the_part_of_a_microcontroller_is_not_told_so_neither_is_the_whole() -> None:
    with pytest.raises(Unpredictable, match="were not counted"):
        timed(mobilenet_v1("int8"), ETHOS, 0)


@pytest.mark.parametrize("target", ["ethos-u55-256", "ethos-u65-512", "ethos-u85-256"])
@pytest.mark.parametrize("model", MODELS)
def test_velas_own_estimate_lies_in_the_range(model: str, target: str, assets: Path, tmp_path: Path) -> None:
    file, profile = assets / f"mlperf-tiny/{model}.tflite", load_profile(target).profile
    graph = read_graph(file)
    assert profile.npu is not None
    assert profile.npu.compiler is not None
    assert profile.npu.clock_mhz is not None
    vela = compile_with_vela(file, profile.npu.compiler, tmp_path).summary
    vela_ms = float(vela["cycles_total"]) / profile.npu.clock_mhz.value / 1e3
    check = check_graph(graph, file, model, profile)
    assert check.placement is not None
    subject = subject_of(graph, file.stat().st_size)
    found = with_accelerator(estimate(subject, profile), subject, check.placement, profile)
    assert found.latency.value is None
    assert "no published latency" in found.latency.reason
    assert found.latency_range_ms is not None
    assert found.latency_range_ms.low <= vela_ms <= found.latency_range_ms.high
    assert not forbidden_claims(str(found.latency))


@pytest.mark.parametrize("model", MODELS)
def test_packed_weights_are_of_the_size_that_vela_gives_them(model: str, assets: Path, tmp_path: Path) -> None:
    file, profile = assets / f"mlperf-tiny/{model}.tflite", ETHOS
    subject = subject_of(read_graph(file), file.stat().st_size)
    assert profile.npu is not None
    assert profile.npu.compiler is not None
    vela = compile_with_vela(file, profile.npu.compiler, tmp_path).summary
    graph = subject.graph.main
    scales = 10 * sum(graph.tensors_of(graph.operators[x.place].outputs)[0].shape[-1] for x in subject.loads if x.macs)
    mine = sum(subject.encoded_bytes(load) for load in subject.loads if load.macs) - scales
    assert mine == pytest.approx(float(vela["total_npu_encoded_weights"]), rel=0.2)


@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from([128, 256, 512, 1024]))
def test_multipliers_do_no_more_than_there_are(inputs: int, outputs: int, macs: int) -> None:
    graph = dense(inputs, outputs)
    (load,) = loads_of(graph)
    cycles = cycles_of(load, graph.main, macs)
    assert cycles >= load.macs / macs
    wider = dense(inputs, outputs + 8)
    assert cycles_of(loads_of(wider)[0], wider.main, macs) >= cycles


@given(st.binary(min_size=64, max_size=64))
def test_packed_weights_take_no_more_than_their_bytes_and_nothing_where_all_are_equal(content: bytes) -> None:
    graph = dense(8, 8, np.frombuffer(content, np.int8))
    (load,) = loads_of(graph)
    scales = 10 * 8
    assert scales - 1e-9 <= encoded_bytes(load, graph.main) <= scales + 1.06 * 64
    same = dense(8, 8, np.full(64, content[0], np.uint8))
    assert encoded_bytes(loads_of(same)[0], same.main) == pytest.approx(scales)


def subject(graph: Graph) -> Subject:
    return subject_of(graph, SIZE)


def with_mode(mode: str) -> Profile:
    assert ETHOS.npu is not None
    assert ETHOS.npu.compiler is not None
    return replace(ETHOS, npu=replace(ETHOS.npu, compiler=replace(ETHOS.npu.compiler, memory_mode=mode)))


def test_weights_wait_for_the_memory_that_the_mode_names() -> None:
    values = np.random.default_rng(0).integers(-128, 128, 256 * 256, np.int8)
    graph = dense(256, 256, values)
    flash, sram = with_mode("Shared_Sram"), with_mode("Sram_Only")
    assert flash.npu is not None
    assert sram.npu is not None
    (slow,), (fast,) = (operators_on(subject(graph), [0], profile.npu) for profile in (flash, sram) if profile.npu)
    assert slow.bound == "flash"
    assert "flash" not in fast.times_us
    assert fast.total_us < slow.total_us
    remedy = estimated(graph, flash).remedies[0]
    assert "flash" in remedy.what
    assert "at most" in remedy.gain.reason
    dram = with_mode("Dedicated_Sram_384KB")
    assert dram.npu is not None
    with pytest.raises(Unpredictable, match=r"npu\.dram_bandwidth_mb_s"):
        operators_on(subject(graph), [0], dram.npu)


@given(st.floats(0.5, 8.0))
def test_twice_the_rate_is_half_of_the_computing(times: float) -> None:
    assert BOARD.npu is not None
    assert BOARD.npu.sustained_gops is not None
    rate: Sourced[float] = replace(BOARD.npu.sustained_gops, value=times * BOARD.npu.sustained_gops.value)
    faster = replace(BOARD, npu=replace(BOARD.npu, sustained_gops=rate))
    assert faster.npu is not None
    graph = dense(300, 70)
    (before,), (after,) = (operators_on(subject(graph), [0], profile) for profile in (BOARD.npu, faster.npu))
    assert after.times_us["compute"] == pytest.approx(before.times_us["compute"] / times)
    assert after.times_us["sram"] == before.times_us["sram"]
