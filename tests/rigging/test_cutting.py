"""Cuts of meshes: areas, borders and values are those of the part above."""

import numpy as np
import pytest
import trimesh
from numpy.testing import assert_allclose

from monoface.rigging.cutting import cut_mesh


@pytest.fixture
def ball():
    sphere = trimesh.creation.icosphere(subdivisions=3, radius=10.0)
    return np.asarray(sphere.vertices), np.asarray(sphere.faces)


def area(verts, faces):
    a, b, c = verts[faces].transpose(1, 0, 2)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2


def test_a_cut_ball_has_its_border_on_the_plane_and_the_area_of_a_cap(ball):
    verts, faces = ball
    cut = cut_mesh(verts[:, 1] - 2.3, faces, np.arange(len(verts)))
    above = cut.take(verts)
    edges = np.sort(np.concatenate((cut.faces[:, :2], cut.faces[:, 1:], cut.faces[:, [2, 0]])), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    border = np.unique(unique[count == 1])
    assert len(border) > 20
    # Edges that are cut next to their ends are cut a little beside.
    assert np.abs(above[border, 1] - 2.3).max() < 0.1
    assert area(above, cut.faces) == pytest.approx(2 * np.pi * 10 * 7.7, rel=0.02)


def test_triangles_keep_their_sides_and_values_are_linear(ball):
    verts, faces = ball
    cut = cut_mesh(verts[:, 1] - 2.3, faces, np.arange(len(verts)))
    above = cut.take(verts)
    a, b, c = above[cut.faces].transpose(1, 0, 2)
    assert (np.cross(b - a, c - a) * (a + b + c)).sum(axis=1).min() > 0
    linear = verts @ np.arange(6.0).reshape(3, 2) + 1
    assert_allclose(cut.take(linear), above @ np.arange(6.0).reshape(3, 2) + 1, atol=1e-9)
    assert_allclose(cut.take(np.stack((linear, 2 * linear)))[1], 2 * cut.take(linear))


def test_what_is_above_stays_as_it_is(ball):
    verts, faces = ball
    cut = cut_mesh(verts[:, 1] + 99, faces, np.arange(len(verts)))
    assert_allclose(cut.take(verts), verts)
    assert (cut.faces == faces).all()


def test_doubled_vertices_are_cut_at_one_place():
    verts = np.array(((0, 1, 0), (1, 1, 0), (0.5, -1, 0), (0, 1, 0), (0.5, -1, 0), (-1, 1, 0)), dtype=float)
    faces, weld = np.array(((0, 2, 1), (3, 5, 4))), np.array((0, 1, 2, 0, 2, 5))
    cut = cut_mesh(verts[:, 1], faces, weld)
    above = cut.take(verts)
    assert_allclose(above, above[cut.weld])
    assert len(np.unique(cut.weld)) == len(above) - 2
