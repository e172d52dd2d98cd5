"""What a module's forward takes: names from its parameters, shapes and types from the user or from a sample."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgekit_converters.data.first import first_sample
from edgekit_converters.data.source import SINGLE_INPUT
from edgekit_converters.settings import NamedShape, SourceSettings
from edgekit_converters.torch.border import Forward
from edgekit_runtime.errors import RecipeError
from edgekit_runtime.tensor import TensorSpec

FLOAT = "float32"
WIDE_INTEGERS = ("int32", "int64", "bool")  # tokens and masks; narrower ones are pixels, which are taken as float


@dataclass(frozen=True)
class Parameters:
    """The parameters of a forward.

    Attributes:
        required: Those without a default, in their order.
        optional: Those with one.
        positional: Those that can only be given by place.
        free: Whether it takes any number of tensors by place (`*args`).
        more: Whether it takes any number of tensors by name (`**kwargs`).
    """

    required: tuple[str, ...]
    optional: tuple[str, ...]
    positional: tuple[str, ...]
    free: bool
    more: bool

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.required, *self.optional)

    def __str__(self) -> str:
        rest = [text for text, taken in (("*tensors", self.free), ("**tensors", self.more)) if taken]
        return f"forward({', '.join((*self.required, *(f'{name}=...' for name in self.optional), *rest))})"


def find_forward(module: Any, settings: SourceSettings) -> Forward:
    """Find what a module takes.

    Args:
        module: A `torch.nn.Module`.
        settings: Shapes and types that the user gave, and data with a sample.

    Raises:
        RecipeError: A shape is missing, or names no parameter.
        DataError: The data cannot be read.
    """
    parameters = _parameters(module)
    shapes = _shapes(settings, parameters)
    dtypes = {one.name or _only(parameters, f"--dtype {one.dtype}"): one.dtype for one in settings.dtypes}
    _check_names("--dtype", dtypes, parameters)
    sample = _sample(settings, parameters, shapes)
    names = _order(parameters, (*shapes, *sample))
    missing = [name for name in parameters.required if name not in names]
    if missing or not names:
        raise _unshaped(settings, parameters, missing)
    specs = []
    for name in names:
        value = sample.get(name)
        shape = shapes.get(name) or (1, *value.shape)  # type: ignore[union-attr]  # one of the two is there
        specs.append(_spec(name, shape, dtypes.get(name) or _dtype(value)))
    _check_batch(settings, specs)
    return Forward(module, tuple(specs), _arrangement(names, parameters))


def _parameters(module: Any) -> Parameters:
    found = inspect.signature(module.forward).parameters
    plain = {n: one for n, one in found.items() if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)}
    return Parameters(
        tuple(name for name, one in plain.items() if one.default is one.empty),
        tuple(name for name, one in plain.items() if one.default is not one.empty),
        tuple(name for name, one in plain.items() if one.kind == one.POSITIONAL_ONLY),
        any(one.kind == one.VAR_POSITIONAL for one in found.values()),
        any(one.kind == one.VAR_KEYWORD for one in found.values()),
    )


def _shapes(settings: SourceSettings, parameters: Parameters) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for one in settings.shapes:
        name = one.name or _only(parameters, told(one))
        if name in shapes:
            raise RecipeError(f"{told(one)}: {name} has two shapes; allowed: one for each input.")
        shapes[name] = one.shape
    _check_names("--shape", shapes, parameters)
    return shapes


def told(one: NamedShape) -> str:
    """A shape as the user wrote it."""
    return f"--shape {f'{one.name}=' if one.name else ''}{','.join(map(str, one.shape))}"


def _only(parameters: Parameters, option: str) -> str:
    """The parameter that is meant where none is named."""
    if len(parameters.required) == 1:
        return parameters.required[0]
    if not parameters.required and parameters.names:
        return parameters.names[0]
    if not parameters.names and not parameters.more:
        return SINGLE_INPUT
    raise RecipeError(
        f"{option} names no input, and the module takes several: {parameters}.", hint="Write NAME= first."
    )


def _check_names(option: str, given: Mapping[str, object], parameters: Parameters) -> None:
    unknown = [name for name in given if name not in parameters.names]
    if unknown and not parameters.free and not parameters.more:
        allowed = ", ".join(parameters.names) or "none"
        raise RecipeError(
            f"{option} {unknown[0]}=...: the module has no such input; allowed: {allowed}, as in {parameters}."
        )


def _sample(
    settings: SourceSettings, parameters: Parameters, shapes: Mapping[str, tuple[int, ...]]
) -> Mapping[str, np.ndarray]:
    """The first sample's inputs, where there is data that tells them."""
    if settings.sample is None or all(name in shapes for name in parameters.required):
        return {}
    arrays = first_sample(settings.sample)
    named = {name: arrays[name] for name in parameters.names if name in arrays}
    if not named and SINGLE_INPUT in arrays and len(parameters.required) <= 1:
        named = {_only(parameters, SINGLE_INPUT): arrays[SINGLE_INPUT]}
    return named


def _order(parameters: Parameters, found: Sequence[str]) -> tuple[str, ...]:
    known = tuple(name for name in parameters.names if name in found)
    return known + tuple(dict.fromkeys(name for name in found if name not in known))


def _unshaped(settings: SourceSettings, parameters: Parameters, missing: Sequence[str]) -> RecipeError:
    names = missing or parameters.names[:1] or (("NAME",) if parameters.more else (SINGLE_INPUT,))
    flags = " ".join(f"--shape {name}=1,..." for name in names)
    data = "" if settings.sample is None else f", and {settings.sample.path} does not tell"
    return RecipeError(
        f"{settings.path}: the shape of {', '.join(names)} is not known: a module does not tell the shapes of "
        f"{parameters}{data}.",
        hint=f"Add {flags}, the batch axis first; integers need --dtype, too.",
    )


def _dtype(value: np.ndarray | None) -> str:
    return value.dtype.name if value is not None and value.dtype.name in WIDE_INTEGERS else FLOAT


def _spec(name: str, shape: tuple[int, ...], dtype: str) -> TensorSpec:
    return TensorSpec(name, (-1, *shape[1:]) if shape[:1] == (1,) else shape, dtype)


def _check_batch(settings: SourceSettings, specs: Sequence[TensorSpec]) -> None:
    """One sample at a time; an input may lack a batch axis, as a state does, but not all of them."""
    if any(spec.batched for spec in specs):
        return
    one = next(one for one in settings.shapes)
    # A picture without its batch axis has 3 axes; one of several samples has 4.
    sample = one.shape if len(one.shape) in (1, 3) else one.shape[1:]
    raise RecipeError(
        f"{told(one)}: the first axis is the batch axis, and a device takes one sample at a time; "
        f"allowed: 1 first, such as {','.join(map(str, (1, *sample)))}."
    )


def _arrangement(names: tuple[str, ...], parameters: Parameters) -> Any:
    unknown_by_place = parameters.free or not parameters.more
    by_place = sum(
        1 for name in names if name in parameters.positional or (unknown_by_place and name not in parameters.names)
    )

    def arrange(values: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if by_place and parameters.free:
            return tuple(values), {}
        return tuple(values[:by_place]), dict(zip(names[by_place:], values[by_place:], strict=True))

    return arrange
