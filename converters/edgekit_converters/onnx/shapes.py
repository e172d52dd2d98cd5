"""Give the inputs of an ONNX model fixed shapes, with a batch of 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx

from edgekit_converters.settings import NamedShape
from edgekit_runtime.errors import ModelError, RecipeError


def drop_constant_inputs(model: Any) -> None:
    """Take constants off the inputs: before version 4 of the format, each had to be listed there as well."""
    names = {initializer.name for initializer in model.graph.initializer}
    kept = [value for value in model.graph.input if value.name not in names]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    model.ir_version = max(model.ir_version, 4)


def fix_shapes(path: Path, model: Any, asked: tuple[NamedShape, ...]) -> None:
    """Make every input's shape static: as asked for, and with a batch of 1.

    A free first axis is taken for the batch. Axes of one symbolic name have one size, such as the first of a
    signal `(batch, length)` and the second of a recurrent state `(2, batch, 128)`.

    Args:
        path: For messages.
        model: A `ModelProto`, which is changed; its constants are no inputs.
        asked: Shapes from the user.

    Raises:
        RecipeError: A shape is for no input, or contradicts the model.
        ModelError: A free axis is left.
    """
    inputs = {value.name: value for value in model.graph.input}
    for value in inputs.values():
        if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
            _check_tensor(path, value, asked, len(inputs))
    sizes = {_batch_symbol(value): 1 for value in inputs.values()}
    for shape in asked:
        sizes |= _set_shape(inputs, shape)
    sizes.pop("", None)
    for value in inputs.values():
        _fill_axes(value, sizes)
    free = [text for value in inputs.values() for text in _free_axes(value)]
    if free:
        example = next(value for value in inputs.values() if list(_free_axes(value)))
        raise ModelError(
            f"{path}: an input has a free axis: {'; '.join(free)}; a device needs static shapes.",
            hint=f"Add --shape {example.name}={','.join(_sizes(example))} with a size for each.",
        )
    _forget_shapes(model)


def _check_tensor(path: Path, value: Any, asked: tuple[NamedShape, ...], count: int) -> None:
    if not value.type.HasField("tensor_type"):
        kind = value.type.WhichOneof("value") or "nothing"
        raise ModelError(
            f"{path}: input {value.name} is a {kind.removesuffix('_type')}; allowed: a tensor.",
            hint="Export the model with tensors as inputs.",
        )
    known = {shape.name for shape in asked} | ({value.name} if count == 1 and asked else set())
    if value.name not in known:
        raise ModelError(
            f"{path}: input {value.name} has no shape.",
            hint=f"Add --shape {value.name}=1,... with a size for each axis.",
        )


def _name_of(shape: NamedShape, inputs: dict[str, Any]) -> str:
    if shape.name in inputs:
        return shape.name
    if not shape.name and len(inputs) == 1:
        return next(iter(inputs))
    raise RecipeError(
        f"--shape {shape.name + '=' if shape.name else ''}{_listed(shape.shape)}: "
        f"{'the model has no such input' if shape.name else 'the model has several inputs'}; "
        f"allowed: NAME= with {', '.join(inputs)}."
    )


def _set_shape(inputs: dict[str, Any], asked: NamedShape) -> dict[str, int]:
    """Give an input the shape that was asked for; returns the sizes of its axes by their symbolic names."""
    name, shape = _name_of(asked, inputs), asked.shape
    tensor = inputs[name].type.tensor_type
    known = list(tensor.shape.dim) if tensor.HasField("shape") else None
    option, allowed = f"--shape {name}={_listed(shape)}", ",".join(_sizes(inputs[name]))
    if known is not None and len(known) != len(shape):
        raise RecipeError(f"{option}: {name} has {len(known)} axes, not {len(shape)}; allowed: {allowed}.")
    wrong = [axis for axis, dim in enumerate(known or ()) if dim.dim_value > 0 and dim.dim_value != shape[axis]]
    if wrong:
        raise RecipeError(f"{option}: axis {wrong[0]} of {name} is fixed in the model; allowed: {allowed}.")
    symbols = {str(dim.dim_param): size for dim, size in zip(known or (), shape, strict=False) if dim.dim_param}
    _write_shape(tensor, shape)
    return symbols


def _write_shape(tensor: Any, shape: tuple[int, ...]) -> None:
    tensor.shape.CopyFrom(onnx.TensorShapeProto())
    for size in shape:
        tensor.shape.dim.add().dim_value = size


def _batch_symbol(value: Any) -> str:
    dims = value.type.tensor_type.shape.dim
    return str(dims[0].dim_param) if dims and dims[0].dim_value <= 0 else ""


def _fill_axes(value: Any, sizes: dict[str, int]) -> None:
    for axis, dim in enumerate(value.type.tensor_type.shape.dim):
        if dim.dim_value <= 0 and (axis == 0 or dim.dim_param in sizes):
            dim.dim_value = sizes.get(dim.dim_param, 1)


def _free_axes(value: Any) -> list[str]:
    return [
        f"axis {axis} of {value.name}" + (f", called {dim.dim_param}" if dim.dim_param else "")
        for axis, dim in enumerate(value.type.tensor_type.shape.dim)
        if dim.dim_value <= 0
    ]


def _sizes(value: Any) -> list[str]:
    dims = value.type.tensor_type.shape.dim
    return [str(dim.dim_value) if dim.dim_value > 0 else dim.dim_param or "N" for dim in dims]


def _listed(shape: tuple[int, ...]) -> str:
    return ",".join(map(str, shape))


def _forget_shapes(model: Any) -> None:
    """Drop what the file says of inner shapes, which was said of the free ones."""
    del model.graph.value_info[:]
    for value in model.graph.output:
        if value.type.HasField("tensor_type"):
            value.type.tensor_type.ClearField("shape")
