"""edgekit_converters.parting: the first operator where a source and its exported file part."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_converters.parting import Activation, Place, find_parting

RANDOM = np.random.default_rng(0)
VALUES = {name: RANDOM.normal(size=(2, 3, 4)) for name in "abcdefgh"}


def chain(*steps: tuple[str, str, np.ndarray]) -> tuple[Activation, ...]:
    inputs: tuple[str, ...] = ()
    found = []
    for name, operator, values in steps:
        found.append(Activation(name, operator, inputs, values))
        inputs = (name,)
    return tuple(found)


def test_the_first_wrong_operator_is_named_on_both_sides():
    source = chain(("conv", "Conv2D", VALUES["a"]), ("own", "Own", VALUES["b"]), ("dense", "Dense", VALUES["c"]))
    exported = chain(("t0", "CONV_2D", VALUES["a"]), ("t1", "MUL", VALUES["d"]), ("t2", "FULLY_CONNECTED", VALUES["e"]))
    parting = find_parting(source, exported)
    assert (parting.source, parting.exported) == (Place("own", "Own"), Place("t1", "MUL"))
    assert str(parting.source) == "Own own"


def test_fused_operators_are_right_where_what_follows_is():
    source = chain(
        ("conv", "Conv2D", VALUES["a"]),
        ("norm", "BatchNormalization", VALUES["b"]),
        ("relu", "ReLU", VALUES["c"]),
        ("pool", "MaxPooling2D", VALUES["d"]),
    )
    exported = chain(("t0", "CONV_2D", VALUES["c"]), ("t1", "AVERAGE_POOL_2D", VALUES["e"]))
    parting = find_parting(source, exported)
    assert (parting.source, parting.exported) == (Place("pool", "MaxPooling2D"), Place("t1", "AVERAGE_POOL_2D"))


def test_a_wrong_branch_is_found_beside_a_right_one():
    left, right = Activation("left", "Own", ("x",), VALUES["b"]), Activation("right", "Conv2D", ("x",), VALUES["c"])
    source = (
        Activation("x", "", (), VALUES["a"]),
        left,
        right,
        Activation("sum", "Add", ("left", "right"), VALUES["d"]),
    )
    exported = (
        Activation("t1", "MUL", (), VALUES["e"]),
        Activation("t2", "CONV_2D", (), VALUES["c"]),
        Activation("t3", "ADD", ("t1", "t2"), VALUES["f"]),
    )
    assert find_parting(source, exported).source == Place("left", "Own")


@given(st.permutations(range(3)))
def test_the_order_of_axes_does_not_matter(order):
    source = chain(("conv", "Conv2d", VALUES["a"]), ("relu", "ReLU", VALUES["b"]))
    exported = chain(("t0", "CONV_2D", VALUES["a"].transpose(order)), ("t1", "RELU", VALUES["b"].transpose(order)))
    assert find_parting(source, exported) == find_parting(source, source)
    assert find_parting(source, exported).source is None


@pytest.mark.parametrize("known", [(), chain(("conv", "Conv2D", VALUES["a"]))])
def test_where_nothing_is_known_of_one_side_only_the_other_can_be_named(known):
    assert find_parting((), known).source is None
    assert find_parting(known, ()).exported is None
