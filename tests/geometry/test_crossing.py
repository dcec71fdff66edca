import numpy as np
import pytest

from monoface.geometry.crossing import crossing_triangles

pytest.importorskip("scipy")

FLAT = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
TWO = np.array(((0, 1, 2), (3, 4, 5)))


@pytest.mark.parametrize(
    ("other", "crosses"),
    [
        # Through the middle; beside; above; and one whose own inside the first one's edge passes through.
        (((0.2, 0.2, -1), (0.2, 0.2, 1), (0.3, 0.4, 1)), True),
        (((1.2, 1.2, -1), (1.2, 1.2, 1), (1.3, 1.4, 1)), False),
        (((0.2, 0.2, 0.1), (0.6, 0.2, 0.2), (0.3, 0.4, 0.3)), False),
        (((0.5, -2, -2), (0.5, 3, -2), (0.5, 0.1, 3)), True),
    ],
)
def test_two_triangles(other, crosses):
    assert crossing_triangles(np.array((*FLAT, *other)), TWO).tolist() == [crosses, crosses]


def test_neighbours_do_not_cross_whatever_their_angle():
    verts = np.array((*FLAT, (0.1, 0.1, 0.01)))
    assert not crossing_triangles(verts, np.array(((0, 1, 2), (0, 3, 1)))).any()


def test_a_sheet_pushed_through_itself_crosses_where_it_was_pushed():
    """Two layers of a grid, and a bump of the lower one that comes out above the upper one."""
    rows, columns = np.meshgrid(np.arange(12.0), np.arange(12.0), indexing="ij")
    corner = np.arange(144).reshape(12, 12)
    a, b, c, d = (corner[y : 11 + y, x : 11 + x].ravel() for y, x in ((0, 0), (1, 0), (0, 1), (1, 1)))
    sheet = np.concatenate((np.stack((a, b, d), -1), np.stack((a, d, c), -1)))
    bump = 1.5 * np.exp(-((rows - 5.5) ** 2 + (columns - 5.5) ** 2) / 4)
    layers = [np.stack((rows, columns, height), -1).reshape(-1, 3) for height in (bump, np.ones((12, 12)))]
    verts, faces = np.concatenate(layers), np.concatenate((sheet, sheet + 144))
    crossing = crossing_triangles(verts, faces)
    at = verts[faces[crossing]].mean(axis=1)[:, :2] - 5.5
    assert 8 < crossing.sum() < 40
    assert np.linalg.norm(at, axis=1).max() < 3.5
    moved = verts @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0].T * 3 + 7
    np.testing.assert_array_equal(crossing_triangles(moved, faces), crossing)
