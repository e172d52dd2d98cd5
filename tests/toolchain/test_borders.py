"""edgekit.pipeline.borders: the types of inputs and outputs that are asked for."""

import pytest

from edgekit.pipeline.borders import BORDER_TYPES, check_names, choose_types
from edgekit_converters.settings import SCHEMES, NamedType, QuantizeSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.errors import RecipeError
from edgekit_runtime.tensor import TensorSpec

INFO = SourceInfo(
    (TensorSpec("picture", (-1, 4), "float32"), TensorSpec("tokens", (-1, 8), "int32")),
    (TensorSpec("boxes", (-1, 4), "float32"), TensorSpec("scores=all", (-1, 2), "float32")),
    0,
    (),
)


@pytest.mark.parametrize(
    ("scheme", "asked", "general", "named"),
    [
        ("int8", (), "int8", ()),
        ("int8", ("float32",), "float32", ()),
        ("int8", ("boxes=float32",), "int8", (NamedType("boxes", "float32"),)),
        ("int8", ("float32", "boxes=int8"), "float32", (NamedType("boxes", "int8"),)),
        ("int8", ("boxes=float32", "boxes=float32"), "int8", (NamedType("boxes", "float32"),)),
        ("int8", ("scores=all=float32",), "int8", (NamedType("scores=all", "float32"),)),
        ("int16x8", ("a=float32", "b=int16"), "int16", (NamedType("a", "float32"), NamedType("b", "int16"))),
        ("float16", ("a=float32",), "float32", (NamedType("a", "float32"),)),
    ],
)
def test_a_type_is_for_all_or_for_the_one_that_is_named(
    scheme: str, asked: tuple[str, ...], general: str, named: tuple[NamedType, ...]
) -> None:
    assert choose_types("output", asked, SCHEMES[scheme], "tflite") == (general, named)


def test_inputs_and_outputs_of_onnx_stay_float32() -> None:
    assert choose_types("input", (), SCHEMES["int8"], "onnx") == ("float32", ())
    with pytest.raises(RecipeError, match=r"--input-dtype int8: inputs and outputs of an \.onnx file stay float32"):
        choose_types("input", ("int8",), SCHEMES["int8"], "onnx")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("dtype", BORDER_TYPES)
def test_each_scheme_allows_its_own_types_and_float32(scheme: str, dtype: str) -> None:
    if dtype in {"int8": ("int8", "float32"), "int16x8": ("int16", "float32")}.get(scheme, ("float32",)):
        assert choose_types("input", (dtype,), SCHEMES[scheme], "tflite") == (dtype, ())
    else:
        with pytest.raises(RecipeError, match=f"--input-dtype {dtype} needs --quantize .*; the scheme is {scheme}"):
            choose_types("input", (dtype,), SCHEMES[scheme], "tflite")


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (("uint8",), r"--output-dtype uint8: unknown type; allowed: float32, int8, int16\."),
        (("boxes=",), r"--output-dtype boxes=: unknown type"),
        (("boxes",), r"--output-dtype boxes: unknown type"),
        (("boxes=int16",), r"--output-dtype boxes=int16 needs --quantize int16x8; .* allows: int8, float32"),
        (("int8", "float32"), r"asks for int8 and for float32 for all outputs; allowed: one"),
        (("boxes=int8", "boxes=float32"), r"asks for int8 and for float32 for output boxes; allowed: one"),
    ],
)
def test_types_that_are_unknown_or_contradict_each_other_are_refused(asked: tuple[str, ...], text: str) -> None:
    with pytest.raises(RecipeError, match=text):
        choose_types("output", asked, SCHEMES["int8"], "tflite")


def test_names_of_the_model_pass() -> None:
    named = (NamedType("boxes", "float32"), NamedType("scores=all", "float32"))
    check_names(QuantizeSettings("int8", "int8", "int8", (NamedType("picture", "float32"),), named), INFO)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (
            QuantizeSettings("int8", "int8", "int8", (), (NamedType("box", "float32"),)),
            r"--output-dtype box=float32: the model has no output of this name; allowed: boxes, scores=all",
        ),
        (
            QuantizeSettings("int8", "int8", "int8", (NamedType("boxes", "float32"),)),
            r"--input-dtype boxes=float32: the model has no input of this name; allowed: picture, tokens",
        ),
        (
            QuantizeSettings("int8", "int8", "int8", (NamedType("tokens", "float32"),)),
            r"--input-dtype tokens=float32: this input is int32 in the model, and stays so",
        ),
    ],
)
def test_a_name_the_model_lacks_or_that_is_no_float_is_refused(settings: QuantizeSettings, text: str) -> None:
    with pytest.raises(RecipeError, match=text):
        check_names(settings, INFO)
