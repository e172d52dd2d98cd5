"""edgekit.pipeline.integers: types of activations by instruction set, and how ranges are found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.pipeline.integers import choose_calibration, choose_integers
from edgekit_converters.settings import QuantizeSettings
from edgekit_runtime.errors import RecipeError
from edgekit_targets.catalog import load_profile
from edgekit_targets.profile import Profile
from edgekit_targets.sourced import Sourced

INT8 = QuantizeSettings("int8", "float32", "float32")


def profile(isa: str | None) -> Profile:
    host = load_profile("host").profile
    return replace(host, cpu=replace(host.cpu, isa=None if isa is None else Sourced(isa, "somewhere", "estimated")))


def cpuinfo(folder: Path, flags: str) -> Path:
    path = folder / "cpuinfo"
    path.write_text(f"processor\t: 0\nflags\t\t: fpu {flags}\n")
    return path


def test_arm_takes_signed_activations_and_whole_weights() -> None:
    settings, (choice,) = choose_integers(INT8, "onnx", load_profile("raspberry-pi-4b").profile)
    assert (settings.activations, settings.reduced_weights, choice.value) == ("int8", False, "int8")
    assert "aarch64" in choice.reason


@pytest.mark.parametrize(
    ("flags", "reduced"), [("avx2 avx_vnni", False), ("avx512f avx512_vnni", False), ("avx2", True), ("", True)]
)
def test_this_machine_takes_unsigned_ones_and_seven_bits_without_vnni(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, reduced: bool
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    settings, (choice,) = choose_integers(INT8, "onnx", profile(None), cpuinfo(tmp_path, flags))
    assert (settings.activations, settings.reduced_weights) == ("uint8", reduced)
    assert ("7 bits" in choice.value) == reduced


def test_another_x86_machine_may_lack_vnni() -> None:
    settings, (choice,) = choose_integers(INT8, "onnx", profile("x86_64"))
    assert settings.reduced_weights
    assert "does not say whether it has VNNI" in choice.reason


def test_a_machine_that_tells_nothing_counts_as_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert choose_integers(INT8, "onnx", profile(None), tmp_path / "none")[0].reduced_weights


@pytest.mark.parametrize(("scheme", "model_format"), [("int8", "tflite"), ("float16", "onnx"), ("float32", "onnx")])
def test_where_onnxruntime_multiplies_no_integers_nothing_is_chosen(scheme: str, model_format: str) -> None:
    settings = replace(INT8, scheme=scheme)
    assert choose_integers(settings, model_format, profile("aarch64")) == (settings, ())


def test_ranges_are_found_as_asked() -> None:
    assert choose_calibration(None, INT8, "onnx") == INT8
    assert choose_calibration("percentile", INT8, "onnx").calibration == "percentile"
    assert choose_calibration("minmax", INT8, "tflite").calibration == "minmax"


@pytest.mark.parametrize(
    ("asked", "scheme", "model_format", "fault"),
    [
        ("median", "int8", "onnx", "--calibration median: unknown; allowed: minmax, percentile"),
        ("percentile", "int8", "tflite", r"made for \.onnx only; allowed for \.tflite: minmax"),
        ("minmax", "float16", "onnx", "float16 has no ranges to find"),
    ],
)
def test_a_way_that_does_not_fit_is_refused(asked: str, scheme: str, model_format: str, fault: str) -> None:
    with pytest.raises(RecipeError, match=fault):
        choose_calibration(asked, replace(INT8, scheme=scheme), model_format)
