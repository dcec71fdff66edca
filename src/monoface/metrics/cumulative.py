"""Cumulative error curves: which part of the cases, or points, has at most a given error.

A case without a prediction counts as one whose error is beyond every threshold: the curve ends lower.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

_STEPS = 200


@dataclass(frozen=True, eq=False)
class CumulativeCurve:
    """A cumulative error curve.

    Attributes:
        thresholds: From 0 on, evenly spaced, in the unit of the errors.
        percent: Part of all cases with at most that error.
    """

    thresholds: Float64[np.ndarray, " steps"]
    percent: Float64[np.ndarray, " steps"]

    @property
    def area_percent(self) -> float:
        """Area under the curve up to its last threshold, over that of a perfect curve."""
        heights = (self.percent[1:] + self.percent[:-1]) / 2
        return float(heights.mean()) if len(heights) else float("nan")

    def at(self, threshold: float) -> float:
        """Percent of the cases with at most this error."""
        return float(np.interp(threshold, self.thresholds, self.percent))


def cumulative_curve(
    errors: Float[np.ndarray, " cases"], limit: float, *, failures: int = 0, steps: int = _STEPS
) -> CumulativeCurve:
    """Curve up to a limit.

    Args:
        errors: One per case or point; NaN is a failure.
        limit: The last threshold.
        failures: Further cases, of which there is no error.
        steps: Thresholds after 0.
    """
    thresholds = np.linspace(0, limit, steps + 1)
    known = np.sort(errors[np.isfinite(errors)].astype(np.float64))
    count = len(errors) + failures
    below = np.searchsorted(known, thresholds, side="right")
    return CumulativeCurve(thresholds, 100 * below / count if count else np.full(len(thresholds), np.nan))
