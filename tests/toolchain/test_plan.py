"""Plans: who chooses what, and why."""

from dataclasses import replace
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from edgekit.pipeline.plan import Plan, make_plan
from edgekit.pipeline.request import Request
from edgekit_converters.settings import FLOAT32, SCHEMES, quantizing
from edgekit_runtime.errors import DataError, ModelError, ProfileError, RecipeError
from edgekit_targets.profile import RecipeChoice


@pytest.fixture
def request_for(tmp_path: Path) -> Request:
    model, data = tmp_path / "model.h5", tmp_path / "data.npz"
    model.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    data.touch()
    return Request(model, "raspberry-pi-4b", calibrate=data, output=tmp_path / "out")


def value(plan: Plan, what: str) -> str:
    return next(choice.value for choice in plan.choices if choice.what == what)


def test_the_target_chooses_the_scheme_and_says_why(request_for: Request) -> None:
    plan = make_plan(request_for)
    (choice,) = [choice for choice in plan.choices if choice.what == "scheme"]
    assert choice.value == "int8"
    assert "raspberry-pi-4b" in choice.reason


def test_what_was_asked_for_overrules_the_target(request_for: Request) -> None:
    plan = make_plan(replace(request_for, quantize="float32"))
    assert value(plan, "scheme") == "float32"
    assert plan.recipe.quantize.input_dtype == "float32"


def test_every_choice_has_a_reason(request_for: Request) -> None:
    assert all(choice.reason and choice.value for choice in make_plan(request_for).choices)


def test_a_float_border_around_int8_is_kept(request_for: Request) -> None:
    plan = make_plan(replace(request_for, input_dtypes=("float32",)))
    assert (plan.recipe.quantize.input_dtype, plan.recipe.quantize.output_dtype) == ("float32", "int8")


def test_onnx_files_keep_float_borders_and_take_integers_by_the_target(request_for: Request) -> None:
    plan = make_plan(replace(request_for, model_format="onnx", calibration="percentile"))
    reasons = {choice.what: choice.reason for choice in plan.choices}
    assert value(plan, "inputs") == "float32"
    assert "the conversion is inside" in reasons["inputs"]
    assert value(plan, "integers") == "int8"
    assert "leave the outermost values out" in reasons["calibration"]
    settings = plan.recipe.quantize
    assert (settings.activations, settings.reduced_weights, settings.calibration) == ("int8", False, "percentile")


def test_the_output_is_named_after_model_target_and_scheme(request_for: Request) -> None:
    assert make_plan(replace(request_for, output=None)).output == Path("model-raspberry-pi-4b-int8")


def test_a_profile_can_choose_every_recipe() -> None:
    assert set(get_args(get_type_hints(RecipeChoice)["name"])) == {FLOAT32, *quantizing("tflite")}


@pytest.mark.parametrize("scheme", [FLOAT32, *quantizing("tflite")])
def test_the_reason_of_a_scheme_says_what_it_is_for(request_for: Request, scheme: str) -> None:
    (choice,) = [
        choice for choice in make_plan(replace(request_for, quantize=scheme)).choices if choice.what == "scheme"
    ]
    assert choice.reason.startswith(SCHEMES[scheme].purpose)
    assert ("times slower" in choice.reason) == (scheme == "int16x8")


@pytest.mark.parametrize("scheme", [FLOAT32, *quantizing("tflite")])
def test_only_static_schemes_need_calibration(request_for: Request, scheme: str) -> None:
    without = replace(request_for, quantize=scheme, calibrate=None)
    if scheme in {"int8", "int16x8"}:
        with pytest.raises(RecipeError, match=f"{scheme} needs samples of real inputs"):
            make_plan(without)
    else:
        assert value(make_plan(without), "calibration") == "none"


def test_a_type_of_one_output_is_shown_beside_that_of_the_others(request_for: Request) -> None:
    plan = make_plan(replace(request_for, output_dtypes=("area=float32",)))
    assert value(plan, "outputs") == "int8, area: float32"
    assert value(plan, "inputs") == "int8"


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (
            {"calibrate": None},
            RecipeError,
            r"--calibrate DATA\.npz, or ask for a scheme that needs none: float32, float16",
        ),
        ({"quantize": "int4"}, RecipeError, r"int4: unknown scheme; allowed: float32, float16, int8, int8-dynamic"),
        ({"input_dtypes": ("uint8",)}, RecipeError, r"uint8: unknown type; allowed: float32, int8, int16"),
        (
            {"quantize": "float32", "output_dtypes": ("int8",)},
            RecipeError,
            r"needs --quantize int8; the scheme is float32",
        ),
        ({"metric": "f7"}, RecipeError, r"f7: unknown metric; allowed: auto, accuracy, mean_squared_error"),
        ({"calibrate": Path("gone.npz")}, DataError, r"gone\.npz: no such file"),
        ({"evaluate": Path("gone.npz")}, DataError, r"gone\.npz: no such file"),
        ({"target": "raspbery-pi-4"}, ProfileError, r"raspberry-pi-4b"),
        ({"model": Path("gone.h5")}, ModelError, r"gone\.h5: no such file"),
    ],
)
def test_what_cannot_be_planned_is_refused(
    request_for: Request, change: dict[str, object], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        make_plan(replace(request_for, **change))


@pytest.mark.parametrize(
    ("target", "asked", "taken"),
    [
        ("ethos-u55-256", "float32", "--quantize int8 --calibrate "),
        ("coral-edgetpu-usb", "int8-dynamic", "--quantize int8 --calibrate "),
        ("hailo-8", "int8", "--quantize float32"),
    ],
)
def test_what_an_accelerator_leaves_to_the_processor_is_refused(
    request_for: Request, target: str, asked: str, taken: str
) -> None:
    with pytest.raises(RecipeError, match=f"--quantize {asked}: the .* of target {target} does not take it") as caught:
        make_plan(replace(request_for, target=target, quantize=asked))
    assert f"--target {target} {taken}" in caught.value.hint


def test_what_an_accelerator_takes_is_planned(request_for: Request) -> None:
    assert value(make_plan(replace(request_for, target="ethos-u55-256", quantize="int16x8")), "scheme") == "int16x8"
