"""Known mistakes of landmark files are told by undoing them."""

import numpy as np
import pytest

from monoface.facemodel.landmarks import LEFT_RIGHT_68
from monoface.metrics.point_mistakes import MISTAKES, median_errors, point_errors

SIZE_PX = (640, 480)


@pytest.fixture
def face():
    """Points with sides that differ as little as those of a face."""
    rng = np.random.default_rng(3)
    half = rng.uniform(0, 1, (68, 2))
    mirrored = half[list(LEFT_RIGHT_68)] * (-1, 1)
    points = (half - np.array([0, 0.5]) + mirrored) / 2 * 60
    return points + rng.normal(0, 1, points.shape) + (380, 170)


CHANGES = {
    "mirrored": lambda points: points * (-1, 1) + (SIZE_PX[0], 0),
    "reversed": lambda points: points[::-1],
    "exchanged": lambda points: points[:, ::-1],
    "upwards": lambda points: points * (1, -1) + (0, SIZE_PX[1]),
    "fractions": lambda points: points / SIZE_PX,
    "scaled": lambda points: 2 * points,
    "shifted": lambda points: points + np.array((30, 0)),
    "moved": lambda points: 0.4 * points + (7, 20),
}


def test_every_mistake_has_a_change():
    assert set(CHANGES) == set(MISTAKES)


@pytest.mark.parametrize("name", CHANGES)
def test_a_mistake_is_told_by_undoing_it(face, name):
    noise = np.random.default_rng(0).normal(0, 0.5, face.shape)
    errors = point_errors(CHANGES[name](face) + noise * (name != "fractions"), face, LEFT_RIGHT_68, SIZE_PX)
    assert not errors.fits
    assert errors.mistake == name


def test_sides_exchanged_are_mirrored(face):
    assert point_errors(face[list(LEFT_RIGHT_68)], face, LEFT_RIGHT_68).mistake == "mirrored"


def test_right_points_fit(face):
    errors = point_errors(face + np.array((2, 1)), face, LEFT_RIGHT_68, SIZE_PX)
    assert errors.fits
    assert errors.mistake == ""


def test_unknown_points_do_not_count_and_few_prove_nothing(face):
    known = face.copy()
    known[5:] = np.nan
    assert point_errors(face, known, LEFT_RIGHT_68).fits
    known[4] = np.nan
    assert point_errors(face + 500, known, LEFT_RIGHT_68).fits


def test_rubbish_is_explained_by_nothing(face):
    rubbish = np.random.default_rng(1).uniform(0, 480, face.shape)
    errors = point_errors(rubbish, face, LEFT_RIGHT_68, SIZE_PX)
    assert not errors.fits
    assert errors.mistake == ""


def test_the_mistake_of_most_photos_counts(face):
    wrong = point_errors(face[:, ::-1], face, None)
    right = point_errors(face, face, None)
    assert median_errors([wrong, wrong, right]).mistake == "exchanged"
    assert median_errors([wrong, right, right]).fits
