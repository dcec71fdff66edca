"""Normalised mean error (NME) of landmarks, as the benchmarks of the field define it.

All functions give one value per photo, as a fraction of the normaliser; times 100 it is the
percentage that papers print.
"""

import math

import numpy as np
from jaxtyping import Float, Float64

from monoface.core.errors import DataError

AFLW_NORMALISER_PX = 120 / math.sqrt(2)
"""Constant normaliser of AFLW's 120 x 120 crops, whose side is sqrt(2) times the face's box.

The published AFLW protocol divides by the box of 68 fitted points, which the data set does not come with.
"""


def box_normaliser(points_px: Float[np.ndarray, "photos points axes"]) -> Float64[np.ndarray, " photos"]:
    """Square root of the area of the points' bounding box in x and y, in pixels.

    Raises:
        DataError: If the box of a photo has no area, or a point is not finite.

    Reference:
        Zhu et al., "Face Alignment Across Large Poses: A 3D Solution", CVPR 2016. The box is that of the
        true points and two-dimensional, also where the error is three-dimensional.
    """
    extent = np.ptp(points_px[..., :2].astype(np.float64), axis=-2)
    area = extent.prod(axis=-1)
    if not (area > 0).all():
        raise DataError(
            f"true points: expected a bounding box with area in every photo, got none in photo "
            f"{int(np.argmin(area > 0))}. Leave that photo out."
        )
    return np.sqrt(area)


def nme(
    predicted_px: Float[np.ndarray, "photos points 2"],
    true_px: Float[np.ndarray, "photos points 2"],
    normaliser_px: Float[np.ndarray, " photos"] | float,
) -> Float64[np.ndarray, " photos"]:
    """Mean distance of the points in the image, over the normaliser.

    Points whose truth is NaN (invisible) are skipped; a photo without any other gives NaN, and so does
    a photo with a predicted point that is not finite.
    """
    difference = predicted_px.astype(np.float64) - true_px
    return _mean_over_annotated(difference, true_px) / normaliser_px


def nme_3d(
    predicted_px: Float[np.ndarray, "photos points 3"],
    true_px: Float[np.ndarray, "photos points 3"],
    normaliser_px: Float[np.ndarray, " photos"] | float,
) -> Float64[np.ndarray, " photos"]:
    """Mean distance of the points in space, over the normaliser.

    Depth is in pixels, and counts from each shape's own smallest: absolute depth is not observable.
    Points and photos are skipped as in `nme`.

    Reference:
        The evaluation code of 2DASL (Tu et al., IEEE Transactions on Multimedia 2021).
    """
    difference = _from_smallest_depth(predicted_px) - _from_smallest_depth(true_px)
    return _mean_over_annotated(difference, true_px) / normaliser_px


def _from_smallest_depth(points_px: Float[np.ndarray, "photos points 3"]) -> Float64[np.ndarray, "..."]:
    shifted = points_px.astype(np.float64)
    shifted[..., 2] -= np.fmin.reduce(shifted[..., 2], axis=-1, keepdims=True)
    return shifted


def _mean_over_annotated(
    difference_px: Float64[np.ndarray, "photos points axes"], true_px: Float[np.ndarray, "photos points axes"]
) -> Float64[np.ndarray, " photos"]:
    annotated = np.isfinite(true_px).all(axis=-1)
    distance_px = np.where(annotated, np.linalg.norm(difference_px, axis=-1), 0.0)
    count = annotated.sum(axis=-1)
    mean_px = distance_px.sum(axis=-1) / np.maximum(count, 1)
    return np.where((count > 0) & np.isfinite(mean_px), mean_px, np.nan)
