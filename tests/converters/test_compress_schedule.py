"""The learning rate over a training."""

from hypothesis import given
from hypothesis import strategies as st

from edgekit_converters.compress.schedule import learning_rate, least_share
from edgekit_converters.compress.settings import TrainSettings
from edgekit_converters.settings import DataSettings

DATA = DataSettings("x.npz", None, 0)


def rates(steps: int, peak: float, warmup: float) -> list[float]:
    settings = TrainSettings(DATA, learning_rate=peak, warmup_share=warmup)
    return [learning_rate(step, steps, settings) for step in range(steps)]


@given(st.integers(1, 500), st.floats(1e-6, 10), st.floats(0, 0.99))
def test_it_rises_in_a_line_then_falls_and_no_step_is_lost(steps: int, peak: float, warmup: float) -> None:
    found, warm = rates(steps, peak, warmup), round(steps * warmup)
    assert all(0 < rate <= peak * (1 + 1e-12) for rate in found)
    assert all(abs(rate - peak * (step + 1) / warm) < 1e-9 * peak for step, rate in enumerate(found[:warm]))
    assert found[warm:] == sorted(found[warm:], reverse=True)


def test_half_of_the_way_down_it_is_half_of_the_highest() -> None:
    found = rates(100, 0.4, 0.0)
    assert found[0] == 0.4
    assert abs(found[50] - 0.2) < 1e-12
    assert found[99] < 0.0002


def test_batch_norms_remember_some_hundred_samples_whatever_the_batch() -> None:
    assert [least_share(batch) for batch in (8, 32, 256)] == [0.025, 0.1, 0.1]
