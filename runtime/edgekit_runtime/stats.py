"""Statistics of latencies, with the standard library alone.

Processes differ from each other by far more than the samples within one do, so every interval
here is taken over one value for each process.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgekit_runtime.figure import Interval

MAX_TERMS = 10_000  # of the continued fraction; it needs about sqrt(df) of them
TINY = 1e-300


def quantile(samples: Sequence[float], q: float) -> float:
    """The q-quantile by linear interpolation between order statistics, numpy's default.

    Definition 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages", 1996.

    Args:
        samples: At least one value, in any order.
        q: Share of the samples below, 0 to 1.

    Raises:
        ValueError: There are no samples, or q lies outside 0 to 1.
    """
    if not samples or not 0.0 <= q <= 1.0:
        raise ValueError(f"a quantile of {len(samples)} samples at {q}; allowed: at least one, and 0 to 1")
    ordered = sorted(samples)
    position = q * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def middle_mean(values: Sequence[float]) -> float:
    """The mean of the middle half: whole steps of a clock are averaged out, interruptions are left out.

    Args:
        values: At least one.

    Raises:
        ValueError: There is none.
    """
    if not values:
        raise ValueError("a mean needs at least one value")
    ordered = sorted(values)
    cut = len(ordered) // 4
    kept = ordered[cut : len(ordered) - cut]
    return sum(kept) / len(kept)


def geometric_mean_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, Interval]:
    """The geometric mean, with Student's t interval on the logarithms.

    Args:
        values: One positive value for each process, at least two.
        confidence: Share of such intervals that hold the true value.

    Returns:
        The mean and its interval, in the unit of the values.

    Raises:
        ValueError: There are fewer than two values, or one is not positive.
    """
    mean, variance = _log_moments(values)
    half = student_t_quantile((1 + confidence) / 2, len(values) - 1) * math.sqrt(variance / len(values))
    return math.exp(mean), Interval(math.exp(mean - half), math.exp(mean + half), confidence)


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, Interval]:
    """The arithmetic mean, with Student's t interval; for differences, which may be negative.

    Args:
        values: One value for each process, at least two.
        confidence: Share of such intervals that hold the true value.

    Returns:
        The mean and its interval, in the unit of the values.

    Raises:
        ValueError: There are fewer than two values.
    """
    if len(values) < 2:
        raise ValueError("an interval needs at least two values")
    mean, variance = _moments(values)
    half = student_t_quantile((1 + confidence) / 2, len(values) - 1) * math.sqrt(variance / len(values))
    return mean, Interval(mean - half, mean + half, confidence)


def ratio_interval(a: Sequence[float], b: Sequence[float], confidence: float = 0.95) -> tuple[float, Interval]:
    """The ratio of two geometric means, with Welch's interval on the logarithms.

    Degrees of freedom after Welch, "The generalization of Student's problem when several
    different population variances are involved", 1947, with Satterthwaite's formula.

    Args:
        a: One positive value for each process of the one, at least two.
        b: The same for the other.
        confidence: Share of such intervals that hold the true ratio.

    Returns:
        a over b, and its interval; one point where neither varies.

    Raises:
        ValueError: There are fewer than two values, or one is not positive.
    """
    mean_a, variance_a = _log_moments(a)
    mean_b, variance_b = _log_moments(b)
    error_a, error_b = variance_a / len(a), variance_b / len(b)
    error, ratio = error_a + error_b, math.exp(mean_a - mean_b)
    if error == 0.0:
        return ratio, Interval(ratio, ratio, confidence)
    # By shares of the error: its square may be too small for a float.
    df = 1.0 / ((error_a / error) ** 2 / (len(a) - 1) + (error_b / error) ** 2 / (len(b) - 1))
    half = student_t_quantile((1 + confidence) / 2, df) * math.sqrt(error)
    return ratio, Interval(ratio * math.exp(-half), ratio * math.exp(half), confidence)


def student_t_quantile(p: float, df: float) -> float:
    """The value that Student's t stays below with probability p.

    Found by bisection on the distribution function, Abramowitz and Stegun 26.7.1.

    Args:
        p: Probability, between 0 and 1.
        df: Degrees of freedom, at least 1; not only whole ones.

    Raises:
        ValueError: p or df lies outside.
    """
    if not 0.0 < p < 1.0 or not 1.0 <= df < math.inf:
        raise ValueError(f"Student's t at p {p} and df {df}; allowed: 0 < p < 1 and df of at least 1")
    if p < 0.5:
        return -student_t_quantile(1.0 - p, df)
    low, high = 0.0, 1.0
    while _upper_tail(high, df) > 1.0 - p:
        low, high = high, 2.0 * high
    while True:
        middle = (low + high) / 2.0
        if middle in (low, high):
            return middle
        if _upper_tail(middle, df) > 1.0 - p:
            low = middle
        else:
            high = middle


def _log_moments(values: Sequence[float]) -> tuple[float, float]:
    if len(values) < 2 or min(values) <= 0:
        raise ValueError("an interval needs at least two values, all positive")
    return _moments([math.log(value) for value in values])


def _moments(values: Sequence[float]) -> tuple[float, float]:
    mean = math.fsum(values) / len(values)
    return mean, math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _upper_tail(t: float, df: float) -> float:
    """Probability that Student's t lies above t, for t of at least 0."""
    square = t * t
    return 0.5 * _incomplete_beta(df / 2.0, 0.5, df / (df + square), square / (df + square))


def _incomplete_beta(a: float, b: float, x: float, complement: float) -> float:
    """The regularized incomplete beta function I_x(a, b); complement is 1 - x, given apart for its digits.

    DLMF 8.17.22 for x below the mean, and 8.17.4 for the rest, where the fraction would converge slowly.
    """
    if x <= 0.0 or complement <= 0.0:
        return 0.0 if x <= 0.0 else 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - _incomplete_beta(b, a, complement, x)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(complement)
    return math.exp(scale) / (a * _continued_fraction(a, b, x))


def _continued_fraction(a: float, b: float, x: float) -> float:
    """1 + d1/(1 + d2/(1 + ...)) of DLMF 8.17.22, by the modified Lentz algorithm (DLMF 3.10.iii)."""
    value, c, d = 1.0, 1.0, 0.0
    for n in range(1, MAX_TERMS):
        m = n // 2
        if n % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / ((1.0 + term * d) or TINY)
        c = (1.0 + term / c) or TINY
        value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return value
