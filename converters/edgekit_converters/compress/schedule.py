"""What changes over a training: the learning rate, and how fast batch norms follow."""

from __future__ import annotations

import math

from edgekit_converters.compress.settings import TrainSettings

LARGEST_SHARE, REMEMBERED_SAMPLES = 0.1, 320


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


def least_share(batch: int) -> float:
    """The least share that a batch takes in the running statistics of batch norms while a network trains.

    With Keras's default of 0.01 those of a pruned network lag hundreds of steps behind its weights: ResNet8 without
    30 % of its MACs, trained for 3 epochs on 300 pictures, had 44 % right answers, and has 67 % with this share.

    Args:
        batch: Samples in a step; small ones count less, so that some hundred are remembered.
    """
    return min(LARGEST_SHARE, batch / REMEMBERED_SAMPLES)
