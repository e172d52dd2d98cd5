from __future__ import annotations

from dataclasses import replace

import pytest

from edgekit_targets.catalog import load_profile, load_profiles
from edgekit_targets.hardware import channel_effect, kernel_effect, memory_effect, size_warnings
from edgekit_targets.profile import Budgets, Cpu, Memory
from edgekit_targets.sourced import Sourced

HOST = load_profile("host").profile
PI_4 = load_profile("raspberry-pi-4b").profile
PI_5 = load_profile("raspberry-pi-5").profile


def test_without_dot_product_int8_may_win_little() -> None:
    effect = kernel_effect(PI_4, "int8")

    assert effect.value == "int8 without dot product"
    assert "Cortex-A72 lacks dot-product instructions" in effect.reason
    assert "may win little" in effect.reason


def test_with_dot_product_int8_saves_computing() -> None:
    effect = kernel_effect(PI_5, "int8")

    assert effect.value == "int8 with dot product"
    assert "saves computing" in effect.reason


def test_where_the_profile_is_silent_so_is_the_plan() -> None:
    assert kernel_effect(HOST, "int8").value == "unknown"
    assert channel_effect(HOST) is None
    assert memory_effect(HOST) == ("no limit", "host sets none and has an unknown amount")


@pytest.mark.parametrize("scheme", ["float32", "float16", "int8-weight-only", "int16x8"])
def test_the_dot_product_is_no_matter_to_what_is_not_computed_in_int8(scheme: str) -> None:
    assert kernel_effect(PI_4, scheme) == kernel_effect(PI_5, scheme)


def test_the_dot_product_matters_to_dynamic_int8() -> None:
    assert kernel_effect(PI_4, "int8-dynamic") != kernel_effect(PI_5, "int8-dynamic")


def test_the_memory_is_the_budget_beside_the_board() -> None:
    value, reason = memory_effect(load_profile("raspberry-pi-zero-2w").profile)

    assert value == "at most 238 MiB"
    assert "which has 512 MiB" in reason


def test_memory_without_a_budget_has_no_limit() -> None:
    profile = replace(HOST, memory=Memory(ram_kib=Sourced(2048, "a", "vendor")))

    assert memory_effect(profile) == ("no limit", "host sets none and has 2 MiB")


def test_channels_come_in_multiples_with_the_reason_of_the_profile() -> None:
    effect = channel_effect(PI_5)

    assert effect is not None
    assert effect.value == "multiples of 16"
    assert "16 output channels at once" in effect.reason


def test_an_alignment_without_a_note_has_a_reason_all_the_same() -> None:
    effect = channel_effect(replace(HOST, cpu=Cpu(channel_alignment=Sourced(4, "a", "vendor"))))

    assert effect is not None
    assert effect.reason.startswith("other counts leave part of a kernel's work unused")


def test_every_effect_of_every_target_has_a_value_and_a_reason() -> None:
    for loaded in load_profiles():
        effects = (kernel_effect(loaded.profile, "int8"), memory_effect(loaded.profile), channel_effect(loaded.profile))
        assert all(effect.value and effect.reason for effect in effects if effect is not None)


@pytest.mark.parametrize(
    ("budgets", "size_kib", "text"),
    [
        (Budgets(model_size_kib=100, peak_rss_kib=1000), 101, "has 101 KiB, and host allows 100 KiB"),
        (Budgets(peak_rss_kib=1000), 1001, "has 1001 KiB, and host allows a process 1000 KiB in all"),
    ],
)
def test_a_model_larger_than_its_budget_is_a_warning(budgets: Budgets, size_kib: int, text: str) -> None:
    (warning,) = size_warnings(replace(HOST, budgets=budgets), size_kib * 1024)

    assert text in warning


@pytest.mark.parametrize("budgets", [Budgets(), Budgets(model_size_kib=100), Budgets(peak_rss_kib=100)])
def test_a_model_within_its_budgets_is_none(budgets: Budgets) -> None:
    assert size_warnings(replace(HOST, budgets=budgets), 100 * 1024) == ()
