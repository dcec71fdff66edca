"""What marked points of photos say of an identity: Gauss-Newton in information form.

Each photo has a pose, a scale and an expression of its own. They are eliminated (a Schur complement), so that a
photo comes down to an information matrix and a vector over the identity alone. Those of several photos of a
person, and of a prior, are simply added.

Everything here is numpy: it runs where labels are made and where faces are refined, without torch.
"""

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from jaxtyping import Float, Int

from monoface.facemodel.landmarks import LandmarkSet
from monoface.facemodel.model import FaceModel

_POSE = 6
# Turns and changes of size of one step are held to what the linearisation stands for.
_LARGEST_TURN_RAD = 0.5
_LARGEST_ZOOM = 1.4


@dataclass(frozen=True)
class PointModel:
    """A face model at a few points of its surface, as arrays.

    Attributes:
        mean_mm: Points of the mean, neutral face.
        identity_mm: Offsets of the identity modes.
        expression_mm: Offsets of the expressions, for the mean face.
        corrected: Which expressions depend on the identity.
        corrective_mm: What each identity mode adds to their offsets.
        bounds: Range of expression weights; None for Gaussian spaces.
    """

    mean_mm: Float[np.ndarray, "points 3"]
    identity_mm: Float[np.ndarray, "identity points 3"]
    expression_mm: Float[np.ndarray, "expressions points 3"]
    corrected: Int[np.ndarray, " corrected"] = field(default_factory=lambda: np.zeros(0, np.int64))
    corrective_mm: Float[np.ndarray, "corrected identity points 3"] | None = None
    bounds: tuple[float, float] | None = (0.0, 1.0)

    @classmethod
    def of(cls, model: FaceModel, points: LandmarkSet) -> Self:
        """The model at the points of a set."""
        basis = model.subset(points)
        arrays = (basis.mean_mm, basis.identity_mm, basis.expression_mm)
        return cls(
            *(np.asarray(array.cpu().numpy(), np.float64) for array in arrays), bounds=model.expression_bounds
        )

    def chosen(self, points: Int[np.ndarray, " chosen"]) -> "PointModel":
        """The model at some of its points."""
        corrective = None if self.corrective_mm is None else self.corrective_mm[:, :, points]
        return replace(
            self,
            mean_mm=self.mean_mm[points],
            identity_mm=self.identity_mm[:, points],
            expression_mm=self.expression_mm[:, points],
            corrective_mm=corrective,
        )

    @property
    def identity_size(self) -> int:
        """Number of identity coefficients."""
        return len(self.identity_mm)

    @property
    def expression_size(self) -> int:
        """Number of expressions."""
        return len(self.expression_mm)

    def bases(
        self,
        identity: Float[np.ndarray, "photos identity"],
        expression: Float[np.ndarray, "photos expressions"],
    ) -> tuple[
        Float[np.ndarray, "photos points 3"],
        Float[np.ndarray, "#photos identity points 3"],
        Float[np.ndarray, "#photos expressions points 3"],
    ]:
        """Points in the model frame, and their derivatives by identity and by expression."""
        points, by_expression = self.posable(identity, expression)
        by_identity = self.identity_mm[None]
        if self.corrective_mm is not None and len(self.corrected):
            flat = self.corrective_mm.reshape(len(self.corrected), -1)
            by_identity = by_identity + (expression[:, self.corrected] @ flat).reshape(
                -1, *self.identity_mm.shape
            )
        return points, by_identity, by_expression

    def posable(
        self,
        identity: Float[np.ndarray, "photos identity"],
        expression: Float[np.ndarray, "photos expressions"],
    ) -> tuple[Float[np.ndarray, "photos points 3"], Float[np.ndarray, "#photos expressions points 3"]]:
        """Points in the model frame, and their derivatives by expression."""
        count = len(self.mean_mm)
        by_expression = self.expression_mm[None]
        if self.corrective_mm is not None and len(self.corrected):
            flat = self.corrective_mm.reshape(len(self.corrected), self.identity_size, -1)
            changed = np.einsum("nk,ckp->ncp", identity, flat, optimize=True)
            by_expression = np.repeat(by_expression, len(identity), axis=0)
            by_expression[:, self.corrected] += changed.reshape(len(identity), -1, count, 3)
        # The bilinear part is in one of the two alone, or it would count twice.
        moved = identity @ self.identity_mm.reshape(self.identity_size, -1)
        wide = by_expression.reshape(len(by_expression), self.expression_size, -1)
        moved = moved + (expression[:, None] @ wide)[:, 0]
        return self.mean_mm + moved.reshape(-1, count, 3), by_expression


@dataclass(frozen=True)
class MarkedPhotos:
    """Points marked in photos, and what is known of each photo beforehand.

    Attributes:
        points_px: Where points were marked, y down; NaN where they were not.
        sigma_mm: Standard deviation of a mark on the face, in millimetres, along each axis.
        expression: Mean of the prior of each expression weight.
        expression_sd: Its standard deviation.
        habit_mm: How far from the model's points these marks lie on average, in the picture, at the face's scale.
        robust: Residual, in standard deviations, at which a mark counts half.
    """

    points_px: Float[np.ndarray, "photos points 2"]
    sigma_mm: Float[np.ndarray, "photos points"]
    expression: Float[np.ndarray, "photos expressions"]
    expression_sd: Float[np.ndarray, "photos expressions"]
    habit_mm: Float[np.ndarray, "photos points 2"]
    robust: float = 3.0

    def __len__(self) -> int:
        return len(self.points_px)

    def __getitem__(self, rows: slice | np.ndarray) -> "MarkedPhotos":
        names = ("points_px", "sigma_mm", "expression", "expression_sd", "habit_mm")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})


@dataclass(frozen=True)
class Poses:
    """Weak-perspective pose and expression of each photo.

    A point X of the model frame is marked at `scale_px * (rotation @ X)[:2] + shift_px`; camera axes are x right,
    y down, z away from the camera.
    """

    rotation: Float[np.ndarray, "photos 3 3"]
    scale_px: Float[np.ndarray, " photos"]
    shift_px: Float[np.ndarray, "photos 2"]
    expression: Float[np.ndarray, "photos expressions"]

    def __getitem__(self, rows: slice | np.ndarray) -> "Poses":
        return Poses(self.rotation[rows], self.scale_px[rows], self.shift_px[rows], self.expression[rows])


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
        own_covariance: Covariance of pose (turn in radians, shift in mm, logarithm of the scale) and expression,
            given the identity.
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
    points = model.mean_mm + np.einsum("ne,epc->npc", marked.expression, model.expression_mm, optimize=True)
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
    """Linearise the projection of each photo, and eliminate its pose, scale and expression."""
    points, by_identity, by_expression = model.bases(identity, poses.expression)
    placed = points @ poses.rotation.transpose(0, 2, 1)
    residual, flat, precision, weight = _compared(marked, poses, placed)

    own = np.concatenate((_by_pose(placed), _turned(poses.rotation, by_expression)), axis=-1)
    own = own.reshape(len(marked), -1, own.shape[-1])
    shared = _turned(poses.rotation, by_identity).reshape(len(marked), -1, model.identity_size)

    weighted = (own * precision[..., None]).transpose(0, 2, 1)
    inner, slope = _with_prior(model, marked, poses, weighted @ own, (weighted @ flat[..., None])[..., 0])

    cross = weighted @ shared
    covariance = np.linalg.inv(inner)
    by_step = covariance @ cross
    alone = (covariance @ slope[..., None])[..., 0]
    outer = (shared * precision[..., None]).transpose(0, 2, 1)
    information = outer @ shared - cross.transpose(0, 2, 1) @ by_step
    vector = (outer @ flat[..., None])[..., 0] - (cross.transpose(0, 2, 1) @ alone[..., None])[..., 0]
    return Evidence(information, vector, residual, weight, alone, -by_step, covariance)


def follow(
    model: PointModel, poses: Poses, evidence: Evidence, step: Float[np.ndarray, "photos identity"]
) -> Poses:
    """Poses and expressions after the identities took a step."""
    return _moved(model, poses, evidence.own + (evidence.own_by_identity @ step[..., None])[..., 0])


def settle(
    model: PointModel,
    marked: MarkedPhotos,
    poses: Poses,
    identity: Float[np.ndarray, "photos identity"],
    *,
    expressions: bool = True,
) -> tuple[Poses, Float[np.ndarray, "photos points 2"]]:
    """One step of pose, scale and expression while the identities are held.

    Args:
        model: The face model at the marked points.
        marked: The marks.
        poses: Where the step begins.
        identity: Of each photo's face.
        expressions: Whether expressions move; without them a step takes a tenth of the time.

    Returns:
        The poses after the step, and the residuals before it: marks less predicted points, habits taken off,
        at the face's scale; NaN where unmarked.
    """
    points, by_expression = model.posable(identity, poses.expression)
    placed = points @ poses.rotation.transpose(0, 2, 1)
    residual, off, precision, _ = _compared(marked, poses, placed)
    root = np.sqrt(precision).astype(np.float32)
    own = _by_pose(placed).astype(np.float32)
    if expressions:
        own = np.concatenate(
            (own, _turned(poses.rotation.astype(np.float32), by_expression.astype(np.float32))), axis=-1
        )
    own = own.reshape(len(marked), -1, own.shape[-1]) * root[..., None]
    weighted = own.transpose(0, 2, 1)
    # Single precision is enough for where a step goes; what marks tell of identities needs more.
    inner = (weighted @ own).astype(np.float64)
    slope = (weighted @ (off * root)[..., None].astype(np.float32))[..., 0].astype(np.float64)
    if expressions:
        inner, slope = _with_prior(model, marked, poses, inner, slope)
        return _moved(model, poses, np.linalg.solve(inner, slope[..., None])[..., 0]), residual
    step = np.zeros((len(marked), _POSE + model.expression_size))
    step[:, :_POSE] = np.linalg.solve(inner + 1e-4 * np.eye(_POSE), slope[..., None])[..., 0]
    return _moved(model, poses, step), residual


def _compared(
    marked: MarkedPhotos, poses: Poses, placed: Float[np.ndarray, "photos points 3"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Residuals (NaN where unmarked), the same flat with zeros, their precisions, and weights of the marks."""
    scale = poses.scale_px[:, None, None]
    residual = (marked.points_px - poses.shift_px[:, None]) / scale - placed[..., :2] - marked.habit_mm
    seen = np.isfinite(residual).all(-1)
    off = np.where(seen[..., None], residual, 0)
    relative = np.linalg.norm(off, axis=-1) / marked.sigma_mm
    weight = np.where(seen, 1 / (1 + (relative / marked.robust) ** 2), 0)
    precision = np.repeat(weight / marked.sigma_mm**2, 2, axis=1)
    flat = off.reshape(len(marked), 2 * off.shape[1])
    return np.where(seen[..., None], residual, np.nan), flat, precision, weight


def _with_prior(
    model: PointModel, marked: MarkedPhotos, poses: Poses, inner: np.ndarray, slope: np.ndarray
) -> tuple[Float[np.ndarray, "photos own own"], Float[np.ndarray, "photos own"]]:
    """Normal equations of pose and expression with their prior; weights at a bound that want out are held."""
    prior = np.concatenate((np.full((len(marked), _POSE), 1e-4), 1 / marked.expression_sd**2), axis=1)
    slope[:, _POSE:] -= prior[:, _POSE:] * (poses.expression - marked.expression)
    held = _held(poses.expression, slope[:, _POSE:], model.bounds)
    prior[:, _POSE:] = np.where(held, 1e12, prior[:, _POSE:])
    inner[:, range(inner.shape[1]), range(inner.shape[1])] += prior
    return inner, slope


def _moved(model: PointModel, poses: Poses, own: Float[np.ndarray, "photos own"]) -> Poses:
    turn = _turn(np.clip(own[:, :3], -_LARGEST_TURN_RAD, _LARGEST_TURN_RAD))
    expression = poses.expression + own[:, _POSE:]
    if model.bounds is not None:
        expression = np.clip(expression, *model.bounds)
    zoom = np.clip(1 + own[:, 5], 1 / _LARGEST_ZOOM, _LARGEST_ZOOM)
    return Poses(
        turn @ poses.rotation,
        poses.scale_px * zoom,
        poses.shift_px + own[:, 3:5] * poses.scale_px[:, None],
        expression,
    )


def _by_pose(placed: Float[np.ndarray, "photos points 3"]) -> Float[np.ndarray, "photos points 2 6"]:
    """Derivatives of posed points in the picture by a turn in the camera frame, a shift and the log of scale."""
    x, y, z = placed[..., 0], placed[..., 1], placed[..., 2]
    nought, one = np.zeros_like(x), np.ones_like(x)
    rows = ((nought, z, -y, one, nought, x), (-z, nought, x, nought, one, y))
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _turned(
    rotation: Float[np.ndarray, "photos 3 3"], basis: Float[np.ndarray, "#photos modes points 3"]
) -> Float[np.ndarray, "photos points 2 modes"]:
    """What modes move in the picture, at the face's scale."""
    modes, points = basis.shape[1:3]
    # One product for each photo: two rows of the rotation times all modes and points.
    columns = np.ascontiguousarray(basis.transpose(0, 3, 2, 1)).reshape(len(basis), 3, points * modes)
    turned = rotation[:, :2] @ columns
    return turned.reshape(len(rotation), 2, points, modes).transpose(0, 2, 1, 3)


def _held(expression: np.ndarray, slope: np.ndarray, bounds: tuple[float, float] | None) -> np.ndarray:
    if bounds is None:
        return np.zeros(expression.shape, dtype=bool)
    low, high = bounds
    return ((expression <= low) & (slope < 0)) | ((expression >= high) & (slope > 0))


def _turn(vector_rad: Float[np.ndarray, "photos 3"]) -> Float[np.ndarray, "photos 3 3"]:
    """Rotation matrices of rotation vectors (Rodrigues)."""
    angle = np.linalg.norm(vector_rad, axis=-1)[:, None, None]
    x, y, z = vector_rad.T
    nought = np.zeros_like(x)
    cross = np.stack((nought, -z, y, z, nought, -x, -y, x, nought), axis=-1).reshape(-1, 3, 3)
    small = angle < 1e-6
    safe = np.where(small, 1.0, angle)
    sine = np.where(small, 1.0, np.sin(safe) / safe)
    cosine = np.where(small, 0.5, (1 - np.cos(safe)) / safe**2)
    return np.eye(3) + sine * cross + cosine * (cross @ cross)
