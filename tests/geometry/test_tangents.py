import torch
from torch.autograd import gradcheck
from torch.testing import assert_close

from monoface.geometry.tangents import orthonormal_tangents, tangent_handedness, texture_tangents

SQUARE = torch.tensor(((0, 1, 2), (0, 2, 3)))
UV = torch.tensor(((0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0)), dtype=torch.float64)


def _square(rng):
    """A parallelogram in space: position is linear in the texture coordinates."""
    axes = torch.randn(3, 2, 3, dtype=torch.float64, generator=rng)
    return UV @ axes, axes


def test_of_a_flat_patch_they_are_its_sides(rng):
    verts, axes = _square(rng)
    along_u, along_v = texture_tangents(verts, SQUARE, UV)
    assert_close(along_u, axes[:, :1].expand(-1, 4, -1))
    assert_close(along_v, axes[:, 1:].expand(-1, 4, -1))


def test_mirrored_textures_turn_them_and_their_handedness(rng):
    verts, axes = _square(rng)
    mirrored = torch.stack((1 - UV[:, 0], UV[:, 1]), dim=-1)
    along_u, along_v = texture_tangents(verts, SQUARE, mirrored)
    assert_close(along_u, -axes[:, :1].expand(-1, 4, -1))
    normals = torch.linalg.cross(axes[:, 1], axes[:, 0])[:, None].expand(-1, 4, -1)
    assert (tangent_handedness(normals, along_u, along_v) == -1).all()
    assert (tangent_handedness(normals, -along_u, along_v) == 1).all()


def test_vertices_of_no_triangle_have_none():
    verts = torch.rand(1, 5, 3, dtype=torch.float64)
    uv = torch.cat((UV, UV[:1]))
    along_u, along_v = texture_tangents(verts, SQUARE, uv)
    assert not along_u[:, 4].any()
    assert not along_v[:, 4].any()


def test_gradients(rng):
    verts = _square(rng)[0].requires_grad_()
    assert gradcheck(lambda points: texture_tangents(points, SQUARE, UV), (verts,))


def test_orthonormal_tangents_by_hand():
    normals = torch.tensor(((0.0, 0.0, 1.0), (1.0, 0.0, 0.0)))
    along_u = torch.tensor(((3.0, 0.0, 4.0), (2.0, 0.0, 0.0)))
    expected = torch.tensor(((1.0, 0.0, 0.0), (0.0, 0.0, 0.0)))
    assert_close(orthonormal_tangents(normals, along_u), expected)
