"""Widths: never more MACs than asked for, near to it, aligned, and a clear word where that cannot be."""

import dataclasses
import itertools
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edgekit_converters.compress.channels import ChannelGraph, Group, LayerMacs, LeftAlone, Part
from edgekit_converters.compress.widths import Harm, allowed, by_harm, by_share, by_width, reachable
from edgekit_runtime.errors import RecipeError

ROUNDING = 1 + 1e-6


def chain(*widths: int, out: int = 10) -> ChannelGraph:
    """Convolutions one after the other, from 3 channels to a layer whose `out` channels stay."""
    groups = tuple(Group(f"conv{i}", width, 1, (f"conv{i}",)) for i, width in enumerate(widths))
    parts = [Part(None, 3), *(Part(i, width) for i, width in enumerate(widths)), Part(None, out)]
    layers = tuple(
        LayerMacs(f"conv{i}", 100 * before.channels * after.channels, ((before,), (after,)))
        for i, (before, after) in enumerate(itertools.pairwise(parts))
    )
    return ChannelGraph(groups, layers, ())


@st.composite
def graphs(draw: st.DrawFn) -> ChannelGraph:
    """Groups of any size, and layers whose axes are made of them in any way."""
    sizes = draw(st.lists(st.tuples(st.integers(1, 80), st.sampled_from([1, 1, 1, 4, 16])), min_size=1, max_size=8))
    groups = tuple(Group(f"g{i}", units, width, (f"g{i}",)) for i, (units, width) in enumerate(sizes))
    place = st.one_of(st.none(), st.integers(0, len(groups) - 1))
    axis = st.lists(place, min_size=1, max_size=3).map(
        lambda places: tuple(
            Part(group, groups[group].units * groups[group].width) if group is not None else Part(None, 7)
            for group in places
        )
    )
    axes = st.lists(axis, min_size=0, max_size=3).map(tuple)
    drawn = draw(st.lists(st.tuples(st.integers(1, 10**6), axes), min_size=1, max_size=8))
    return ChannelGraph(groups, tuple(LayerMacs(f"l{i}", *layer) for i, layer in enumerate(drawn)), ())


@st.composite
def small_graphs(draw: st.DrawFn) -> ChannelGraph:
    """Chains, and chains whose first group is the stream that all others read and write."""
    widths = draw(st.lists(st.integers(4, 14), min_size=1, max_size=3))
    plain = chain(*widths)
    if draw(st.booleans()):
        return plain
    stream = (Part(0, widths[0]),)
    layers = [LayerMacs("stem", 300 * widths[0], ((Part(None, 3),), stream))]
    for place, width in enumerate(widths[1:], start=1):
        inner = (Part(place, width),)
        axes = ((stream, inner), (inner, stream))
        layers += [LayerMacs(f"block{place}", 100 * widths[0] * width, pair) for pair in axes]
    return ChannelGraph(plain.groups, tuple(layers), ())


def residual(stream: int, first: int, second: int, wide: int, third: int) -> ChannelGraph:
    """Three residual blocks on pictures of 64 x 64, of which the second halves them and has a convolution aside."""
    widths = (stream, first, second, wide, third)
    groups = tuple(Group(f"g{i}", width, 1, (f"g{i}",)) for i, width in enumerate(widths))
    pairs = ((None, 0, 1), (0, 1, 1), (1, 0, 1), (0, 2, 4), (2, 3, 4), (0, 3, 36), (3, 4, 4), (4, 3, 4))
    layers = [LayerMacs("head", 10 * wide, ((Part(3, wide),),))]
    for before, after, by in pairs:
        parts = Part(before, 3 if before is None else widths[before]), Part(after, widths[after])
        macs = 9 * 64 * 64 * parts[0].channels * parts[1].channels // by
        layers.append(LayerMacs(f"{before} to {after}", macs, ((parts[0],), (parts[1],))))
    return ChannelGraph(groups, tuple(layers), ())


SHARES = st.floats(0.01, 0.99)
ALIGNMENTS = st.sampled_from([1, 4, 8, 16])


@settings(max_examples=30)
@given(graphs(), SHARES, ALIGNMENTS)
def test_no_more_is_left_than_asked_for(graph: ChannelGraph, share: float, alignment: int) -> None:
    assume(share <= reachable(graph, alignment))
    kept = by_share(graph, share, alignment)
    assert graph.macs(kept) <= (1 - share) * graph.macs(graph.full) * ROUNDING
    for count, group in zip(kept, graph.groups, strict=True):
        assert count in allowed(group, alignment)


@settings(max_examples=30)
@given(graphs(), SHARES, ALIGNMENTS)
def test_nothing_more_fits(graph: ChannelGraph, share: float, alignment: int) -> None:
    """Unless what was asked for is reached within a fraction of a percent, no group could be one step wider."""
    assume(share <= reachable(graph, alignment))
    kept = by_share(graph, share, alignment)
    asked = (1 - share) * graph.macs(graph.full)
    near = 0.01 if alignment == 1 else 0.05
    if graph.macs(kept) >= (1 - near) * asked:
        return
    for place, group in enumerate(graph.groups):
        wider = [count for count in allowed(group, alignment) if count > kept[place]]
        if wider:
            assert graph.macs([*kept[:place], wider[0], *kept[place + 1 :]]) > asked


@settings(max_examples=50)
@given(small_graphs(), st.sampled_from([0.3, 0.5, 0.7]), ALIGNMENTS)
def test_few_choices_are_missed_by_none_that_comes_near(graph: ChannelGraph, share: float, alignment: int) -> None:
    """What full enumeration finds near enough is come as near to; else the nearest of all is taken."""
    assume(share <= reachable(graph, alignment))
    asked = (1 - share) * graph.macs(graph.full) * (1 + 1e-9)
    choices = itertools.product(*(allowed(group, alignment) for group in graph.groups))
    best = max(macs for kept in choices if (macs := graph.macs(kept)) <= asked)
    near = (1 - (0.01 if alignment == 1 else 0.05)) * asked
    assert graph.macs(by_share(graph, share, alignment)) >= min(best, near) / ROUNDING


def test_three_groups_change_at_once_where_that_alone_comes_near() -> None:
    """Residual blocks of 16 and 32 channels with half of their MACs: 8 of 16 and 24 of 32 would run hardly faster."""
    graph = residual(16, 16, 32, 32, 32)
    assert by_share(graph, 0.5, 8) == (8, 16, 32, 16, 32)


@given(st.lists(st.integers(32, 200), min_size=3, max_size=6), st.sampled_from([0.3, 0.5, 0.7]))
def test_without_alignment_a_network_comes_within_a_percent(widths: list[int], share: float) -> None:
    graph = chain(*widths)
    kept = by_share(graph, share, 1)
    asked = (1 - share) * graph.macs(graph.full)
    assert 0.99 * asked <= graph.macs(kept) <= asked * ROUNDING


@given(st.lists(st.integers(32, 200), min_size=3, max_size=6), st.sampled_from([0.3, 0.5, 0.7]))
def test_without_alignment_all_layers_lose_about_the_same(widths: list[int], share: float) -> None:
    graph = chain(*widths)
    shares = [count / width for count, width in zip(by_share(graph, share, 1), widths, strict=True)]
    assert max(shares) - min(shares) <= 0.25  # some units more or less, until the share is met


@settings(max_examples=30)
@given(graphs(), ALIGNMENTS)
def test_the_share_that_is_told_to_be_reachable_is_reached(graph: ChannelGraph, alignment: int) -> None:
    most = reachable(graph, alignment)
    assume(most > 0)
    kept = by_share(graph, most, alignment)
    assert graph.macs(kept) == pytest.approx((1 - most) * graph.macs(graph.full))


@settings(max_examples=30)
@given(graphs(), SHARES, ALIGNMENTS)
def test_what_is_not_reachable_is_refused_with_what_is(graph: ChannelGraph, share: float, alignment: int) -> None:
    most = reachable(graph, alignment)
    assume(share > most + 1e-6)
    with pytest.raises(RecipeError, match=rf"at most {int(most * 1000) / 10:.1f}% .* Ask for at most"):
        by_share(graph, share, alignment)


@settings(max_examples=30)
@given(graphs(), st.floats(0.01, 0.99), ALIGNMENTS)
def test_a_width_keeps_that_share_of_every_group(graph: ChannelGraph, width: float, alignment: int) -> None:
    assume(all(width * group.units >= 0.5 for group in graph.groups))
    for count, group in zip(by_width(graph, width, alignment), graph.groups, strict=True):
        counts = allowed(group, alignment)
        assert count in counts
        assert abs(count - width * group.units) == min(abs(other - width * group.units) for other in counts)


def test_a_width_that_leaves_a_layer_empty_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"a width of 0\.05 leaves conv1 empty.*at least 0\.063"):
        by_width(chain(64, 8), 0.05, 1)
    assert by_width(chain(64, 8), 0.063, 1) == (4, 1)


def test_what_stays_whole_is_named_by_its_reason() -> None:
    loops = (LeftAlone(f"lstm{i}", "it is recurrent") for i in range(8))
    graph = dataclasses.replace(chain(16, 16), left_alone=(*loops, LeftAlone("mine", "it is unknown")))
    with pytest.raises(RecipeError, match=r"whole: lstm0, .*, lstm5 and 2 more \(it is recurrent\), mine \(it is unk"):
        by_share(graph, 0.999, 1)


@pytest.mark.parametrize(
    ("units", "width", "alignment", "counts"),
    [
        (20, 1, 8, (8, 16)),
        (8, 1, 8, (8,)),
        (6, 1, 8, (1, 2, 4, 6)),
        (4, 8, 8, (1, 2, 3, 4)),
        (4, 6, 8, (4,)),
        (8, 4, 8, (2, 4, 6, 8)),
        (5, 1, 1, (1, 2, 3, 4, 5)),
    ],
)
def test_what_a_group_may_have(units: int, width: int, alignment: int, counts: tuple[int, ...]) -> None:
    assert allowed(Group("g", units, width, ("g",)), alignment) == counts


@settings(max_examples=30)
@given(graphs(), SHARES, ALIGNMENTS, st.randoms(use_true_random=False))
def test_by_harm_no_more_is_left_than_asked_for(
    graph: ChannelGraph, share: float, alignment: int, random: Random
) -> None:
    assume(share <= reachable(graph, alignment))
    harms = [Harm((max(1, units // 2), units), (random.random(), 0.0)) for units in graph.full]
    kept = by_harm(graph, share, alignment, harms)
    assert graph.macs(kept) <= (1 - share) * graph.macs(graph.full) * ROUNDING


def test_by_harm_the_group_that_hurts_keeps_its_units() -> None:
    graph = chain(64, 64, 64)
    harms = [Harm((32, 64), (0.01, 0.0)), Harm((32, 64), (0.9, 0.0)), Harm((32, 64), (0.01, 0.0))]
    kept = by_harm(graph, 0.3, 1, harms)
    assert kept[1] == 64
    assert kept[0] < 64
    assert kept[2] < 64


def test_harm_lies_on_the_line_between_what_was_tried_and_never_falls_with_fewer_units() -> None:
    harm = Harm((16, 32, 64), (0.1, 0.3, 0.0))
    assert harm.at(64) == 0
    assert harm.at(48) == pytest.approx(0.15)
    assert harm.at(16) == harm.at(32) == pytest.approx(0.3)


@given(st.lists(st.integers(8, 50), min_size=3, max_size=6), st.sampled_from([0.3, 0.5, 0.7]))
def test_wide_groups_take_twice_the_alignment_where_that_comes_near(eighths: list[int], share: float) -> None:
    graph = chain(*(16 * eighth for eighth in eighths))
    kept = by_share(graph, share, 8)
    assert graph.macs(kept) >= 0.95 * (1 - share) * graph.macs(graph.full)
    assert all(count % 16 == 0 for count in kept)


def test_a_smaller_alignment_is_named_where_it_would_reach_what_was_asked_for() -> None:
    with pytest.raises(RecipeError, match=r"multiples of 16, .*or, in a recipe, for a smaller alignment"):
        by_share(chain(16, 16), 0.5, 16)
    assert by_share(chain(16, 16), 0.5, 8) == (8, 8)
