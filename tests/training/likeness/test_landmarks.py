"""Offsets of annotators' points from faces that are turned any way."""

import numpy as np
from numpy.testing import assert_allclose

from monoface.facemodel.landmarks import LEFT_RIGHT_68
from monoface.training.likeness.landmarks import offsets_of, strength_mm


def _turned(yaw_rad):
    cosine, sine = np.cos(yaw_rad), np.sin(yaw_rad)
    return np.array([[cosine, 0, -sine], [0, -1, 0], [-sine, 0, -cosine]])


def test_offsets_that_pictures_show_are_found_in_three_dimensions():
    rng = np.random.default_rng(0)
    true = rng.normal(size=(68, 3))
    true = (true + true[list(LEFT_RIGHT_68)] * (-1, 1, 1)) / 2
    rotation = np.stack([_turned(yaw) for yaw in rng.uniform(-1.2, 1.2, 400)])
    shown = np.einsum("nac,pc->npa", rotation[:, :2], true)
    found = offsets_of(shown + rng.normal(scale=0.2, size=shown.shape), rotation)
    assert_allclose(found, true, atol=0.12)
    assert_allclose(found, found[list(LEFT_RIGHT_68)] * (-1, 1, 1), atol=1e-12)


def test_few_pictures_tell_little():
    rotation = np.stack([_turned(0.0)])
    found = offsets_of(np.full((1, 68, 2), (0.0, 3.0)), rotation)
    assert np.abs(found).max() < 1
    assert strength_mm({"ibug68": found})["ibug68"] > 0
