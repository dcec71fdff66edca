"""How well found values follow true ones: correlation, and the slope of their regression on the true ones."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from monoface.metrics.bootstrap import DRAWS, Interval, bootstrap_statistic

_LEAST_VARIANCE = 1e-18


@dataclass(frozen=True)
class Agreement:
    """Found values against true ones; NaN where either does not vary.

    Attributes:
        correlation: Pearson's.
        slope: How much found values rise where true ones rise by 1, in least squares.
        correlation_interval_95: Bootstrap interval over the cases.
        slope_interval_95: Likewise.
    """

    correlation: float
    slope: float
    correlation_interval_95: Interval
    slope_interval_95: Interval

    @classmethod
    def of(
        cls, found: Float[np.ndarray, " cases"], true: Float[np.ndarray, " cases"], draws: int = DRAWS
    ) -> "Agreement":
        """Of pairs of values; pairs with one that is not finite are left out."""
        both = np.isfinite(found) & np.isfinite(true)
        x, y = true[both].astype(np.float64), found[both].astype(np.float64)

        def correlation(weights: Float64[np.ndarray, "draws cases"]) -> Float64[np.ndarray, " draws"]:
            return _moments(x, y, weights)[0]

        def slope(weights: Float64[np.ndarray, "draws cases"]) -> Float64[np.ndarray, " draws"]:
            return _moments(x, y, weights)[1]

        evenly = np.full((1, len(x)), 1 / max(len(x), 1))
        return cls(
            float(correlation(evenly)[0]),
            float(slope(evenly)[0]),
            bootstrap_statistic(correlation, len(x), draws=draws),
            bootstrap_statistic(slope, len(x), draws=draws),
        )


def _moments(
    x: Float64[np.ndarray, " cases"],
    y: Float64[np.ndarray, " cases"],
    weights: Float64[np.ndarray, "draws cases"],
) -> tuple[Float64[np.ndarray, " draws"], Float64[np.ndarray, " draws"]]:
    """Correlation and slope of weighted pairs; NaN where a value does not vary."""
    x_rel, y_rel = x - x.mean() if len(x) else x, y - y.mean() if len(y) else y
    mean_x, mean_y = weights @ x_rel, weights @ y_rel
    variance_x = weights @ x_rel**2 - mean_x**2
    variance_y = weights @ y_rel**2 - mean_y**2
    covariance = weights @ (x_rel * y_rel) - mean_x * mean_y
    known = (variance_x > _LEAST_VARIANCE) & (variance_y > _LEAST_VARIANCE)
    safe_x, safe_y = np.where(known, variance_x, 1.0), np.where(known, variance_y, 1.0)
    correlation = np.where(known, covariance / np.sqrt(safe_x * safe_y), np.nan)
    varies = variance_x > _LEAST_VARIANCE
    slope = np.where(varies, covariance / np.where(varies, variance_x, 1.0), np.nan)
    return correlation, slope
