import numpy as np
import pytest
from numpy.testing import assert_allclose
from scan_folders import face_cap, rotation

from monoface.core.errors import DataError
from monoface.geometry.nonrigid import Keypoints, Stage, register_nonrigid

STAGES = [Stage(50.0, 1.0, 10), Stage(20.0, 0.5, 10)]


@pytest.fixture(scope="module")
def cap():
    verts, faces, _ = face_cap(side=13)
    return verts, faces


def test_what_fits_already_stays(cap):
    verts, faces = cap
    assert_allclose(register_nonrigid(verts, faces, verts, STAGES), verts, atol=1e-6)


def test_keypoints_alone_move_everything_alike_if_they_move_rigidly(cap):
    """A rigid motion costs no stiffness, so a stiff mesh follows its keypoints exactly."""
    verts, faces = cap
    index = np.array([0, 12, 84, 156, 168])
    moved = verts @ rotation((0.1, 0.2, 0)).T + (5, 0, -3)
    stage = Stage(150.0, 1.0, 1, closest=False, keypoint_weight=50.0)
    found = register_nonrigid(verts, faces, moved, [stage], Keypoints(index, moved[index]))
    assert_allclose(found, moved, atol=1e-2)


def test_a_softer_mesh_comes_closer(cap):
    verts, faces = cap
    target = (
        verts + np.array((0, 0, 1)) * 4 * np.exp(-(((verts[:, :2] - (20, 10)) / 30) ** 2).sum(1))[:, None]
    )

    def distance(stiffness):
        found = register_nonrigid(verts, faces, target, [Stage(stiffness, 1e-3, 5)])
        return np.linalg.norm(found - target, axis=1).mean()

    assert distance(5.0) < distance(50.0) < distance(500.0) < np.linalg.norm(verts - target, axis=1).mean()


def test_one_step_agrees_with_dense_least_squares():
    rng = np.random.default_rng(0)
    verts = 10 * rng.normal(size=(4, 3))
    faces = np.array([(0, 1, 2), (1, 2, 3)])
    targets = verts + 0.3 * rng.normal(size=(4, 3))
    found = register_nonrigid(verts, faces, targets, [Stage(2.0, 0.0, 1, turn_weight=(1, 1, 2, 1))])
    rows = [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)]
    stiff = np.zeros((4 * len(rows), 16))
    for row, (i, j) in enumerate(rows):
        for axis, weight in enumerate((1, 1, 2, 1)):
            stiff[4 * row + axis, 4 * i + axis] = 2 * weight
            stiff[4 * row + axis, 4 * j + axis] = -2 * weight
    place = np.zeros((4, 16))
    for vertex in range(4):
        place[vertex, 4 * vertex : 4 * vertex + 4] = (*verts[vertex], 1)
    goal = np.concatenate((np.zeros((len(stiff), 3)), targets))
    maps = np.linalg.lstsq(np.concatenate((stiff, place)), goal, rcond=None)[0]
    assert_allclose(found, place @ maps, atol=1e-5)


def test_broken_points_are_refused(cap):
    verts, faces = cap
    with pytest.raises(DataError, match="expected finite vertices and targets"):
        register_nonrigid(verts, faces, np.full((2, 3), np.nan), STAGES)
    with pytest.raises(DataError, match="expected finite vertices and targets"):
        register_nonrigid(verts, faces, np.zeros((0, 3)), STAGES)
