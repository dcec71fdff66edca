"""Offsets that are spread over a surface."""

import numpy as np
import pytest

from monoface.modelling.closing.spreading import EdgePoints, Wish, spreading, unique_edges

SIDE = 15


def grid():
    """A flat square of vertices one millimetre apart, and its triangles."""
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    verts = np.stack((x, y, 0 * x), axis=-1).reshape(-1, 3).astype(float)
    corner = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    a, b, c, d = (
        part.ravel() for part in (corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1])
    )
    return verts, np.concatenate((np.stack((a, b, c), axis=1), np.stack((a, c, d), axis=1)))


@pytest.fixture(scope="module")
def spread():
    """The middle is led by its only input; the border stays."""
    verts, faces = grid()
    moving = ((verts[:, :2] > 0) & (verts[:, :2] < SIDE - 1)).all(axis=1)
    middle = np.zeros((1, len(verts)))
    middle[0, SIDE * SIDE // 2] = 1
    return spreading(verts, faces, np.arange(len(verts)), moving, (Wish(middle, np.eye(1), 100.0),))


def test_what_is_wished_comes_true_and_the_border_stays(spread):
    offsets = spread(np.array([[0.0, 2.0, -1.0]])).reshape(SIDE, SIDE, 3)
    np.testing.assert_allclose(offsets[SIDE // 2, SIDE // 2], (0, 2, -1), atol=0.01)
    assert not offsets[[0, -1]].any()
    assert not offsets[:, [0, -1]].any()


def test_offsets_fade_without_jumps(spread):
    heights = spread(np.array([[0.0, 0.0, 1.0]])).reshape(SIDE, SIDE, 3)[SIDE // 2, : SIDE // 2 + 1, 2]
    assert (np.diff(heights) > -1e-6).all()
    assert np.diff(heights).max() < 0.4


def test_it_is_linear_over_batches(spread):
    inputs = np.random.default_rng(0).standard_normal((4, 1, 3))
    np.testing.assert_allclose(spread(inputs)[2], spread(inputs[2]))
    np.testing.assert_allclose(spread(3 * inputs), 3 * spread(inputs))


def test_copies_along_a_seam_move_together():
    verts, faces = grid()
    copied = np.concatenate((verts, verts[SIDE * SIDE // 2][None]))
    weld = np.append(np.arange(len(verts)), SIDE * SIDE // 2)
    wish = np.zeros((1, len(copied)))
    wish[0, SIDE * SIDE // 2] = 1
    moving = ((copied[:, :2] > 2) & (copied[:, :2] < 12)).all(axis=1)
    offsets = spreading(copied, faces, weld, moving, (Wish(wish, np.eye(1), 100.0),))(np.ones((1, 3)))
    np.testing.assert_array_equal(offsets[-1], offsets[SIDE * SIDE // 2])


def test_points_on_edges_by_hand():
    points = EdgePoints(np.array(((0, 1), (1, 2))), np.array((0.25, 1.0)))
    values = np.array(((0.0, 0, 0), (4, 0, 0), (0, 8, 0)))
    expected = ((1, 0, 0), (0, 8, 0))
    np.testing.assert_allclose(points.take(values), expected)
    np.testing.assert_allclose(points.matrix(3) @ values, expected)


def test_every_edge_comes_once():
    assert unique_edges(np.array(((0, 1, 2), (2, 1, 3)))).tolist() == [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]]
