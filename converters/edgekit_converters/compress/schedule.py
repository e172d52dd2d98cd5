"""The learning rate over a training."""

from __future__ import annotations

import math

from edgekit_converters.compress.settings import TrainSettings


def learning_rate(step: int, steps: int, settings: TrainSettings) -> float:
    """The rate of one step: it rises in a line, then falls as half a cosine towards 0, which no step has.

    The warm-up is that of Goyal et al. 2017, "Accurate, Large Minibatch SGD"; the cosine, without restarts, that of
    Loshchilov and Hutter 2017, "SGDR".

    Args:
        step: Counted from 0.
        steps: How many there are in all.
        settings: The highest rate, and the share of steps over which it is reached.
    """
    warm = round(steps * settings.warmup_share)
    if step < warm:
        return settings.learning_rate * (step + 1) / warm
    return settings.learning_rate * (1 + math.cos(math.pi * (step - warm) / (steps - warm))) / 2
