from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.codec import dumps
from edgekit_targets.catalog import load_profile, load_profiles
from edgekit_targets.estimate.anchor import Anchor
from edgekit_targets.estimate.cores import CORES
from edgekit_targets.estimate.estimate import Estimate, estimate
from edgekit_targets.estimate.latency import Machine, Work, time_of
from edgekit_targets.estimate.predict import predict
from edgekit_targets.estimate.ranges import CHECKED, UNCHECKED
from edgekit_targets.estimate.remedies import remedies_for
from edgekit_targets.estimate.subject import subject_of
from edgekit_targets.estimate.work import loads_of
from edgekit_targets.graph.graph import Graph, Operator, Subgraph
from edgekit_targets.graph.tflite import read_tflite
from edgekit_targets.profile import Profile
from tests.claims import forbidden_claims
from tests.graphs import GraphMaker, mobilenet_v1

PI4 = load_profile("raspberry-pi-4b").profile
SIZE = 17_000_000


def of(graph: Graph, profile: Profile = PI4, threads: int = 1, anchor: Anchor | None = None) -> Estimate:
    return estimate(subject_of(graph, SIZE), profile, threads, anchor)


@pytest.mark.parametrize(("dtype", "published_ms"), [("float32", 77), ("int8", 24)])
def test_a_published_latency_lies_inside_the_range_and_near_its_middle(dtype: str, published_ms: float) -> None:
    figure = of(mobilenet_v1(dtype), threads=4).latency
    assert figure.value == pytest.approx(published_ms * 1e6, rel=0.15)
    assert figure.interval is not None
    assert figure.interval.low < published_ms * 1e6 < figure.interval.high


def test_the_times_of_the_operators_add_up_to_the_whole() -> None:
    found = of(mobilenet_v1())
    assert sum(row.share.value or 0 for row in found.operators) == pytest.approx(1)
    assert sum(row.share.value or 0 for row in found.bounds) == pytest.approx(1)
    assert {row.place for row in found.operators} == set(range(31))
    shares = [row.share.value or 0 for row in found.operators]
    assert shares == sorted(shares, reverse=True)


def test_int8_gains_more_on_cores_with_dot_products() -> None:
    def gain(target: str) -> float:
        profile = load_profile(target).profile
        slow, fast = (of(mobilenet_v1(dtype), profile).latency.value for dtype in ("float32", "int8"))
        return (slow or 0) / (fast or 1)

    assert gain("raspberry-pi-5") > gain("raspberry-pi-4b") > 1.3


@pytest.mark.parametrize(("core", "times_less"), [("Cortex-A72", 1), ("Cortex-A73", 1), ("Cortex-A75", 4)])
def test_threads_take_lines_in_at_once_where_each_core_has_a_cache_of_its_own(core: str, times_less: int) -> None:
    machine = Machine(CORES[core], 4, 2000.0, 8000.0)
    work = Work(cycles=1e8, refill_bytes=2e8, dram_bytes=1e8, operators=30)
    one, four = (time_of(work, machine, threads) for threads in (1, 4))
    assert one.cache_ms / four.cache_ms == pytest.approx(times_less)
    assert one.compute_ms / four.compute_ms == pytest.approx(4)
    assert one.memory_ms == four.memory_ms


@pytest.mark.parametrize("target", ["raspberry-pi-5", "pixel-3", "pixel-4", "jetson-orin-cpu"])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_threads_win_no_more_than_was_ever_published(target: str, dtype: str) -> None:
    profile = load_profile(target).profile
    loads = loads_of(mobilenet_v1(dtype, blocks=5))
    times = [predict(loads, profile, threads).total_ms for threads in (1, 2, 3, 4)]
    assert times == sorted(times, reverse=True)
    assert times[0] / times[3] <= 3.2 + 1e-9
    shares = [row.share.value or 0 for row in of(mobilenet_v1(dtype, blocks=5), profile, 4).operators]
    assert sum(shares) == pytest.approx(1)


def test_where_the_gain_of_threads_is_beyond_what_was_published_it_is_said() -> None:
    pi3 = load_profile("raspberry-pi-3b-plus").profile
    notes = [of(mobilenet_v1("int8"), pi3, threads).notes for threads in (1, 4)]
    assert [any("do not take the gain of threads from it" in note for note in told) for told in notes] == [False, True]


def test_a_pixel_3_has_published_figures_to_check_it_and_a_jetson_has_none() -> None:
    for target, narrow in (("pixel-3", True), ("jetson-orin-cpu", False)):
        latency = of(mobilenet_v1(), load_profile(target).profile).latency
        assert latency.value is not None
        assert latency.interval is not None
        assert (latency.interval.low / latency.value == pytest.approx(CHECKED.low)) == narrow


def test_throughput_is_the_inverse_of_the_latency_with_its_range() -> None:
    found = of(mobilenet_v1(), threads=4)
    assert found.latency.value is not None
    assert found.latency.interval is not None
    assert found.throughput.interval is not None
    assert found.throughput.value == pytest.approx(1e9 / found.latency.value)
    assert found.throughput.interval.low == pytest.approx(1e9 / found.latency.interval.high)


@pytest.mark.parametrize("threads", [1, 4])
def test_every_figure_is_predicted_with_a_range_or_says_why_not(threads: int) -> None:
    found = of(mobilenet_v1(), threads=threads)
    memory = found.memory
    for figure in (found.latency, found.throughput, memory.arena, memory.model_memory, memory.peak_rss, found.energy):
        assert figure.mode in ("predicted", "unavailable")
        assert figure.interval is not None or figure.reason
        assert "measured" not in figure.method.replace("as measured on x86-64", "")


def test_half_of_the_work_takes_half_of_the_time() -> None:
    whole, twice = (of(mobilenet_v1(blocks=blocks)).latency.value for blocks in (1, 101))
    block = of(mobilenet_v1(blocks=51)).latency.value
    assert whole is not None
    assert twice is not None
    assert block == pytest.approx((whole + twice) / 2, rel=1e-6)


def test_remedies_come_with_what_they_win_the_largest_first() -> None:
    remedies = of(mobilenet_v1()).remedies
    times = [remedy.gain.value or 0 for remedy in remedies if remedy.gains == "time"]
    assert times == sorted(times, reverse=True)
    quantize = next(remedy for remedy in remedies if remedy.flag.startswith("--quantize int8"))
    assert quantize.gain.interval is not None
    assert quantize.gain.interval.low > 1
    assert "--threads 4" in {remedy.flag for remedy in remedies}
    assert "prune 30 % of the channels of each layer" in {remedy.what for remedy in remedies}


def test_an_int8_model_is_not_told_to_quantize() -> None:
    assert not [remedy for remedy in of(mobilenet_v1("int8")).remedies if "--quantize" in remedy.flag]


@pytest.mark.parametrize(
    ("file_mb", "weights_mb", "arena_mb", "published"),
    [(16.86, 16.86, 5.42, 44.05 / 15.59), (13.92, 13.92, 6.62, 39.57 / 14.81), (21.02, 21.02, 10.24, 58.17 / 19.76)],
    ids=["mobilenet_v1", "mobilenet_v2", "efficientnet_b0"],
)
def test_what_int8_wins_of_memory_holds_what_was_measured(
    file_mb: float, weights_mb: float, arena_mb: float, published: float
) -> None:
    """What `docs/validation.md` has of the same network in both precisions, measured on x86-64."""
    found = of(mobilenet_v1())
    taken = replace(found.memory.model_memory, value=(file_mb + weights_mb + arena_mb + 5) * 1e6)
    prediction = predict(loads_of(mobilenet_v1()), PI4, 1)
    remedies = remedies_for(prediction, replace(found.memory, model_memory=taken), PI4)
    (gain,) = [remedy.gain for remedy in remedies if remedy.gains == "memory"]
    assert gain.interval is not None
    assert gain.interval.low < published < gain.interval.high < 4


def test_nothing_is_promised_of_memory_where_the_libraries_take_most() -> None:
    made = GraphMaker("float32")
    source = made.tensor(1, 8, 8, 16)
    x = made.operator("CONV_2D", (source, made.weights(16, 3, 3, 16)), 1, 8, 8, 16)
    (memory,) = [
        remedy
        for remedy in estimate(subject_of(made.graph(source, x), 10_000), PI4).remedies
        if remedy.gains == "memory"
    ]
    assert not memory.gain.available


def test_channels_that_fill_no_block_are_named() -> None:
    made = GraphMaker("float32")
    source = made.tensor(1, 56, 56, 24)
    x = made.operator("CONV_2D", (source, made.weights(100, 3, 3, 24)), 1, 56, 56, 100)
    remedies = of(
        made.graph(source, made.operator("CONV_2D", (x, made.weights(64, 3, 3, 100)), 1, 56, 56, 64))
    ).remedies
    assert any("100 to 104" in remedy.what and "free" in remedy.reason for remedy in remedies)


def odd_width(*, with_classes_behind: bool) -> Graph:
    made = GraphMaker("float32")
    source = made.tensor(1, 56, 56, 64)
    x = made.operator("CONV_2D", (source, made.weights(1001, 3, 3, 64)), 1, 56, 56, 1001)
    if with_classes_behind:
        x = made.operator("CONV_2D", (x, made.weights(10, 1, 1, 1001)), 1, 56, 56, 10)
    return made.graph(source, made.operator("SOFTMAX", (x,), 1, 56, 56, made.tensors[x].shape[-1]))


def test_the_classes_of_the_last_layer_are_not_to_be_widened() -> None:
    def widen(graph: Graph) -> list[str]:
        return [remedy.reason for remedy in of(graph).remedies if "widen" in remedy.what]

    assert widen(odd_width(with_classes_behind=False)) == []
    assert widen(odd_width(with_classes_behind=True))[0].startswith("1 layer ends in a block that is not full")


@pytest.mark.parametrize(
    ("target", "graph", "reason"),
    [
        ("raspberry-pi-4b", mobilenet_v1(), "pass --measured"),
        ("raspberry-pi-4b", replace(mobilenet_v1(), format="onnx"), "no measurement scales that of an .onnx file"),
        ("pixel-3", mobilenet_v1(), "no power model"),
        ("ethos-u55-256", mobilenet_v1("int8"), "the latency is not predicted"),
    ],
)
def test_energy_is_advised_to_be_measured_only_where_that_leads_somewhere(
    target: str, graph: Graph, reason: str
) -> None:
    energy = of(graph, load_profile(target).profile).energy
    assert reason in energy.reason
    assert ("--measured" in energy.reason) == (reason == "pass --measured")


def test_what_a_profile_lacks_is_told_with_where_to_tell_it() -> None:
    reason = of(mobilenet_v1(), load_profile("cortex-a76").profile).latency.reason
    assert "does not say cpu.clock_mhz, cpu.cores: tell it in one of your own that extends this one" in reason


def float_by_integer() -> Graph:
    graph = mobilenet_v1()
    integer = [replace(t, dtype="int8") if t.data is not None else t for t in graph.main.tensors]
    return Graph("tflite", (replace(graph.main, tensors=tuple(integer)),))


def one(name: str, *, custom: bool = False, calls: tuple[int, ...] = (), dtype: str = "float32") -> Graph:
    made = GraphMaker(dtype)
    source, target = made.tensor(1, 64, 64, 8), made.tensor(1, 64, 64, 8)
    made.operators.append(Operator(name, (source,), (target,), custom=custom, calls=calls))
    main = Subgraph("", tuple(made.tensors), (source,), (target,), tuple(made.operators))
    return Graph("tflite", (main, Subgraph("", (), (), (), ())))


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (one("ethos-u", custom=True), "custom operator"),
        (one("WHILE", calls=(1,)), "runs another graph"),
        (one("BATCH_MATMUL"), "attention"),
        (one("UNIDIRECTIONAL_SEQUENCE_LSTM"), "recurrent"),
        (one("CUMSUM"), "none of the operators"),
        (mobilenet_v1("int16"), "int16"),
        (float_by_integer(), "int8-dynamic"),
        (Graph("tflite", (Subgraph("", (), (), (), ()),)), "computes nothing"),
    ],
)
def test_what_was_never_tested_is_not_predicted(graph: Graph, reason: str) -> None:
    found = of(graph)
    assert not found.latency.available
    assert found.latency_range_ms is None
    assert reason in found.latency.reason
    assert found.operators == ()


def test_a_processor_in_32_bit_mode_is_not_predicted() -> None:
    assert PI4.cpu.isa is not None
    narrow = replace(PI4, cpu=replace(PI4.cpu, isa=replace(PI4.cpu.isa, value="armv7l")))
    assert "aarch64" in of(mobilenet_v1(), narrow).latency.reason


def test_a_core_that_was_never_counted_is_not_predicted() -> None:
    assert PI4.cpu.model is not None
    other = replace(PI4, cpu=replace(PI4.cpu, model=replace(PI4.cpu.model, value="Strange X1")))
    assert "Strange X1" in of(mobilenet_v1(), other).latency.reason


def test_more_threads_than_cores_are_not_predicted() -> None:
    assert "4 cores for 5 threads" in of(mobilenet_v1(), threads=5).latency.reason


def test_constants_that_are_unpacked_at_load_take_no_time() -> None:
    half = GraphMaker("float32")
    source = half.tensor(1, 56, 56, 64)
    plain = half.graph(source, half.operator("CONV_2D", (source, half.weights(64, 3, 3, 64)), 1, 56, 56, 64))
    made = GraphMaker("float32")
    source = made.tensor(1, 56, 56, 64)
    weights = made.operator("DEQUANTIZE", (made.weights(64, 3, 3, 64),), 64, 3, 3, 64)
    unpacked = made.graph(source, made.operator("CONV_2D", (source, weights), 1, 56, 56, 64))
    assert of(plain).latency_range_ms == of(unpacked).latency_range_ms


def test_a_measurement_replaces_the_scale_and_brings_energy() -> None:
    free, bound = of(mobilenet_v1()), of(mobilenet_v1(), anchor=Anchor("other", 1, 1.5, same_model=False))
    assert free.latency.value is not None
    assert bound.latency.value == pytest.approx(1.5 * free.latency.value)
    assert bound.latency.interval is not None
    assert bound.latency.interval.high == pytest.approx(1.3 * 1.5 * free.latency.value)
    assert "other" in bound.latency.method
    assert not free.energy.available
    assert bound.energy.mode == "predicted"
    assert bound.energy.interval is not None


def test_a_measurement_does_not_narrow_the_range_of_another_runtime() -> None:
    graph = replace(mobilenet_v1(), format="onnx")
    latency = of(graph, anchor=Anchor("other", 1, 1.5, same_model=False)).latency
    assert latency.value is not None
    assert latency.interval is not None
    assert latency.interval.high == pytest.approx(UNCHECKED.high * latency.value)


@pytest.mark.parametrize("scale", [0.4, 2.5])
def test_a_board_far_from_its_profile_is_doubted(scale: float) -> None:
    notes = of(mobilenet_v1(), anchor=Anchor("other", 1, scale, same_model=False)).notes
    assert any("clock" in note and "throttling" in note for note in notes)


def test_a_board_with_little_memory_is_over() -> None:
    tight = replace(PI4, budgets=replace(PI4.budgets, peak_rss_kib=30_000))
    found = of(mobilenet_v1(), tight)
    assert found.fit == "does not fit"
    assert "MB are allowed" in found.fit_reason


def test_no_interpreters_plan_stands_for_an_accelerator_that_none_drives() -> None:
    memory = of(mobilenet_v1("int8"), load_profile("ethos-u55-256").profile).memory
    assert not memory.arena.available
    assert "compiler plans the memory there" in memory.arena.reason
    assert memory.alive == ()


def test_a_compiled_model_does_not_fit_a_processor() -> None:
    found = of(one("ethos-u", custom=True))
    assert found.fit == "does not fit"
    assert "compiled for an Arm Ethos-U" in found.fit_reason
    assert "Give the file that it was compiled from" in found.fix


def texts(found: Estimate) -> str:
    return dumps({"estimate": found}, schema="x", version=1)


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_what_must_never_be_claimed_is_not(dtype: str, threads: int) -> None:
    for loaded in load_profiles():
        told = texts(of(mobilenet_v1(dtype), loaded.profile, threads))
        assert not forbidden_claims(told), loaded.profile.name


@pytest.mark.parametrize("file", ["kws_ref_model.tflite", "vww_96_float.tflite", "ad01_int8.tflite"])
@pytest.mark.parametrize("target", ["raspberry-pi-4b", "raspberry-pi-5"])
def test_short_inferences_have_no_value_and_no_gain_is_promised(assets: Path, file: str, target: str) -> None:
    graph = read_tflite(assets / "mlperf-tiny" / file)
    found = of(graph, load_profile(target).profile)
    assert not found.latency.available
    assert not found.throughput.available
    assert found.latency_range_ms is not None
    assert found.latency_range_ms.high == pytest.approx(16 * found.latency_range_ms.low)
    assert not [remedy for remedy in found.remedies if remedy.gains == "time" and remedy.gain.available]


def test_float32_on_a_raspberry_pi_5_is_told_to_be_unchecked() -> None:
    profile = load_profile("raspberry-pi-5").profile
    slow, quantized = of(mobilenet_v1(), profile), of(mobilenet_v1("int8"), profile, 1)
    assert any("no published latency" in note for note in slow.notes)
    assert not quantized.notes
    assert slow.latency.interval is not None
    assert slow.latency.value is not None
    assert slow.latency.interval.high == pytest.approx(2.0 * slow.latency.value)


@given(st.integers(1, 4), st.floats(300, 3000))
def test_a_faster_clock_never_takes_longer_nor_do_more_threads_take_more_work(threads: int, clock: float) -> None:
    assert PI4.cpu.clock_mhz is not None

    def at(clock_mhz: float) -> float:
        fact = replace(PI4.cpu.clock_mhz, value=clock_mhz) if PI4.cpu.clock_mhz else None
        span = of(GRAPH, replace(PI4, cpu=replace(PI4.cpu, clock_mhz=fact)), threads).latency_range_ms
        assert span is not None
        return span.low / (0.7 if span.high / span.low < 3 else 0.25)

    assert at(clock * 1.5) < at(clock)


GRAPH = mobilenet_v1()
