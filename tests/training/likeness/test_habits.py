"""Where a network puts its points on average."""

import numpy as np
from numpy.testing import assert_allclose

from monoface.training.likeness.habits import find_habits


def test_habits_are_found(face, photos_of):
    rng = np.random.default_rng(1)
    identity = rng.normal(size=(300, 4))
    habit = rng.normal(0, 2, face.mean_mm.shape)
    found = find_habits(face, photos_of(identity, habit, noise_mm=1.0), identity)
    off = np.linalg.norm(found - habit, axis=1)
    assert np.median(off) < 0.35 * np.median(np.linalg.norm(habit, axis=1))


def test_points_that_lie_where_they_should_have_none(face, photos_of):
    identity = np.random.default_rng(2).normal(size=(200, 4))
    assert_allclose(find_habits(face, photos_of(identity), identity), 0, atol=0.05)
