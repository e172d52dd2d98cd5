from __future__ import annotations

import pytest

from edgekit_targets.profile import Budgets, Cpu, Profile, RecipeChoice
from edgekit_targets.sourced import Sourced


def test_a_processor_tells_which_extensions_it_has_lacks_or_leaves_open() -> None:
    cpu = Cpu(
        features=Sourced(("neon",), "a", "vendor"),
        features_absent=Sourced(("dotprod",), "a", "vendor"),
    )

    assert cpu.has("neon") is True
    assert cpu.has("dotprod") is False
    assert cpu.has("sve") is None


def test_a_processor_of_which_nothing_is_known_leaves_every_extension_open() -> None:
    assert Cpu().has("neon") is None


def test_an_extension_cannot_be_present_and_absent() -> None:
    with pytest.raises(ValueError, match="both name neon"):
        Cpu(features=Sourced(("neon",), "a", "vendor"), features_absent=Sourced(("neon",), "a", "vendor"))


@pytest.mark.parametrize("value", [0, -1, -0.5])
def test_a_figure_is_above_zero(value: float) -> None:
    with pytest.raises(ValueError, match="allowed: more than 0"):
        Sourced(value, "a", "vendor")


def test_budgets_name_every_limit_that_is_not_above_zero() -> None:
    with pytest.raises(ValueError, match="latency_p50_ms, peak_rss_kib not above 0"):
        Budgets(latency_p50_ms=0, load_time_ms=1, peak_rss_kib=-5)


def test_a_profile_has_a_runtime() -> None:
    with pytest.raises(ValueError, match="runtimes is empty"):
        Profile("p", "a device", {}, (), RecipeChoice("int8", "small", "a", "vendor"))
