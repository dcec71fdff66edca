"""Boxes around faces, their overlap, and the square of the photo that a regressor sees."""

import math

import numpy as np
from jaxtyping import Float

from monoface.core.arrays import Array, cast, namespace, numpy_of

SIDE_PER_BOX = math.sqrt(2)
"""Side of the square against the longer side of the box of the 68 landmarks.

Regressors are trained and measured with it: AFLW2000-3D's `roi_box` before the borders of the photo cut it.
What lies beyond them is black in the crop.
"""

# A second crop that has left the detection this far is a sign that the first pass saw no face.
_MAX_ZOOM = 2.5

# Landmark boxes of two people hardly overlap by more, even where one stands before the other.
_SAME_FACE_IOU = 0.65


def roi_of_box(box: Float[np.ndarray, "*batch 4"]) -> Float[np.ndarray, "*batch 4"]:
    """Square around a box of the 68 landmarks, sqrt(2) times as large as its longer side.

    Args:
        box: Left, top, right, bottom in pixels. A side below one pixel counts as one.
    """
    centre = (box[..., :2] + box[..., 2:]) / 2
    side = np.maximum((box[..., 2:] - box[..., :2]).max(axis=-1, keepdims=True), 1.0, dtype=np.float64)
    half = (side * SIDE_PER_BOX / 2).astype(centre.dtype)
    return np.concatenate((centre - half, centre + half), axis=-1).astype(np.float64)


def roi_from_points(points_px: Float[Array, "*batch points 2"]) -> Float[Array, "*batch 4"]:
    """Square around the box of points; see `roi_of_box`. It has no gradient."""
    roi = roi_of_box(box_of_points(numpy_of(points_px)))
    return cast(namespace(points_px).asarray(roi), points_px)


def box_of_points(points_px: Float[np.ndarray, "*batch points 2"]) -> Float[np.ndarray, "*batch 4"]:
    """Left, top, right, bottom of points in pixels."""
    return np.concatenate((points_px.min(axis=-2), points_px.max(axis=-2)), axis=-1)


def enlarge_box(box: Float[np.ndarray, "*batch 4"], factor: float) -> Float[np.ndarray, "*batch 4"]:
    """A box with the same middle and sides that are longer by a factor."""
    margin = (box[..., 2:] - box[..., :2]) * ((factor - 1) / 2)
    return np.concatenate((box[..., :2] - margin, box[..., 2:] + margin), axis=-1)


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


def box_area(box: Float[np.ndarray, "*batch 4"]) -> Float[np.ndarray, "*batch"] | np.floating:
    """Width times height."""
    return (box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1])


def box_intersection(
    box: Float[np.ndarray, " 4"], others: Float[np.ndarray, "count 4"]
) -> Float[np.ndarray, " count"]:
    """Area that one box shares with each of others."""
    shared = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    return np.maximum(shared[:, 0], 0) * np.maximum(shared[:, 1], 0)


def box_iou(
    box: Float[np.ndarray, " 4"], others: Float[np.ndarray, "count 4"]
) -> Float[np.ndarray, " count"]:
    """Intersection over union of one box with others; 0 where both are empty."""
    intersection = box_intersection(box, others)
    union = box_area(box) + box_area(others) - intersection
    return np.where(union > 0, intersection / np.where(union > 0, union, 1), 0)


def same_face(first: Float[np.ndarray, " 4"], second: Float[np.ndarray, " 4"]) -> bool:
    """Whether two boxes of landmarks overlap so much that they must show one face."""
    return bool(box_iou(first, second[None])[0] > _SAME_FACE_IOU)
