"""Poses of faces from marked points: where a fit begins, and fits with the identity held."""

import numpy as np
from jaxtyping import Float

from monoface.facemodel.estimation.evidence import (
    MarkedPhotos,
    PointModel,
    Poses,
    align,
    residuals,
    settle,
    start_poses,
)

TOGETHER = 256
"""Photos that are linearised at once, which bounds memory."""

# From the model frame (y up, z towards the viewer) to the camera frame of a face that looks at the camera.
_UPRIGHT = np.diag((1.0, -1.0, -1.0))
_YAWS_RAD = (-1.3, -0.65, 0.0, 0.65, 1.3)
_LARGEST_RESIDUAL_MM = 15.0


def rotation_of_points(
    model_mm: Float[np.ndarray, "points 3"], points_camera: Float[np.ndarray, "photos points 3"]
) -> Float[np.ndarray, "photos 3 3"]:
    """Rotations that bring a model's points closest to points in space, of any unit and place (Kabsch)."""
    off = points_camera - points_camera.mean(axis=1, keepdims=True)
    centred = model_mm - model_mm.mean(axis=0)
    u, _, vt = np.linalg.svd(off.transpose(0, 2, 1) @ centred)
    sign = np.sign(np.linalg.det(u @ vt))
    u[:, :, 2] *= sign[:, None]
    return u @ vt


def rotation_of_yaw(yaw_rad: Float[np.ndarray, " photos"]) -> Float[np.ndarray, "photos 3 3"]:
    """Rotations of upright faces that are turned; positive turns the nose to image left."""
    cosine, sine = np.cos(yaw_rad), np.sin(yaw_rad)
    nought, one = np.zeros_like(sine), np.ones_like(sine)
    rows = ((cosine, nought, -sine), (nought, one, nought), (sine, nought, cosine))
    return _UPRIGHT @ np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def yaw_rad(rotation: Float[np.ndarray, "photos 3 3"]) -> Float[np.ndarray, " photos"]:
    """How far faces are turned; positive turns the nose to image left. Within 90 degrees either way."""
    head = _UPRIGHT @ rotation
    yaw: np.ndarray = np.arcsin(np.clip(-head[:, 0, 2], -1, 1))
    return yaw


def upright_turn(rotation: Float[np.ndarray, "photos 3 3"]) -> Float[np.ndarray, "photos 2 2"]:
    """Turns in the picture plane that bring an upright head's picture to the posed one's."""
    up = rotation[:, :2, 1]
    length = np.maximum(np.linalg.norm(up, axis=-1, keepdims=True), 1e-9)
    x, y = (up / length).T
    return np.stack((np.stack((-y, -x), -1), np.stack((x, -y), -1)), -2)


def settled(
    model: PointModel,
    marked: MarkedPhotos,
    poses: Poses,
    identity: Float[np.ndarray, "photos identity"],
    steps: int,
    *,
    expressions: bool = True,
) -> tuple[Poses, Float[np.ndarray, "photos points 2"]]:
    """Poses and expressions after some steps with the identities held, and the residuals there."""
    step = settle if expressions else align
    parts, off = [], []
    for rows in slices(len(marked)):
        some, held = poses[rows], identity[rows]
        for _ in range(steps):
            some = step(model, marked[rows], some, held)
        parts.append(some)
        off.append(residuals(model, marked[rows], some, held))
    return Poses.joined(parts), np.concatenate(off)


def poses_from_marks(model: PointModel, marked: MarkedPhotos, steps: int = 8) -> Poses:
    """Poses of mean faces of which nothing is known but marks: the best of several yaws that fits begin at.

    Expressions are those of the prior.
    """
    identity = np.zeros((len(marked), model.identity_size))
    best: Poses | None = None
    lowest = np.full(len(marked), np.inf)
    for yaw in _YAWS_RAD:
        rotation = rotation_of_yaw(np.full(len(marked), yaw))
        start = start_poses(model, marked, _rolled(model, marked, rotation))
        found, residual = settled(model, marked, start, identity, steps, expressions=False)
        size = np.minimum(np.linalg.norm(residual, axis=-1), _LARGEST_RESIDUAL_MM)
        cost = np.nan_to_num(np.nanmean(np.where(np.isfinite(size), size, np.nan), axis=1), nan=np.inf)
        # A head seen from behind or standing on its head is none.
        cost += np.where(found.rotation[:, 2, 2] > 0.1, _LARGEST_RESIDUAL_MM, 0)
        better = cost < lowest
        lowest = np.where(better, cost, lowest)
        best = found if best is None else chosen_poses(better, found, best)
    assert best is not None
    return best


def chosen_poses(where: np.ndarray, first: Poses, second: Poses) -> Poses:
    """The first ones where asked for, the second ones elsewhere."""
    return Poses(
        np.where(where[:, None, None], first.rotation, second.rotation),
        np.where(where, first.scale_px, second.scale_px),
        np.where(where[:, None], first.shift_px, second.shift_px),
        np.where(where[:, None], first.expression, second.expression),
    )


def slices(count: int, together: int = TOGETHER) -> list[slice]:
    """Rows in groups of bounded size; one empty group of none."""
    return [slice(start, min(start + together, count)) for start in range(0, max(count, 1), together)]


def _rolled(
    model: PointModel, marked: MarkedPhotos, rotation: Float[np.ndarray, "photos 3 3"]
) -> Float[np.ndarray, "photos 3 3"]:
    """The rotations turned in the picture plane so that the mean face meets the marks best."""
    placed = model.mean_mm @ rotation.transpose(0, 2, 1)
    seen = np.isfinite(marked.points_px).all(axis=-1)
    marks = np.where(seen[..., None], marked.points_px, 0)
    share = seen / np.maximum(seen.sum(axis=1, keepdims=True), 1)
    here = placed[..., 0] + 1j * placed[..., 1]
    there = marks[..., 0] + 1j * marks[..., 1]
    here = here - (share * here).sum(axis=1, keepdims=True)
    there = there - (share * there).sum(axis=1, keepdims=True)
    turn = np.angle((share * here.conj() * there).sum(axis=1))
    cosine, sine = np.cos(turn), np.sin(turn)
    nought, one = np.zeros_like(turn), np.ones_like(turn)
    rows = ((cosine, -sine, nought), (sine, cosine, nought), (nought, nought, one))
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2) @ rotation
