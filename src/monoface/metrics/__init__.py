"""Measures of quality, in numpy: what evaluations and validation during training report."""

from monoface.metrics.agreement import Agreement
from monoface.metrics.bootstrap import Interval, bootstrap_mean, bootstrap_statistic
from monoface.metrics.colour_difference import delta_e, linear_to_lab, typology_angle_deg
from monoface.metrics.cumulative import CumulativeCurve, cumulative_curve
from monoface.metrics.landmarks import AFLW_NORMALISER_PX, box_normaliser, nme, nme_3d
from monoface.metrics.scan_distance import (
    DistanceSummary,
    chamfer_distance,
    root_mean_square,
    scan_to_surface,
    vertex_distance,
)
from monoface.metrics.yaw_bins import (
    BIN_MEAN,
    IMAGE_MEAN,
    YAW_BINS,
    BinnedMean,
    binned_mean,
    binned_std,
    bootstrap_intervals,
    in_yaw_bins,
)

__all__ = [
    "AFLW_NORMALISER_PX",
    "BIN_MEAN",
    "IMAGE_MEAN",
    "YAW_BINS",
    "Agreement",
    "BinnedMean",
    "CumulativeCurve",
    "DistanceSummary",
    "Interval",
    "binned_mean",
    "binned_std",
    "bootstrap_intervals",
    "bootstrap_mean",
    "bootstrap_statistic",
    "box_normaliser",
    "chamfer_distance",
    "cumulative_curve",
    "delta_e",
    "in_yaw_bins",
    "linear_to_lab",
    "nme",
    "nme_3d",
    "root_mean_square",
    "scan_to_surface",
    "typology_angle_deg",
    "vertex_distance",
]
