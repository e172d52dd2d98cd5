"""edgekit_converters.keras.renew: what Keras 2 saved, rewritten for Keras 3."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_converters.keras.renew import HARD_SIGMOID, in_float32, renew


def layer(class_name: str, name: str = "x", **config: object) -> dict[str, Any]:
    return {"class_name": class_name, "config": {"name": name, **config}}


def renewed_layer(class_name: str, **config: object) -> dict[str, Any]:
    tree = {"class_name": "Sequential", "config": {"name": "net", "layers": [layer(class_name, **config)]}}
    return dict(renew(tree)["config"]["layers"][0]["config"])


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(st.dictionaries(st.text().filter(lambda key: key != "class_name"), json))
def test_what_names_no_class_stays_as_it_is(tree: dict[str, Any]) -> None:
    assert renew(tree) == tree


@given(json)
def test_renewing_twice_changes_nothing_more(config: object) -> None:
    tree = {"class_name": "Sequential", "config": [layer("GRU", batch_input_shape=[None, 3, 2], other=config)]}
    once = renew(tree)
    assert renew(once) == once


@pytest.mark.parametrize(
    ("class_name", "dropped"),
    [
        ("DepthwiseConv2D", {"groups": 1}),
        ("Conv2DTranspose", {"groups": 1}),
        ("SeparableConv2D", {"groups": 1, "kernel_initializer": {"class_name": "Zeros", "config": {}}}),
        ("LSTM", {"time_major": False}),
        ("RandomFlip", {"rng_type": "stateful"}),
        ("SpatialDropout2D", {"trainable": True, "noise_shape": None}),
        ("Attention", {"score_mode": "dot"}),
    ],
)
def test_arguments_that_say_what_keras_3_does_anyway_are_dropped(class_name: str, dropped: dict[str, Any]) -> None:
    assert renewed_layer(class_name, units=4, **dropped) == {"name": "x", "units": 4}


@pytest.mark.parametrize(
    ("class_name", "kept"),
    [("DepthwiseConv2D", {"groups": 2}), ("Conv2D", {"groups": 1}), ("LSTM", {"time_major": True})],
)
def test_arguments_that_say_something_else_stay(class_name: str, kept: dict[str, Any]) -> None:
    assert renewed_layer(class_name, **kept) == {"name": "x", **kept}


def test_an_initializer_loses_its_type() -> None:
    old = {"class_name": "GlorotUniform", "config": {"seed": 1, "dtype": "float32"}}
    config = renewed_layer("Dense", kernel_initializer=old)
    assert config["kernel_initializer"]["config"] == {"seed": 1}
    assert old["config"] == {"seed": 1, "dtype": "float32"}


def test_the_axis_of_a_batch_norm_becomes_a_number() -> None:
    assert renewed_layer("BatchNormalization", axis=[3])["axis"] == 3


def test_keras_2s_hard_sigmoid_keeps_its_meaning() -> None:
    config = renewed_layer("LSTM", activation="tanh", recurrent_activation="hard_sigmoid")
    assert config["recurrent_activation"] == HARD_SIGMOID
    assert config["activation"] == "tanh"


def test_an_old_gru_resets_before() -> None:
    assert renewed_layer("GRU")["reset_after"] is False
    assert renewed_layer("GRU", reset_after=True)["reset_after"] is True


def test_a_bare_list_of_layers_gets_a_name_and_an_input() -> None:
    old = {"class_name": "Sequential", "config": [layer("Dense", "first", batch_input_shape=[None, 4]), layer("Dense")]}
    layers = renew(old)["config"]["layers"]
    assert [found["class_name"] for found in layers] == ["InputLayer", "Dense", "Dense"]
    assert layers[0]["config"] == {"batch_shape": [None, 4], "dtype": "float32", "name": "first_input"}
    assert "batch_input_shape" not in layers[1]["config"]


def test_the_models_of_a_keras_file_are_named_as_keras_3_names_them() -> None:
    old = {"module": "keras.src.engine.functional", "class_name": "Functional", "config": {"name": "net"}}
    assert renew(old)["module"] == "keras.src.models.functional"
    without = {"class_name": "Functional", "config": {"name": "net"}}
    assert "module" not in renew(without)


def functional(nested: dict[str, Any]) -> dict[str, Any]:
    layers = [
        layer("InputLayer", "in") | {"name": "in", "inbound_nodes": []},
        nested | {"name": "base", "inbound_nodes": [[["in", 0, 0, {}]]]},
        layer("Dense", "out") | {"name": "out", "inbound_nodes": [[["base", 1, 0, {}]]]},
    ]
    outputs = [["out", 0, 0], ["base", 1, 0]]
    config = {"name": "net", "layers": layers, "input_layers": [["in", 0, 0]], "output_layers": outputs}
    return {"class_name": "Functional", "config": config}


def test_calls_of_a_nested_model_count_from_0() -> None:
    config = renew(functional(layer("Sequential", "base", layers=[])))["config"]
    assert config["layers"][2]["inbound_nodes"] == [[["base", 0, 0, {}]]]
    assert config["output_layers"] == [["out", 0, 0], ["base", 0, 0]]


def test_a_functional_model_that_is_an_output_counts_as_keras_3_counts() -> None:
    config = renew(functional(layer("Functional", "base")))["config"]
    assert config["layers"][2]["inbound_nodes"] == [[["base", 0, 0, {}]]]
    assert config["output_layers"] == [["out", 0, 0], ["base", 1, 0]]


def test_a_border_of_one_tensor_loses_its_list() -> None:
    old = functional(layer("Functional", "base"))
    old["config"]["output_layers"] = [["out", 0, 0]]
    config = renew(old)["config"]
    assert config["input_layers"] == ["in", 0, 0]
    assert config["output_layers"] == ["out", 0, 0]


@pytest.mark.parametrize(
    ("policy", "renewed"),
    [
        ({"class_name": "Policy", "config": {"name": "mixed_float16"}}, "float32"),
        ({"module": "keras", "class_name": "DTypePolicy", "config": {"name": "mixed_bfloat16"}}, "float32"),
        ({"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}, None),
        ("float64", None),
    ],
)
def test_mixed_precision_becomes_float32(policy: object, renewed: object) -> None:
    tree = {"class_name": "Sequential", "config": {"layers": [layer("Dense", dtype=policy)]}}
    found = in_float32(tree)["config"]["layers"][0]["config"]["dtype"]
    assert found == (policy if renewed is None else renewed)
