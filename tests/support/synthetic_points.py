"""Points of a small face model in photos with known identities, poses and expressions; numpy alone."""

import numpy as np

from monoface.facemodel.estimation.evidence import MarkedPhotos, Poses
from monoface.facemodel.estimation.point_model import PointModel
from monoface.facemodel.estimation.poses import turn

POINTS, IDENTITY, EXPRESSIONS = 40, 6, 5
# An upright face that looks at the camera.
UPRIGHT = np.diag([1.0, -1.0, -1.0])


def small_model(dtype=np.float64, *, correctives=True):
    """A model of 40 points on a ball, whose second expression depends on the identity at a few of them."""
    rng = np.random.default_rng(11)
    mean = rng.normal(size=(POINTS, 3))
    mean = 70 * mean / np.linalg.norm(mean, axis=1, keepdims=True)
    identity = 2 * rng.normal(size=(IDENTITY, POINTS, 3))
    expression = 6 * rng.normal(size=(EXPRESSIONS, POINTS, 3))
    corrective = np.zeros((1, IDENTITY, POINTS, 3))
    corrective[:, :, 5:9] = 2 * rng.normal(size=(1, IDENTITY, 4, 3))
    arrays = [array.astype(dtype) for array in (mean, identity, expression)]
    if not correctives:
        return PointModel(*arrays)
    return PointModel(*arrays, corrected=np.array([1]), corrective_mm=corrective.astype(dtype))


def drawn_photos(count, seed=0, *, identity=None, turn_rad=0.4):
    """Identities and poses; with an identity, all photos are of that person."""
    rng = np.random.default_rng(seed)
    drawn = 0.7 * rng.normal(size=(count, IDENTITY))
    identities = drawn if identity is None else np.repeat(identity[None], count, axis=0)
    poses = Poses(
        turn(turn_rad * rng.normal(size=(count, 3))) @ UPRIGHT,
        rng.uniform(1, 3, count),
        rng.normal(100, 30, (count, 2)),
        rng.uniform(0.1, 0.7, (count, EXPRESSIONS)),
    )
    return identities, poses


def placed(model, identities, poses):
    """Where the points appear in the photos, in pixels."""
    points = model.points(identities, poses.expression) @ poses.rotation.transpose(0, 2, 1)
    return poses.scale_px[:, None, None] * points[..., :2] + poses.shift_px[:, None]


def marked(points_px, expression_sd=0.3, sigma_mm=1.0, **others):
    """Photos with points marked, and little known besides."""
    count = points_px.shape[:2]
    given = {
        "sigma_mm": np.full(count, sigma_mm),
        "expression": np.full((len(points_px), EXPRESSIONS), 0.4),
        "expression_sd": np.full((len(points_px), EXPRESSIONS), expression_sd),
        "habit_mm": np.zeros((*count, 2)),
        "robust": 1e6,
    }
    return MarkedPhotos(points_px, **given | others)


def off(poses, seed=1, *, turn_rad=0.05):
    """Poses that are a little wrong."""
    rng = np.random.default_rng(seed)
    count = len(poses)
    return Poses(
        turn(turn_rad * rng.normal(size=(count, 3))) @ poses.rotation,
        poses.scale_px * np.exp(0.05 * rng.normal(size=count)),
        poses.shift_px + 2 * rng.normal(size=(count, 2)),
        np.clip(poses.expression + 0.1 * rng.normal(size=poses.expression.shape), 0, 1),
    )
