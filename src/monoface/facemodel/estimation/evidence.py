"""What marked points of photos say of an identity: Gauss-Newton in information form.

Each photo has a pose, a scale and an expression of its own. They are eliminated (a Schur complement), so that
a photo comes down to an information matrix and a vector over the identity alone. Those of several photos of a
person, and of a prior, are simply added.

Everything here is numpy: it runs where labels are made and where faces are refined, without torch.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from monoface.facemodel.estimation.point_model import PointModel
from monoface.facemodel.estimation.poses import PoseGuess, Poses, turn

__all__ = [
    "Evidence",
    "MarkedPhotos",
    "PointModel",
    "PoseGuess",
    "Poses",
    "align",
    "follow",
    "gather",
    "residuals",
    "settle",
    "start_poses",
]

_POSE = 6
# Turns and changes of size of one step are held to what the linearisation stands for.
_LARGEST_TURN_RAD = 0.5
_LARGEST_ZOOM = 1.4
# Precision of what is known of turn, shift and scale without a guess: next to none.
_FREE = 1e-4
# Precision that holds an expression where it is.
_HELD = 1e12


@dataclass(frozen=True)
class MarkedPhotos:
    """Points marked in photos, and what is known of each photo beforehand.

    Attributes:
        points_px: Where points were marked, y down; NaN where they were not.
        sigma_mm: Standard deviation of a mark on the face, in millimetres, along each axis.
        expression: Mean of the prior of each expression weight.
        expression_sd: Its standard deviation.
        habit_mm: How far from the model's points these marks lie on average, in the picture, at the face's
            scale.
        robust: Residual, in standard deviations, at which a mark counts half.
        guess: What is known of the poses; nothing without it.
    """

    points_px: Float[np.ndarray, "photos points 2"]
    sigma_mm: Float[np.ndarray, "photos points"]
    expression: Float[np.ndarray, "photos expressions"]
    expression_sd: Float[np.ndarray, "photos expressions"]
    habit_mm: Float[np.ndarray, "photos points 2"]
    robust: float = 3.0
    guess: PoseGuess | None = None

    def __len__(self) -> int:
        return len(self.points_px)

    def __getitem__(self, rows: slice | np.ndarray) -> "MarkedPhotos":
        names = ("points_px", "sigma_mm", "expression", "expression_sd", "habit_mm")
        guess = None if self.guess is None else self.guess[rows]
        return replace(self, **{name: getattr(self, name)[rows] for name in names}, guess=guess)


@dataclass(frozen=True)
class Evidence:
    """What photos say of identities, around the identities and poses that they were linearised at.

    Attributes:
        information: Information matrix of each photo's identity; pose, scale and expression eliminated.
        vector: Its product with the step that the photo alone would take.
        residual_mm: Marks less predicted points, habits taken off, at the face's scale; NaN where unmarked.
        weight: How much each mark counted, from 0 to 1.
        own: Step of pose and expression if the identity stayed.
        own_by_identity: How that step changes with a step of the identity.
        own_covariance: Covariance of pose (turn in radians, shift in mm, logarithm of the scale) and
            expression, given the identity.
    """

    information: Float[np.ndarray, "photos identity identity"]
    vector: Float[np.ndarray, "photos identity"]
    residual_mm: Float[np.ndarray, "photos points 2"]
    weight: Float[np.ndarray, "photos points"]
    own: Float[np.ndarray, "photos own"]
    own_by_identity: Float[np.ndarray, "photos own identity"]
    own_covariance: Float[np.ndarray, "photos own own"]


def start_poses(model: PointModel, marked: MarkedPhotos, rotation: Float[np.ndarray, "photos 3 3"]) -> Poses:
    """Poses of the mean face under given rotations whose scale and shift meet the marks in least squares."""
    points = model.points(np.zeros((len(marked), model.identity_size)), marked.expression)
    placed = (points @ rotation.transpose(0, 2, 1))[..., :2]
    seen = np.isfinite(marked.points_px).all(-1)
    weight = np.where(seen, 1 / marked.sigma_mm**2, 0)
    weight = weight / np.maximum(weight.sum(1, keepdims=True), 1e-12)
    marks = np.where(seen[..., None], marked.points_px, 0)
    middle, aim = (np.einsum("np,npc->nc", weight, array) for array in (placed, marks))
    off, wanted = placed - middle[:, None], marks - aim[:, None]
    scale = (weight[..., None] * off * wanted).sum((1, 2)) / np.maximum(
        (weight[..., None] * off**2).sum((1, 2)), 1e-9
    )
    scale = np.maximum(scale, 1e-3)
    return Poses(rotation, scale, aim - scale[:, None] * middle, marked.expression.copy())


def gather(
    model: PointModel, marked: MarkedPhotos, poses: Poses, identity: Float[np.ndarray, "photos identity"]
) -> Evidence:
    """Linearise the projection of each photo, and eliminate its pose, scale and expression.

    Args:
        model: At the points that are marked.
        marked: The photos.
        poses: Where each is linearised.
        identity: The same of each photo's identity.
    """
    normal = _normal_equations(model, marked, poses, identity, of_identity=True)
    own = _POSE + model.expression_size
    cross = normal.matrix[:, :own, own:]
    covariance = np.linalg.inv(normal.matrix[:, :own, :own])
    by_step = covariance @ cross
    alone = (covariance @ normal.slope[:, :own, None])[..., 0]
    across = cross.transpose(0, 2, 1)
    information = normal.matrix[:, own:, own:] - across @ by_step
    vector = normal.slope[:, own:] - (across @ alone[..., None])[..., 0]
    return Evidence(information, vector, normal.residual_mm, normal.weight, alone, -by_step, covariance)


def follow(
    model: PointModel, poses: Poses, evidence: Evidence, step: Float[np.ndarray, "photos identity"]
) -> Poses:
    """Poses and expressions after the identities took a step."""
    return _moved(model, poses, evidence.own + (evidence.own_by_identity @ step[..., None])[..., 0])


def settle(
    model: PointModel, marked: MarkedPhotos, poses: Poses, identity: Float[np.ndarray, "photos identity"]
) -> Poses:
    """Poses and expressions after one step, while the identities stay; a fraction of the cost of `gather`."""
    normal = _normal_equations(model, marked, poses, identity, of_identity=False)
    return _moved(model, poses, np.linalg.solve(normal.matrix, normal.slope[..., None])[..., 0])


def align(
    model: PointModel, marked: MarkedPhotos, poses: Poses, identity: Float[np.ndarray, "photos identity"]
) -> Poses:
    """Poses after one step, while identities and expressions stay; a fraction of the cost of `settle`."""
    placed = _placed(model, poses, identity)
    residual, weight = _compared(marked, poses, placed)
    rows = np.concatenate((_by_pose(placed), np.nan_to_num(residual).transpose(0, 2, 1)[..., None]), axis=-1)
    rows = rows * (np.sqrt(weight) / marked.sigma_mm)[:, None, :, None]
    flat = rows.reshape(len(rows), 2 * rows.shape[2], _POSE + 1)
    product = flat.transpose(0, 2, 1) @ flat
    step = np.zeros((len(marked), _POSE + model.expression_size))
    matrix = product[:, :_POSE, :_POSE] + _FREE * np.eye(_POSE)
    step[:, :_POSE] = np.linalg.solve(matrix, product[:, :_POSE, _POSE:])[..., 0]
    return _moved(model, poses, step)


def residuals(
    model: PointModel, marked: MarkedPhotos, poses: Poses, identity: Float[np.ndarray, "photos identity"]
) -> Float[np.ndarray, "photos points 2"]:
    """Marks less predicted points in mm, habits taken off, at the face's scale; NaN where unmarked."""
    return _compared(marked, poses, _placed(model, poses, identity))[0]


def _placed(
    model: PointModel, poses: Poses, identity: Float[np.ndarray, "photos identity"]
) -> Float[np.ndarray, "photos points 3"]:
    """Points in the camera's axes, in mm from the model's origin."""
    points = model.points(identity, poses.expression)
    return points @ poses.rotation.transpose(0, 2, 1).astype(points.dtype, copy=False)


def _compared(
    marked: MarkedPhotos, poses: Poses, placed: Float[np.ndarray, "photos points 3"]
) -> tuple[Float[np.ndarray, "photos points 2"], Float[np.ndarray, "photos points"]]:
    """Residuals, NaN where unmarked, and how much each mark counts, 0 there."""
    scale = poses.scale_px[:, None, None]
    residual = (marked.points_px - poses.shift_px[:, None]) / scale - placed[..., :2] - marked.habit_mm
    seen = np.isfinite(residual).all(-1)
    relative = np.linalg.norm(np.where(seen[..., None], residual, 0), axis=-1) / marked.sigma_mm
    weight = np.where(seen, 1 / (1 + (relative / marked.robust) ** 2), 0)
    return np.where(seen[..., None], residual, np.nan), weight


@dataclass(frozen=True)
class _NormalEquations:
    """Of pose, expression and perhaps identity, in this order; priors of pose and expression are in them."""

    matrix: Float[np.ndarray, "photos unknowns unknowns"]
    slope: Float[np.ndarray, "photos unknowns"]
    residual_mm: Float[np.ndarray, "photos points 2"]
    weight: Float[np.ndarray, "photos points"]


def _normal_equations(
    model: PointModel,
    marked: MarkedPhotos,
    poses: Poses,
    identity: Float[np.ndarray, "photos identity"],
    *,
    of_identity: bool,
) -> _NormalEquations:
    placed = _placed(model, poses, identity)
    residual, weight = _compared(marked, poses, placed)

    modes = model.turned_modes(poses.rotation[:, :2], identity, poses.expression, of_identity=of_identity)
    unknowns = _POSE + modes.shape[-1]
    rows = np.empty((*modes.shape[:3], unknowns + 1), dtype=modes.dtype)
    rows[..., :_POSE] = _by_pose(placed)
    rows[..., _POSE:unknowns] = modes
    rows[..., unknowns] = np.nan_to_num(residual).transpose(0, 2, 1)
    rows *= (np.sqrt(weight) / marked.sigma_mm).astype(modes.dtype)[:, None, :, None]
    flat = rows.reshape(len(rows), 2 * rows.shape[2], unknowns + 1)
    # A matrix times its own transpose: BLAS computes one half of it.
    product = flat.transpose(0, 2, 1) @ flat
    matrix, slope = product[:, :unknowns, :unknowns], product[:, :unknowns, unknowns]
    _add_priors(matrix, slope, model, marked, poses)
    return _NormalEquations(matrix, slope, residual, weight)


def _add_priors(
    matrix: np.ndarray, slope: np.ndarray, model: PointModel, marked: MarkedPhotos, poses: Poses
) -> None:
    """Add what is known of poses and expressions to normal equations; in place, for they are our own."""
    own = _POSE + model.expression_size
    prior = np.full((len(marked), own), _FREE)
    if marked.guess is not None:
        prior[:, :_POSE] = marked.guess.precision
        slope[:, :_POSE] -= prior[:, :_POSE] * marked.guess.away(poses)
    prior[:, _POSE:] = 1 / marked.expression_sd**2
    slope[:, _POSE:own] -= prior[:, _POSE:] * (poses.expression - marked.expression)
    # Weights at a bound that want to leave it stay.
    held = _held(poses.expression, slope[:, _POSE:own], model.bounds)
    prior[:, _POSE:] = np.where(held, _HELD, prior[:, _POSE:])
    places = np.arange(own)
    matrix[:, places, places] += prior


def _moved(model: PointModel, poses: Poses, own: Float[np.ndarray, "photos own"]) -> Poses:
    """Poses and expressions after a step, which is kept within what it was computed for."""
    turned = turn(np.clip(own[:, :3], -_LARGEST_TURN_RAD, _LARGEST_TURN_RAD))
    expression = poses.expression + own[:, _POSE:]
    if model.bounds is not None:
        expression = np.clip(expression, *model.bounds)
    zoom = np.clip(1 + own[:, 5], 1 / _LARGEST_ZOOM, _LARGEST_ZOOM)
    return Poses(
        turned @ poses.rotation,
        poses.scale_px * zoom,
        poses.shift_px + own[:, 3:5] * poses.scale_px[:, None],
        expression,
    )


def _by_pose(placed: Float[np.ndarray, "photos points 3"]) -> Float[np.ndarray, "photos 2 points 6"]:
    """Derivatives of posed points in the picture by a turn in the camera frame, a shift, the log of scale."""
    x, y, z = placed[..., 0], placed[..., 1], placed[..., 2]
    found = np.zeros((len(placed), 2, placed.shape[1], _POSE), dtype=placed.dtype)
    found[:, 0, :, 1], found[:, 0, :, 2], found[:, 0, :, 5] = z, -y, x
    found[:, 1, :, 0], found[:, 1, :, 2], found[:, 1, :, 5] = -z, x, y
    found[:, 0, :, 3] = found[:, 1, :, 4] = 1
    return found


def _held(
    expression: Float[np.ndarray, "photos expressions"],
    slope: Float[np.ndarray, "photos expressions"],
    bounds: tuple[float, float] | None,
) -> Bool[np.ndarray, "photos expressions"]:
    if bounds is None:
        return np.zeros(expression.shape, dtype=bool)
    low, high = bounds
    return ((expression <= low) & (slope < 0)) | ((expression >= high) & (slope > 0))
