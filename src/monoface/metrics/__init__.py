"""Measures of quality, in numpy: what evaluations and validation during training report."""

from monoface.metrics.bootstrap import Interval, bootstrap_mean
from monoface.metrics.landmarks import AFLW_NORMALISER_PX, box_normaliser, nme, nme_3d
from monoface.metrics.yaw_bins import (
    BIN_MEAN,
    IMAGE_MEAN,
    YAW_BINS,
    BinnedMean,
    binned_mean,
    bootstrap_intervals,
    in_yaw_bins,
)

__all__ = [
    "AFLW_NORMALISER_PX",
    "BIN_MEAN",
    "IMAGE_MEAN",
    "YAW_BINS",
    "BinnedMean",
    "Interval",
    "binned_mean",
    "bootstrap_intervals",
    "bootstrap_mean",
    "box_normaliser",
    "in_yaw_bins",
    "nme",
    "nme_3d",
]
