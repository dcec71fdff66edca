"""Which square of the photo the regressor sees: around a detection first, then around its own landmarks."""

import math

import numpy as np
from jaxtyping import Float

# The box that regressors are trained and measured with: AFLW2000-3D's `roi_box` before the borders of the
# photo cut it. What lies beyond them is black in the crop.
_SIDE_PER_BOX = math.sqrt(2)

# A second crop that has left the detection this far is a sign that the first pass saw no face.
_MAX_ZOOM = 2.5

# Landmark boxes of two people hardly overlap by more, even where one stands before the other.
_SAME_FACE_IOU = 0.65


def roi_of_box(box: Float[np.ndarray, " 4"]) -> Float[np.ndarray, " 4"]:
    """Square around a box of the 68 landmarks, sqrt(2) times as large as its longer side.

    Args:
        box: Left, top, right, bottom in pixels.
    """
    centre = (box[:2] + box[2:]) / 2
    half = max(float((box[2:] - box[:2]).max()), 1.0) * _SIDE_PER_BOX / 2
    return np.concatenate((centre - half, centre + half)).astype(np.float64)


def box_of_points(points_px: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, " 4"]:
    """Left, top, right, bottom of points in pixels."""
    return np.concatenate((points_px.min(axis=0), points_px.max(axis=0)))


def next_roi(
    points_px: Float[np.ndarray, "points 2"], first: Float[np.ndarray, " 4"]
) -> Float[np.ndarray, " 4"]:
    """Square around landmarks found in a first one, or the first one where they have run away from it.

    Landmarks have run away if their square is more than 2.5 times larger or smaller than the first, or its
    centre lies outside it: then there was no face, and a crop of somewhere else would not find one.
    """
    if not np.isfinite(points_px).all():
        return first
    roi = roi_of_box(box_of_points(points_px))
    zoom = (roi[2] - roi[0]) / (first[2] - first[0])
    centre = (roi[:2] + roi[2:]) / 2
    inside = bool((centre >= first[:2]).all() and (centre <= first[2:]).all())
    return roi if inside and 1 / _MAX_ZOOM <= zoom <= _MAX_ZOOM else first


def same_face(first: Float[np.ndarray, " 4"], second: Float[np.ndarray, " 4"]) -> bool:
    """Whether two boxes of landmarks cover each other so well that they must show one face."""
    shared = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    overlap = float(shared.clip(min=0).prod())
    union = float((first[2:] - first[:2]).prod() + (second[2:] - second[:2]).prod()) - overlap
    return union > 0 and overlap / union > _SAME_FACE_IOU
