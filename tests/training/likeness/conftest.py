"""A made-up face of few points, and photos of it as a network would have seen them."""

from dataclasses import replace

import numpy as np
import pytest

from monoface.facemodel.estimation.evidence import Poses
from monoface.facemodel.estimation.point_model import PointModel
from monoface.facemodel.estimation.refinement import SeenPoints
from monoface.training.likeness.looks import Looks

IDENTITY, EXPRESSION, POINTS = 4, 2, 60


@pytest.fixture(scope="session")
def face():
    """A bowl of points with random modes."""
    rng = np.random.default_rng(0)
    across = rng.uniform(-60, 60, (POINTS, 2))
    mean = np.concatenate((across, 40 - np.square(across).sum(1, keepdims=True) / 120), axis=1)
    identity, expression = (rng.normal(0, 4, (count, POINTS, 3)) for count in (IDENTITY, EXPRESSION))
    return PointModel(mean, identity, expression)


@pytest.fixture(scope="session")
def photos_of(face):
    """Makes looks of identities, with points moved by a habit, and noise."""

    def make(identity, habit_mm=0.0, noise_mm=0.0, said=None, seed=0):
        rng = np.random.default_rng(seed)
        count = len(identity)
        expression = rng.uniform(0, 0.5, (count, EXPRESSION))
        rotation = np.stack([turned(yaw) for yaw in rng.uniform(-0.7, 0.7, count)])
        scale, shift = rng.uniform(1, 2, count), rng.uniform(100, 200, (count, 2))
        points = face.points(identity, expression) + habit_mm
        points = (points @ rotation.transpose(0, 2, 1))[..., :2] + noise_mm * rng.normal(
            size=(count, POINTS, 2)
        )
        place = points * scale[:, None, None] + shift[:, None]
        seen = SeenPoints(place, np.repeat(scale[:, None], POINTS, axis=1))
        keys = tuple(f"photo{row}" for row in range(count))
        said = identity if said is None else said
        descriptor = np.zeros((count, 128))
        descriptor[:, :IDENTITY] = identity
        return Looks(keys, seen, Poses(rotation, scale, shift, expression), said, descriptor)

    return make


def turned(yaw_rad):
    """Rotation of a head that looks at the camera, then turned."""
    cosine, sine = np.cos(yaw_rad), np.sin(yaw_rad)
    return np.diag([1.0, -1.0, -1.0]) @ [[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]]


@pytest.fixture(scope="session")
def without_a_face():
    """Looks whose row of a number is empty."""

    def make(looks, row):
        scale = looks.start.scale_px.copy()
        scale[row] = np.nan
        return replace(looks, start=replace(looks.start, scale_px=scale))

    return make
