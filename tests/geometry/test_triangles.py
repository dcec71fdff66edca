import math

import pytest
import torch
from torch.testing import assert_close

from monoface.geometry.rotations import HALF_TURN_ABOUT_X, matrix_from_axis_angle
from monoface.geometry.triangles import (
    normalize_or_zero,
    normalize_or_zero_reference,
    signed_areas_px,
    triangle_areas,
    triangle_normals,
    vertex_normals,
    vertex_normals_reference,
)

TETRAHEDRON = torch.tensor(((0.0, 0.0, 0.0), (2.0, 0.0, 0.0), (0.0, 3.0, 0.0), (0.0, 0.0, 1.0))).double()
OUTWARDS = torch.tensor(((0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)))


def test_areas_and_normals_by_hand():
    assert_close(triangle_areas(TETRAHEDRON, OUTWARDS)[:3], torch.tensor((3.0, 1.0, 1.5)).double())
    expected = torch.tensor(((0.0, 0.0, -1.0), (0.0, -1.0, 0.0), (-1.0, 0.0, 0.0))).double()
    assert_close(triangle_normals(TETRAHEDRON, OUTWARDS)[:3], expected)


def test_a_face_towards_the_viewer_has_negative_area_in_pixels():
    towards_viewer = torch.tensor(((0.0, 0.0, 0.0), (2.0, 0.0, 0.0), (0.0, 1.0, 0.0)))
    faces = torch.tensor(((0, 1, 2), (0, 2, 1)))
    assert triangle_normals(towards_viewer, faces)[0, 2] == 1
    in_camera = towards_viewer @ torch.tensor(HALF_TURN_ABOUT_X).T
    assert_close(signed_areas_px(in_camera[:, :2], faces), torch.tensor((-1.0, 1.0)))


def test_areas_grow_with_the_square_of_the_unit():
    assert_close(triangle_areas(10 * TETRAHEDRON, OUTWARDS), 100 * triangle_areas(TETRAHEDRON, OUTWARDS))


def test_normals_turn_with_the_mesh(rng):
    verts = torch.randn(2, 7, 3, dtype=torch.float64, generator=rng)
    faces = torch.randint(0, 7, (11, 3), generator=rng)
    rotation = matrix_from_axis_angle(torch.tensor((0.3, -1.1, 0.7), dtype=torch.float64))
    assert_close(vertex_normals(verts @ rotation.T, faces), vertex_normals(verts, faces) @ rotation.T)


def test_vertex_normals_weigh_by_area():
    # A large triangle in the plane z = 0 and a small one in x = 0 share the edge along y.
    verts = torch.tensor(((0.0, 0.0, 0.0), (0.0, 1.0, 0.0), (-3.0, 0.0, 0.0), (0.0, 0.0, -1.0)))
    normals = vertex_normals(verts, torch.tensor(((0, 1, 2), (1, 0, 3))))
    assert_close(normals[0], torch.tensor((1.0, 0.0, 3.0)) / math.sqrt(10))
    assert_close(normals[2], torch.tensor((0.0, 0.0, 1.0)))


def test_welded_vertices_share_a_normal():
    verts = TETRAHEDRON[torch.tensor((0, 1, 2, 3, 1))]
    apart = torch.tensor(((0, 2, 1), (0, 4, 3), (0, 3, 2), (4, 2, 3)))
    weld = torch.tensor((0, 1, 2, 3, 1))
    normals = vertex_normals(verts, apart, weld)
    assert_close(normals[:4], vertex_normals(TETRAHEDRON, OUTWARDS))
    assert_close(normals[4], normals[1])
    assert not torch.allclose(vertex_normals(verts, apart)[4], normals[1])


def test_degenerate_triangles_have_no_area_no_normal_and_no_gradient():
    verts = torch.tensor(((1.0, 2.0, 3.0), (1.0, 2.0, 3.0), (4.0, 5.0, 6.0))).requires_grad_()
    faces = torch.tensor(((0, 1, 2),))
    results = triangle_areas(verts, faces), triangle_normals(verts, faces), vertex_normals(verts, faces)
    assert all((result == 0).all() for result in results)
    sum(result.sum() for result in results).backward()
    assert (verts.grad == 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_fused_normals_are_those_of_the_definition(rng, dtype):
    faces = torch.randint(0, 30, (70, 3), generator=rng)
    weld = torch.arange(30)
    weld[torch.tensor((7, 19, 20))] = torch.tensor((2, 2, 11))
    weights = torch.randn(3, 30, 3, generator=rng, dtype=dtype)
    outcomes = []
    points = torch.randn(3, 30, 3, generator=rng, dtype=dtype)
    for function in (vertex_normals, vertex_normals_reference):
        verts = points.clone().requires_grad_()
        normals = function(verts, faces, weld)
        (normals * weights).sum().backward()
        outcomes.append((normals, verts.grad))
    tolerance = 2e-4 if dtype == torch.float32 else 1e-10
    assert_close(outcomes[0], outcomes[1], rtol=tolerance, atol=tolerance)


def test_gradients(rng):
    verts = torch.randn(2, 6, 3, dtype=torch.float64, generator=rng).requires_grad_()
    faces = torch.tensor(((0, 1, 2), (2, 1, 3), (3, 4, 5), (5, 0, 2)))
    weld = torch.tensor((0, 1, 2, 3, 4, 1))
    for function in (triangle_areas, triangle_normals, vertex_normals):
        assert torch.autograd.gradcheck(lambda v, function=function: function(v, faces), (verts,))
    assert torch.autograd.gradcheck(lambda v: vertex_normals(v, faces, weld), (verts,))
    assert torch.autograd.gradcheck(lambda v: signed_areas_px(v[..., :2], faces), (verts,))


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3)])
def test_normalising(rng, shape):
    vectors = torch.randn(*shape, generator=rng)
    assert_close(normalize_or_zero(vectors).norm(dim=-1), torch.ones(shape[:-1]))
    assert (normalize_or_zero(torch.zeros(shape)) == 0).all()


def test_fused_normalising_is_that_of_the_definition(rng):
    vectors = torch.randn(4, 5, 3, generator=rng, dtype=torch.float64)
    vectors[1, 2] = 0
    weights = torch.randn(4, 5, 3, generator=rng, dtype=torch.float64)
    outcomes = []
    for function in (normalize_or_zero, normalize_or_zero_reference):
        leaf = vectors.clone().requires_grad_()
        unit = function(leaf)
        (unit * weights).sum().backward()
        outcomes.append((unit, leaf.grad))
    assert_close(*outcomes)
