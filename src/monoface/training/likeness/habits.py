"""Where a network puts its points, on average, against the face model's: offsets in the model frame."""

import numpy as np
from jaxtyping import Float, Float64

from monoface.facemodel.estimation.evidence import MarkedPhotos, PoseGuess, gather, settle
from monoface.facemodel.estimation.point_model import PointModel
from monoface.training.likeness.looks import Looks

_ROUNDS, _STEPS = 3, 2
# Expressions are held this near to what the network says, so that none takes up an offset.
_EXPRESSION_SD = 0.03
_TURN_SD_RAD, _SHIFT_SD_MM, _ZOOM_SD = 0.05, 5.0, 0.05
_SIGMA_MM = 2.0
# An offset of 0 counts as so many photos do in which it is seen.
_PHOTOS_OF_NONE = 5.0
_TOGETHER = 256


def find_habits(
    model: PointModel, looks: Looks, identity: Float[np.ndarray, "photos identity"]
) -> Float64[np.ndarray, "points 3"]:
    """Offsets that leave least over on photos of faces turned any way.

    Args:
        model: The face model at the points.
        looks: Photos with faces in all of them.
        identity: Who is seen in each, as well as it is known.
    """
    habit = np.zeros(model.mean_mm.shape)
    for _ in range(_ROUNDS):
        moved = model.moved(habit)
        left, right = np.zeros((len(habit), 3, 3)), np.zeros((len(habit), 3))
        for start in range(0, len(looks), _TOGETHER):
            rows = np.arange(start, min(start + _TOGETHER, len(looks)))
            residual, weight, rotation = _left_over(moved, looks[rows], identity[rows])
            across = rotation[:, :2]
            left += np.einsum("np,nac,nad->pcd", weight, across, across)
            right += np.einsum("np,npa,nac->pc", weight, residual, across)
        target = right - _PHOTOS_OF_NONE * habit
        habit = habit + np.linalg.solve(left + _PHOTOS_OF_NONE * np.eye(3), target[..., None])[..., 0]
    return habit


def _left_over(
    model: PointModel, looks: Looks, identity: Float[np.ndarray, "photos identity"]
) -> tuple[
    Float64[np.ndarray, "photos points 2"],
    Float64[np.ndarray, "photos points"],
    Float64[np.ndarray, "photos 3 3"],
]:
    """What faces leave over of points, in mm in the picture; how much each counts; and their rotations."""
    start = looks.start
    guess = PoseGuess(start, _TURN_SD_RAD, _SHIFT_SD_MM, _ZOOM_SD)
    sigma = np.maximum(looks.seen.sigma_px / start.scale_px[:, None], _SIGMA_MM)
    marked = MarkedPhotos(
        looks.seen.place_px,
        sigma,
        start.expression,
        np.full_like(start.expression, _EXPRESSION_SD),
        np.zeros_like(looks.seen.place_px),
        guess=guess,
    )
    poses = start
    for _ in range(_STEPS):
        poses = settle(model, marked, poses, identity)
    found = gather(model, marked, poses, identity)
    weight = found.weight * (_SIGMA_MM / sigma) ** 2
    return np.nan_to_num(found.residual_mm), weight, poses.rotation
