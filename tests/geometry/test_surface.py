import numpy as np
import pytest
from numpy.testing import assert_allclose
from scan_folders import face_cap

from monoface.core.errors import DataError
from monoface.geometry.surface import Surface, degenerate_triangles


def distance_to_triangle(point, a, b, c):
    """By the plane where the foot of the perpendicular lies inside, else by the nearest edge."""
    normal = np.cross(b - a, c - a)
    foot = point - normal * ((point - a) @ normal / (normal @ normal))
    inside = all(np.cross(end - start, foot - start) @ normal >= 0 for start, end in ((a, b), (b, c), (c, a)))
    if inside:
        return np.linalg.norm(point - foot)
    nearest = []
    for start, end in ((a, b), (b, c), (c, a)):
        part = np.clip((point - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)
        nearest.append(np.linalg.norm(point - start - part * (end - start)))
    return min(nearest)


def test_distances_by_hand():
    surface = Surface(np.array([(0.0, 0, 0), (4, 0, 0), (0, 4, 0)]), np.array([(0, 1, 2)]))
    points = np.array([(1.0, 1, 3), (-3, -4, 0), (4, 4, 0), (6, 0, 0), (1, 1, 0)])
    found = surface.closest(points)
    assert_allclose(found.distance, [3, 5, np.sqrt(8), 2, 0], atol=1e-12)
    assert_allclose(found.points[:3], [(1, 1, 0), (0, 0, 0), (2, 2, 0)], atol=1e-12)
    assert_allclose(surface.normals, [(0, 0, 1)])


def test_agrees_with_brute_force():
    rng = np.random.default_rng(0)
    verts, faces, _ = face_cap(side=9)
    verts += rng.normal(0, 3, verts.shape)
    points = verts[rng.integers(len(verts), size=80)] + rng.normal(0, 20, (80, 3))
    found = Surface(verts, faces).closest(points)
    expected = [min(distance_to_triangle(point, *verts[face]) for face in faces) for point in points]
    assert_allclose(found.distance, expected, atol=1e-9)
    assert_allclose(np.linalg.norm(points - found.points, axis=1), found.distance, atol=1e-9)


def test_triangles_without_area_are_left_out():
    verts = np.array([(0.0, 0, 0), (4, 0, 0), (0, 4, 0), (8, 0, 0)])
    faces = np.array([(0, 1, 3), (0, 1, 2), (2, 2, 2)])
    assert degenerate_triangles(verts, faces).tolist() == [True, False, True]
    surface = Surface(verts, faces)
    assert surface.degenerate == 2
    # The degenerate triangle would have reached to x = 8.
    assert_allclose(surface.closest(np.array([(8.0, 0, 0)])).distance, [4])


def test_small_triangles_are_no_degenerate_ones():
    verts = 1e-6 * np.array([(0.0, 0, 0), (4, 0, 0), (0, 4, 0)])
    assert not degenerate_triangles(verts, np.array([(0, 1, 2)])).any()


@pytest.mark.parametrize(
    ("verts", "faces", "message"),
    [
        (np.zeros((0, 3)), np.zeros((0, 3), int), "expected triangles, got 0 vertices and 0 triangles"),
        (np.zeros((1, 3)), np.zeros((0, 3), int), "expected triangles, got 1 vertices and 0 triangles"),
        (np.zeros((1, 3)), np.array([(0, 0, 0)]), "expected triangles with area, got 1 without any"),
        (np.eye(3), np.array([(0, 1, 3)]), r"expected vertex indices in 0\.\.2, got 0 to 3"),
        (np.diag([1, np.nan, 1]), np.array([(0, 1, 2)]), "expected finite vertices"),
    ],
)
def test_what_is_no_surface_is_refused(verts, faces, message):
    with pytest.raises(DataError, match=f"scan: {message}"):
        Surface(verts, faces, "scan")


def test_points_must_be_finite():
    surface = Surface(np.eye(3), np.array([(0, 1, 2)]))
    with pytest.raises(DataError, match="points: expected finite ones"):
        surface.closest(np.array([(0, np.inf, 0)]))
    assert len(surface.closest(np.zeros((0, 3))).distance) == 0
