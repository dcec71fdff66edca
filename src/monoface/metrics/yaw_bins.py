"""Errors by how far the head is turned, with bootstrap intervals.

The three bins differ much in size (AFLW2000-3D has 1312, 383 and 305 photos), so the field reports the
mean of the bins, in which a near-profile weighs more than in the mean over the photos.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float

from monoface.metrics.bootstrap import DRAWS, Interval, interval_of, resampled_means

YAW_BINS: Final = ("0-30", "30-60", "60-90")
"""Names of the bins: |yaw| <= 30, 30 < |yaw| <= 60, and 60 < |yaw| degrees (the few past 90 among them)."""

BIN_MEAN: Final = "bin_mean"
IMAGE_MEAN: Final = "image_mean"


@dataclass(frozen=True)
class BinnedMean:
    """Mean error by yaw. NaN stands for what has no photo: a bin, and then the mean of the bins.

    Attributes:
        by_bin: Mean over the photos of each bin, in the order of `YAW_BINS`.
        bin_mean: Mean of the three bins.
        image_mean: Mean over all photos.
    """

    by_bin: tuple[float, float, float]
    bin_mean: float
    image_mean: float

    def as_dict(self) -> dict[str, float]:
        """The five figures by name."""
        return dict(zip(YAW_BINS, self.by_bin, strict=True)) | {
            BIN_MEAN: self.bin_mean,
            IMAGE_MEAN: self.image_mean,
        }


def in_yaw_bins(yaw_deg: Float[np.ndarray, " photos"]) -> Bool[np.ndarray, "3 photos"]:
    """Which photos are in which bin; each is in one."""
    turn_deg = np.abs(yaw_deg)
    return np.stack([turn_deg <= 30, (turn_deg > 30) & (turn_deg <= 60), turn_deg > 60])


def binned_mean(errors: Float[np.ndarray, " photos"], yaw_deg: Float[np.ndarray, " photos"]) -> BinnedMean:
    """Mean of the errors in each bin, of the bins, and over the photos; in the unit of the errors."""
    errors = errors.astype(np.float64)
    bins = in_yaw_bins(yaw_deg)
    by_bin = [float(errors[members].mean()) if members.any() else np.nan for members in bins]
    return BinnedMean(
        by_bin=(by_bin[0], by_bin[1], by_bin[2]),
        bin_mean=float(np.mean(by_bin)),
        image_mean=float(errors.mean()) if len(errors) else np.nan,
    )


def binned_std(
    errors: Float[np.ndarray, " photos"], yaw_deg: Float[np.ndarray, " photos"]
) -> dict[str, float]:
    """Standard deviations (of the population): of the photos in each bin, of the three means, of all.

    Reference:
        The evaluation code of 3DDFA prints those of the bins and of their means.
    """
    errors = errors.astype(np.float64)
    bins = in_yaw_bins(yaw_deg)
    within = [float(errors[members].std()) if members.any() else np.nan for members in bins]
    means = binned_mean(errors, yaw_deg).by_bin
    return dict(zip(YAW_BINS, within, strict=True)) | {
        BIN_MEAN: float(np.std(means)),
        IMAGE_MEAN: float(errors.std()) if len(errors) else np.nan,
    }


def bootstrap_intervals(
    errors: Float[np.ndarray, " photos"],
    yaw_deg: Float[np.ndarray, " photos"],
    *,
    confidence: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Interval]:
    """Percentile bootstrap intervals of the five figures of `binned_mean`, by name.

    Photos are drawn within their bin, so the bins keep their sizes. To compare two predictors on the
    same photos give the difference of their errors: the intervals are then paired.

    Args:
        errors: One per photo.
        yaw_deg: One per photo.
        confidence: Part of the draws within the interval.
        draws: Number of bootstrap samples.
        seed: Of the draws; equal seeds give equal intervals.
    """
    generator = np.random.default_rng(seed)
    bins = in_yaw_bins(yaw_deg)
    means = np.stack([resampled_means(errors[members], draws, generator) for members in bins])
    sizes = bins.sum(axis=1)
    filled = sizes > 0
    image_means = sizes[filled] @ means[filled] / max(len(errors), 1) if filled.any() else means[0]

    figures = dict(zip(YAW_BINS, means, strict=True)) | {
        BIN_MEAN: means.mean(axis=0),
        IMAGE_MEAN: image_means,
    }
    return {name: interval_of(drawn, confidence) for name, drawn in figures.items()}
