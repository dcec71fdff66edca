"""Percentile bootstrap intervals of means.

Reference:
    Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

DRAWS = 2000


@dataclass(frozen=True)
class Interval:
    """Bounds of a confidence interval; NaN where there is no photo."""

    low: float
    high: float


def bootstrap_mean(
    errors: Float[np.ndarray, " photos"], *, confidence: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """Interval of the mean over photos.

    To compare two predictors on the same photos give the difference of their errors: the interval is
    then paired.

    Args:
        errors: One per photo.
        confidence: Part of the draws within the interval.
        draws: Number of bootstrap samples.
        seed: Of the draws; equal seeds give equal intervals.
    """
    return interval_of(resampled_means(errors, draws, np.random.default_rng(seed)), confidence)


Statistic = Callable[[Float64[np.ndarray, "draws cases"]], Float64[np.ndarray, " draws"]]
"""A figure of cases that count by weights: rows of weights that sum to 1 give a figure each."""


def bootstrap_statistic(
    statistic: Statistic, cases: int, *, confidence: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """Interval of a figure that is no mean, such as a ratio of means or a correlation.

    Args:
        statistic: The figure, of weighted cases. Where draws leave it undefined it is NaN, and left out.
        cases: How many there are.
        confidence: Part of the draws within the interval.
        draws: Number of bootstrap samples.
        seed: Of the draws; equal seeds give equal intervals.
    """
    if cases == 0:
        return Interval(float("nan"), float("nan"))
    times_sampled = np.random.default_rng(seed).multinomial(cases, np.full(cases, 1 / cases), size=draws)
    drawn = statistic(times_sampled / cases)
    known = drawn[np.isfinite(drawn)]
    return interval_of(known if len(known) else np.full(1, np.nan), confidence)


def resampled_means(
    errors: Float[np.ndarray, " photos"], draws: int, generator: np.random.Generator
) -> Float64[np.ndarray, " draws"]:
    """Means of samples with replacement; NaN if there is nothing to draw from."""
    count = len(errors)
    if count == 0:
        return np.full(draws, np.nan)
    times_sampled = generator.multinomial(count, np.full(count, 1 / count), size=draws)
    return times_sampled @ errors.astype(np.float64) / count


def interval_of(drawn: Float64[np.ndarray, " draws"], confidence: float) -> Interval:
    """The middle part of draws that holds `confidence` of them."""
    low, high = np.quantile(drawn, ((1 - confidence) / 2, (1 + confidence) / 2))
    return Interval(float(low), float(high))
