"""Rewrite a configuration that Keras 2 saved into one that Keras 3 takes and understands in the same way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Config = dict[str, Any]  # JSON of any form: only walked

# Keras 2's hard_sigmoid is clip(0.2 x + 0.5, 0, 1); Keras 3 gave the name to clip(x / 6 + 0.5, 0, 1).
KERAS2_HARD_SIGMOID = "edgekit>keras2_hard_sigmoid"
HARD_SIGMOID = {
    "module": "edgekit_converters.keras",
    "class_name": "function",
    "config": KERAS2_HARD_SIGMOID,
    "registered_name": KERAS2_HARD_SIGMOID,
}
MODEL_MODULES = {"Functional": "keras.src.models.functional", "Sequential": "keras", "Model": "keras"}
RECURRENT = ("RNN", "SimpleRNN", "LSTM", "GRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
TRANSPOSED = ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
DEPTHWISE = ("DepthwiseConv1D", "DepthwiseConv2D")
SEPARABLE = ("SeparableConv1D", "SeparableConv2D")
SPATIAL_DROPOUT = ("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D")
AXIS_LISTS = ("BatchNormalization", "SyncBatchNormalization")
POLICIES = ("Policy", "PolicyV1", "DTypePolicy")
HALF = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16")
INPUT_SHAPE = "batch_input_shape"
ANY = object()

# What Keras 3 no longer takes, dropped where it says what Keras 3 does anyway.
DROPPED: Mapping[str, Mapping[str, Any]] = {
    **{name: {"time_major": False} for name in RECURRENT},
    **{name: {"groups": 1} for name in (*TRANSPOSED, *DEPTHWISE)},
    # a separable convolution is two, whose initializers, regularizers and constraints have names of their own
    **{
        name: {"groups": 1, "kernel_initializer": ANY, "kernel_regularizer": ANY, "kernel_constraint": ANY}
        for name in SEPARABLE
    },
    **{name: {"trainable": ANY, "noise_shape": ANY} for name in SPATIAL_DROPOUT},
    "Attention": {"score_mode": "dot"},  # in an .h5 file, Keras 3 takes it for the function of that name
    "MultiHeadAttention": {
        "query_shape": ANY,
        "key_shape": ANY,
        "value_shape": ANY,
        "softmax_robust_masking": False,
    },
}


def in_float32(config: Any) -> Any:
    """Let a model compute in float32 where it was trained in mixed precision, which TFLite has no operators for.

    Args:
        config: A saved model's configuration, of any version of Keras; it is left as it is.
    """
    if isinstance(config, list):
        return [in_float32(item) for item in config]
    if not isinstance(config, dict):
        return config
    if config.get("class_name") in POLICIES and str((config.get("config") or {}).get("name")) in HALF:
        return "float32"
    return {key: in_float32(value) for key, value in config.items()}


def renew(config: Config) -> Config:
    """Rewrite a saved model's configuration.

    What it changes: the layers of a `Sequential` model as a bare list (Keras before 2.2.3), moved or dropped
    arguments that say what Keras 3 does anyway, and names that mean something else in Keras 3.

    Args:
        config: What Keras 2 saved; it is left as it is.

    Returns:
        The same model's configuration for Keras 3, equal to `config` where nothing had to change.
    """
    return dict(_renew(config))


def _renew(tree: Any) -> Any:
    if isinstance(tree, list):
        return [_renew(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    tree = {key: _renew(value) for key, value in tree.items()}
    if isinstance(tree.get("class_name"), str) and "config" in tree:
        tree = _renew_object(tree)
    return tree


def _renew_object(tree: Config) -> Config:
    name, config = tree["class_name"], tree["config"]
    if name == "Sequential" and isinstance(config, list):
        config = {"name": "sequential", "layers": config}
    if isinstance(config, dict):
        if isinstance(config.get("layers"), list):
            config = _renew_layers(name, config)
        config = _renew_arguments(name, config)
    module = {"module": MODEL_MODULES[name]} if name in MODEL_MODULES and tree.get("module") else {}
    return tree | module | {"config": config}


def _renew_layers(name: str, config: Config) -> Config:
    """Give a model's input a layer of its own, where the first layer told its shape, and count calls from 0."""
    layers = config["layers"]
    first = layers[0]["config"] if layers else {}
    if name == "Sequential" and INPUT_SHAPE in first and layers[0]["class_name"] != "InputLayer":
        shape, dtype = first[INPUT_SHAPE], first.get("dtype", "float32")
        told = {"batch_shape": shape, "dtype": dtype, "name": f"{first['name']}_input"}
        layers = [{"module": "keras.layers", "class_name": "InputLayer", "config": told}, *layers]
    layers = [layer if layer["class_name"] == "InputLayer" else _without(layer, INPUT_SHAPE) for layer in layers]
    config = config | {"layers": layers}
    return _renew_nodes(config) if "output_layers" in config else config


def _without(layer: Config, key: str) -> Config:
    return layer | {"config": {name: value for name, value in layer["config"].items() if name != key}}


def _renew_arguments(name: str, config: Config) -> Config:
    dropped = DROPPED.get(name, {})
    if name == "GRU":
        config = {"reset_after": False} | config  # as it was before there was the choice
    config = {k: v for k, v in config.items() if not (k in dropped and dropped[k] in (ANY, v))}
    if name.startswith("Random"):
        config.pop("rng_type", None)
    if name in AXIS_LISTS and isinstance(config.get("axis"), list) and len(config["axis"]) == 1:
        config["axis"] = config["axis"][0]
    return {key: _renew_value(key, value) for key, value in config.items()}


def _renew_value(key: str, value: Any) -> Any:
    if key.endswith("activation") and value == "hard_sigmoid":
        return dict(HARD_SIGMOID)
    if key.endswith("_initializer") and isinstance(value, dict) and isinstance(value.get("config"), dict):
        return value | {"config": {k: v for k, v in value["config"].items() if k != "dtype"}}
    return value


def _renew_nodes(config: Config) -> Config:
    """Count the calls of each nested model from 0: Keras 2 counted its making as call 0.

    Keras 3 still counts so where a `Functional` model is an output.
    """
    layers = config["layers"]
    calls = [*(layer.get("inbound_nodes", []) for layer in layers), config["output_layers"]]
    first: dict[str, int] = {}
    for name, index in _references(calls):
        first[name] = min(index, first.get(name, index))
    functional = {layer["name"] for layer in layers if layer["class_name"] in ("Functional", "Model")}
    at_outputs = {name: index for name, index in first.items() if name not in functional}
    return config | {
        "layers": [layer | {"inbound_nodes": _shift(layer.get("inbound_nodes", []), first)} for layer in layers],
        "input_layers": _single(config.get("input_layers")),
        "output_layers": _single(_shift(config["output_layers"], at_outputs)),
    }


def _single(border: Any) -> Any:
    """A border of one tensor without the list that Keras 2 put around it, and Keras 3 would take for the border's."""
    return border[0] if isinstance(border, list) and len(border) == 1 and _is_reference(border[0]) else border


def _references(tree: Any) -> Iterator[tuple[str, int]]:
    """Every layer's call that is referred to, as `[layer, call, tensor, ...]`."""
    if _is_reference(tree):
        yield tree[0], tree[1]
    elif isinstance(tree, list | dict):
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from _references(item)


def _shift(tree: Any, first: Mapping[str, int]) -> Any:
    if _is_reference(tree):
        return [tree[0], tree[1] - first.get(tree[0], 0), *tree[2:]]
    if isinstance(tree, list):
        return [_shift(item, first) for item in tree]
    return {key: _shift(value, first) for key, value in tree.items()} if isinstance(tree, dict) else tree


def _is_reference(tree: Any) -> bool:
    return isinstance(tree, list) and len(tree) in (3, 4) and [type(item) for item in tree[:3]] == [str, int, int]
